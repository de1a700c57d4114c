"""How long a write waits when the leader is killed, or falls silent: measured with the client
library, one client in a closed loop.

CHAT262_KILLS says how often (the cluster suite: 5; `./dev bench`: 20).
"""
import os
import statistics

import harness
from harness import Cluster
from load import Load

KILLS = int(os.environ.get('CHAT262_KILLS', '5'))


def measure(hurt, heal, times, wait_max_ms):
    with Cluster() as cluster:
        load = Load(cluster, '--clients', 1)
        load.wait_more(50)
        waits = []
        for _ in range(times):
            victim = cluster.wait_leader()
            load.longest_ms = 0
            hurt(cluster[victim])
            cluster.wait_leader(but=[victim])
            load.wait_more(50)
            waits.append(load.longest_ms)
            heal(cluster[victim])
            cluster.wait_in_sync()
            load.wait_more(50)
        writers = load.finish()
        print(f'{times} times: median {statistics.median(waits):.0f} ms, max {max(waits):.0f} ms; '
              f'all: {" ".join(f"{w:.0f}" for w in waits)}')
        assert max(waits) <= wait_max_ms, f'a write waited {max(waits):.0f} ms'
        cluster.settle_and_check(writers)


CASES = {
    'killed_leader': lambda: measure(lambda s: s.kill(), lambda s: s.start(), KILLS, 1500),
    'silent_leader': lambda: measure(lambda s: s.pause(), lambda s: s.resume(),
                                     max(1, KILLS // 4), 2500),
}

if __name__ == '__main__':
    harness.main(CASES)

"""A server that missed many messages comes back while the writing goes on.

CHAT262_MISSED says how many (the cluster suite: 5,000; `./dev bench`: 50,000).
"""
import os
import time

import harness
from harness import Cluster
from load import Load

MISSED = int(os.environ.get('CHAT262_MISSED', '5000'))


def missed(role):
    with Cluster() as cluster:
        load = Load(cluster, '--clients', 32)
        load.wait_more(500)
        leader = cluster.wait_leader()
        victim = leader if role == 'leader' else (leader + 1) % 3
        cluster[victim].kill()
        load.wait_more(MISSED, 120)
        load.longest_ms, begin, before = 0, time.monotonic(), load.total
        cluster[victim].start()
        cluster.wait_in_sync(seconds=60)
        seconds, written = time.monotonic() - begin, load.total - before
        print(f'missed {MISSED}: in-sync after {seconds:.2f} s, {written} written meanwhile, '
              f'longest write {load.longest_ms:.0f} ms')
        load.wait_more(500)
        assert written > 0, 'the writing stopped'
        assert load.longest_ms <= 1500, f'a write waited {load.longest_ms:.0f} ms'
        cluster.settle_and_check(load.finish(), seconds=60)


CASES = {'follower': lambda: missed('follower'), 'leader': lambda: missed('leader')}

if __name__ == '__main__':
    harness.main(CASES)

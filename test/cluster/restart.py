"""Start orders, and clusters of other sizes than three."""
import itertools

import harness
from harness import Cluster


def any_start_order():
    for order in itertools.permutations(range(3)):
        with Cluster(start=False) as cluster:
            for number in order:
                cluster[number].start()
                harness.wait_until(cluster[number].status, f'server {number} answers')
            cluster.wait_in_sync()


def size(servers):
    with Cluster(servers) as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers)
        for number in range(servers - 1):
            cluster[number].kill()
            harness.more(writers, 5)
        for number in range(servers - 1):
            cluster[number].start()
        cluster.wait_in_sync(seconds=60)
        harness.more(writers, 5)
        harness.finish(writers)
        cluster.settle_and_check(writers, seconds=60)


CASES = {'any_start_order': any_start_order,
         'one_server': lambda: size(1), 'two_servers': lambda: size(2),
         'seven_servers': lambda: size(7)}

if __name__ == '__main__':
    harness.main(CASES)

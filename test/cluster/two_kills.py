"""Every order of two kills out of three while clients write: the last server goes on alone, and
both others come back."""
import harness
from harness import Cluster


def two_kills(first, second):
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        cluster[first].kill()
        harness.more(writers)
        cluster[second].kill()
        harness.more(writers)
        cluster[first].start()
        harness.more(writers)
        cluster[second].start()
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


CASES = {f'kill_{a}_then_{b}': lambda a=a, b=b: two_kills(a, b)
         for a in range(3) for b in range(3) if a != b}

if __name__ == '__main__':
    harness.main(CASES)

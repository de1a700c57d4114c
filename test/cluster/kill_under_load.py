"""kill -9 of leaders and of followers under load, each restarted while the writing goes on."""
import harness
from harness import Cluster


def kills(pick, times):
    with Cluster() as cluster:
        writers = harness.start_writers(cluster, count=3)
        for n in range(times):
            victim = pick(cluster.wait_leader(), n)
            cluster[victim].kill()
            harness.more(writers)
            cluster[victim].start()
            harness.more(writers)
            cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def restarted_before_it_is_missed():
    """The leader is back before anybody can have suspected it: its new life is not its old one."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        for _ in range(4):
            victim = cluster.wait_leader()
            cluster[victim].kill()
            cluster[victim].start()
            harness.more(writers)
            cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


CASES = {
    'leaders': lambda: kills(lambda leader, n: leader, 5),
    'followers': lambda: kills(lambda leader, n: (leader + 1 + n % 2) % 3, 5),
    'restarted_before_it_is_missed': restarted_before_it_is_missed,
}

if __name__ == '__main__':
    harness.main(CASES)

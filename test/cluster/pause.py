"""SIGSTOP: a server that is silent but not dead, and comes back believing what it believed."""
import harness
from harness import Cluster

WAIT_MAX = 2.5  # seconds: the longest that one write may wait when the leader falls silent


def leader_falls_silent():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        leader = cluster.wait_leader()
        before = [len(w.waits) for w in writers]
        cluster[leader].pause()
        harness.more(writers)
        waited = max(max(w.waits[n:]) for w, n in zip(writers, before))
        print(f'longest write: {waited:.3f} s')
        assert waited <= WAIT_MAX, f'a write waited {waited:.3f} s'
        cluster[leader].resume()
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def leader_silent_for_10_s():
    """It resumes as somebody else leads: it must serve nothing of its own past."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        old = cluster.wait_leader()
        cluster[old].pause()
        harness.more(writers)
        new = cluster.wait_leader(but=[old])
        harness.wait_until(harness.elapsed(10), 'ten seconds', 15)
        cluster[old].resume()
        harness.more(writers)
        cluster.wait_in_sync()
        assert cluster.wait_leader() == new, 'leadership moved back by itself'
        harness.finish(writers)
        cluster.settle_and_check(writers)


def follower_falls_silent():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        follower = (cluster.wait_leader() + 1) % 3
        before = [len(w.waits) for w in writers]
        cluster[follower].pause()
        harness.more(writers)
        waited = max(max(w.waits[n:]) for w, n in zip(writers, before))
        print(f'longest write: {waited:.3f} s')
        assert waited <= WAIT_MAX, f'a write waited {waited:.3f} s'
        cluster[follower].resume()
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def everybody_falls_silent():
    """As when a laptop sleeps."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        for server in cluster.servers:
            server.pause()
        harness.wait_until(harness.elapsed(3), 'three seconds', 5)
        for server in cluster.servers:
            server.resume()
        harness.more(writers)
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


CASES = {f.__name__: f for f in (leader_falls_silent, leader_silent_for_10_s,
                                 follower_falls_silent, everybody_falls_silent)}

if __name__ == '__main__':
    harness.main(CASES)

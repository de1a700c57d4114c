"""A server that lost its disk: it learns everything again, and leads nothing until it has."""
import shutil

import harness
from harness import Cluster
from total_failure import kill_all, start_in, wait_refusal


def one_disk_lost(role):
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers, 100)
        leader = cluster.wait_leader()
        victim = leader if role == 'leader' else (leader + 1) % 3
        cluster[victim].kill()
        shutil.rmtree(cluster[victim].data)
        cluster[victim].start()
        harness.more(writers)
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def lost_before_a_total_failure():
    """Server 0, first in the order, went down before the others and comes back empty. It must not
    begin a new history; those who went on without it bring it up to date."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        cluster[0].kill()
        harness.more(writers)
        harness.finish(writers)
        kill_all(cluster)
        shutil.rmtree(cluster[0].data)
        start_in(cluster, [0])
        wait_refusal(cluster, 0, [1, 2])
        start_in(cluster, [1])
        wait_refusal(cluster, 1, [2])
        start_in(cluster, [2])
        cluster.settle_and_check(writers)


def lost_by_one_that_may_have_gone_on_alone():
    """All die at once and 0 comes back empty: it may have acknowledged what nobody else holds. That
    is for an operator to decide: the others wait, and say for whom."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers)
        harness.finish(writers)
        cluster.push_commit()
        kill_all(cluster)
        shutil.rmtree(cluster[0].data)
        start_in(cluster, [0, 1, 2])
        wait_refusal(cluster, 1, [0])
        assert 'disk' in cluster[1].status()['waiting_why'], cluster[1].status()
        for number in (1, 2):
            texts = [m['text'] for m in harness.export(cluster[number])]
            for writer in writers:
                assert set(writer.acknowledged) <= set(texts), f'server {number}'


CASES = {'follower': lambda: one_disk_lost('follower'), 'leader': lambda: one_disk_lost('leader'),
         'lost_before_a_total_failure': lost_before_a_total_failure,
         'lost_by_one_that_may_have_gone_on_alone': lost_by_one_that_may_have_gone_on_alone}

if __name__ == '__main__':
    harness.main(CASES)

"""What an operator does to a cluster in use: every server stopped and started in turn, leadership
moved. No call of a client fails, and none waits for half a second."""
import harness
from harness import Cluster
from load import Load

WAIT_MAX_MS = 500


def measured(load, what, action):
    """The longest wait of a write while `action` runs, and some writes on."""
    load.longest_ms = 0
    action()
    load.wait_more(100)
    print(f'{what}: the longest write waited {load.longest_ms:.0f} ms')
    assert load.longest_ms < WAIT_MAX_MS, f'{what}: a write waited {load.longest_ms:.0f} ms'


def restart_every_server(rounds, leader_first):
    with Cluster() as cluster:
        load = Load(cluster, '--clients', 4)
        load.wait_more(100)
        for _ in range(rounds):
            order = [0, 1, 2]
            if leader_first:
                leader = cluster.wait_leader()
                order = [leader, *(n for n in order if n != leader)]
            for number in order:
                role = cluster[number].status()['role']
                measured(load, f'server {number}, {role}, stops', cluster[number].stop)
                measured(load, f'server {number} starts', cluster[number].start)
                cluster.wait_in_sync()
        cluster.settle_and_check(load.finish())


def hand_over(cluster, at, *to):
    done = harness.run('chat262ctl', 'handover', '--data', cluster[at].data, *to)
    print(done.stdout.strip())


def handover():
    """From each server's machine, to a named server and to the first fit one."""
    with Cluster() as cluster:
        load = Load(cluster, '--clients', 4)
        load.wait_more(100)
        for at, to in ((0, 1), (0, 2), (2, 0), (1, 2), (1, 1)):
            measured(load, f'handover at {at} to {to}', lambda a=at, t=to: hand_over(cluster, a, t))
            assert cluster.wait_leader() == to
        measured(load, 'handover to the first fit', lambda: hand_over(cluster, 1))
        assert cluster.wait_leader() == 0
        cluster.settle_and_check(load.finish())


def refused(cluster, words, *arguments):
    done = harness.run('chat262ctl', 'handover', *arguments, check=False)
    assert done.returncode == 1 and words in done.stderr, (done.returncode, done.stderr)


def handover_refused():
    """Each reason has its words, and changes nothing."""
    with Cluster() as cluster:
        data = cluster[1].data
        refused(cluster, 'server 0 leads already', '--data', data, 0)
        refused(cluster, 'there is no server 5', '--data', data, 5)
        cluster[2].kill()
        refused(cluster, 'server 2 is not reachable', '--data', data, 2)
        refused(cluster, 'no server runs on', '--data', cluster[2].data)
        refused(cluster, 'no server runs on', '--data', cluster.folder)
        cluster[1].stop()
        refused(cluster, 'no other server is fit', '--data', cluster[0].data)
        assert cluster.leader() == 0


CASES = {'every_server': lambda: restart_every_server(2, False),
         'leader_first': lambda: restart_every_server(1, True),
         'handover': handover, 'handover_refused': handover_refused}

if __name__ == '__main__':
    harness.main(CASES)

"""An operator lets a server lead that waits for others."""
import shutil

import harness
from harness import Cluster
from total_failure import kill_all, start_in, wait_refusal


def force(cluster, number, *arguments, stdin='', check=True):
    return harness.run('chat262ctl', 'force-lead', '--data', cluster[number].data, *arguments,
                       stdin=stdin, check=check)


def one_that_waits(cluster):
    """Server 0 alone, after a total failure in which 1 and 2 went on without it. Returns the
    writers, whose later messages it lacks."""
    writers = harness.start_writers(cluster)
    harness.more(writers)
    cluster.push_commit()
    cluster[0].kill()
    harness.more(writers)
    harness.finish(writers)
    kill_all(cluster)
    start_in(cluster, [0])
    wait_refusal(cluster, 0, [1, 2])
    return writers


def shown_by_status(cluster, without):
    found = harness.run('chat262ctl', 'status', '--cluster', cluster.file, check=False).stdout
    words = f'leadership was forced at entry {cluster[0].status()["forced"][0][0][1]}'
    assert words in found and f'without servers {without}' in found, found


def lost_for_ever():
    """1 and 2 are gone with their disks: 0 leads, new servers are given what it has."""
    with Cluster() as cluster:
        writers = one_that_waits(cluster)
        kept = {m['text'] for m in harness.export(cluster[0])}
        done = force(cluster, 0, check=False, stdin='yes\n')
        assert done.returncode == 1 and 'nothing was done' in done.stderr, done
        assert cluster[0].status()['role'] != 'leader'
        done = force(cluster, 0, stdin='force\n')
        for words in ('Server 0 does not lead', 'server 1 is missing', 'server 2 is missing',
                      'server 0 leads, in epoch'):
            assert words in done.stdout, done.stdout
        shown_by_status(cluster, '1, 2')
        for number in (1, 2):
            shutil.rmtree(cluster[number].data)
            cluster[number].start()
        cluster.wait_in_sync()
        cluster.push_commit()
        cluster.wait_equal()
        logs = [[m['text'] for m in harness.export(server)] for server in cluster.servers]
        assert logs[0] == logs[1] == logs[2] and kept <= set(logs[0])
        assert any(set(w.acknowledged) - set(logs[0]) for w in writers), 'nothing was at stake'
        shown_by_status(cluster, '1, 2')


def comes_back():
    """1 and 2 come back after all: nothing that was acknowledged is missing then."""
    with Cluster() as cluster:
        writers = one_that_waits(cluster)
        force(cluster, 0, '--yes')
        shown_by_status(cluster, '1, 2')
        client = cluster.client()
        client.token = client.log_in(harness.USER, harness.PASSWORD)
        client.send_room(harness.ROOM, 'written by force')
        client.close()
        start_in(cluster, [1, 2])
        cluster.wait_in_sync()
        cluster.push_commit()
        cluster.wait_equal()
        texts = [m['text'] for m in harness.export(cluster[0])]
        for text in ['written by force', *(t for w in writers for t in w.acknowledged)]:
            assert texts.count(text) == 1, text


def refused():
    with Cluster() as cluster:
        for number, words in ((0, 'server 0 leads already'), (1, 'server 0 leads, and')):
            done = force(cluster, number, '--yes', check=False)
            assert done.returncode == 1 and words in done.stderr, done
        cluster[0].kill()
        cluster.wait_leader(but=[0])
        done = force(cluster, 2, '--yes', check=False)
        assert done.returncode == 1 and 'server 1 leads' in done.stderr, done
        assert not any(s['forced'] for s in cluster.statuses().values() if s)


CASES = {'lost_for_ever': lost_for_ever, 'comes_back': comes_back, 'refused': refused}

if __name__ == '__main__':
    harness.main(CASES)

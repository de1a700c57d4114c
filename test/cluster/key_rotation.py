"""Another key for a server (chat262ctl rotate-keys): nobody notices, and nobody is left out."""
import os
import threading
import time

import client262
import harness
import zmq
from harness import CLIENT_PORT, Cluster
from keys import pair_of, public_key, socket_to

WRITE_S_MAX = 1.0


def rotate(cluster, number, asked=None, check=True):
    asked = number if asked is None else asked
    done = harness.run('chat262ctl', 'rotate-keys', '--data', cluster[asked].data, number,
                       check=check)
    if check:
        assert f'Server {number} has the key ' in done.stdout, done
    return done


def new_file(cluster, asked):
    """The cluster file as it is now; the tests' own clients read it."""
    path = os.path.join(cluster.folder, f'new-{time.monotonic_ns()}.toml')
    harness.run('chat262ctl', 'cluster', '--data', cluster[asked].data, '-o', path)
    client262.read_cluster_file(path)
    return path


def longest(writers):
    return max(max(writer.waits) for writer in writers)


def under_load():
    """Under load, the leader's and a follower's, two in a row; an old file is good enough."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        session = os.path.join(cluster.folder, 'session')
        given = ['--cluster', cluster.file, '--session', session]
        harness.run('chat262', 'login', harness.USER, '--password-stdin', *given,
                    stdin=harness.PASSWORD + '\n')
        leader = cluster.wait_leader()
        follower = (leader + 1) % 3
        before = {n: public_key(cluster, n) for n in range(3)}
        epoch = cluster[leader].status()['epoch']
        for number, asked in ((follower, leader), (leader, follower), (leader, leader),
                              (follower, follower)):
            rotate(cluster, number, asked)
            harness.more(writers, 50)
            file = new_file(cluster, leader)
            key = public_key(cluster, number, file)
            assert key != before[number]
            # New connections, with old files: other servers tell the new key.
            harness.run('chat262', 'send', '--to', f'room:{harness.ROOM}', 'by an old list', *given)
            with socket_to(zmq.DEALER, cluster[number].host, CLIENT_PORT, key) as (_, admitted):
                assert admitted() is True
            with socket_to(zmq.DEALER, cluster[number].host, CLIENT_PORT,
                           before[number]) as (_, admitted):
                assert admitted() is False
            before[number] = key
            own = pair_of(os.path.join(cluster[number].data, 'keys'))
            assert own[0] == key and os.stat(cluster[number].data + '/keys').st_mode & 0o777 == 0o600
        cluster.wait_in_sync()
        assert cluster[leader].status()['epoch'] == epoch, 'nobody took over'
        for server in cluster.servers:
            server.stop()
            server.start()
            cluster.wait_in_sync()
            harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)
        print(f'longest write {longest(writers) * 1000:.0f} ms')


def is_not_noticed():
    """No write waits long while keys change."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster, 4)
        for number in (0, 1, 2, 0, 1, 2):
            rotate(cluster, number, (number + 1) % 3)
            harness.more(writers, 100)
        harness.wait_until(harness.elapsed(2), 'links are made anew', 5)
        harness.more(writers, 100)
        harness.finish(writers)
        new_file(cluster, 0)
        assert longest(writers) < WRITE_S_MAX, longest(writers)
        print(f'longest write {longest(writers) * 1000:.0f} ms')
        cluster.settle_and_check(writers)


def missed():
    """A server that was down meanwhile rejoins: after one change, after two, and of all others."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        for changes in ((0,), (0, 0), (0, 1), (0, 1, 0, 1)):
            cluster[2].kill()
            cluster.wait_in_sync([0, 1])
            for number in changes:
                rotate(cluster, number)
            harness.more(writers, 50)
            new_file(cluster, 0)
            cluster[2].start()
            cluster.wait_in_sync()
            harness.more(writers)
        for number in (0, 1, 2):
            cluster[number].stop()
        for number in (2, 1, 0):
            cluster[number].start()
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def missed_by_two():
    """Of two servers one is down while the other changes its key, and both come back."""
    with Cluster(2) as cluster:
        writers = harness.start_writers(cluster)
        cluster[1].kill()
        harness.more(writers)
        rotate(cluster, 0)
        harness.more(writers)
        new_file(cluster, 0)
        cluster[0].stop()
        cluster[1].start()
        cluster[0].start()
        cluster.wait_in_sync()
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def cut_short():
    """The server is killed at any moment of it, and starts again."""
    with Cluster() as cluster:
        token, writers = harness.make_room(cluster), []
        for n in range(12):
            number = n % 3
            # All keys change in the end, so nobody gets along with the first file.
            writer = harness.Writer(cluster, f'w{n}', harness.ROOM, token, 0.002)
            writers += harness.start([writer])
            asker = threading.Thread(target=rotate, args=(cluster, number, (number + 1) % 3, False))
            asker.start()
            harness.wait_until(harness.elapsed(0.005 * n), 'a moment', 5, every=0.001)
            cluster[number].kill()
            asker.join(15)
            cluster[number].start()
            harness.wait_until(lambda n=number: cluster[n].runs, 'it runs')
            writer.wait_more(20)
            new_file(cluster, (number + 1) % 3)
            cluster.wait_in_sync()
            rotate(cluster, number)
            new_file(cluster, number)
            writer.finish()
        cluster.settle_and_check(writers)


def refused():
    with Cluster() as cluster, Cluster(1, plain=True) as plain:
        def refuses(words, number, asked, code=1, of=cluster):
            done = rotate(of, number, asked, check=False)
            assert done.returncode == code and words in done.stderr, (words, done)

        refuses('there is no server 3', 3, 0)
        refuses('there is no server 7', 7, 0, 2)
        refuses('not encrypted', 0, 0, of=plain)
        cluster[2].kill()
        harness.wait_until(lambda: 2 not in cluster[0].status()['heard'], 'server 2 is missed')
        refuses('server 2 is not heard', 2, 0)


CASES = {f.__name__: f for f in (under_load, is_not_noticed, missed, missed_by_two, cut_short,
                                 refused)}

if __name__ == '__main__':
    harness.main(CASES)

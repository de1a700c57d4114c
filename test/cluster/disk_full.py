"""The disk of one server fills up: the cluster goes on without it, and takes it back."""
import os
import subprocess

import harness
from harness import Cluster

TMPFS_BYTES = 96 << 20


def small_disk(cluster, number):
    """A tmpfs for one server's data directory. Skips the test where mounting is not allowed."""
    folder = cluster[number].data
    os.makedirs(folder)
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={TMPFS_BYTES}', 'tmpfs', folder],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        harness.skip(f'no tmpfs can be mounted here: {done.stderr.strip()}')
    cluster.mounts.append(folder)


def fill(folder):
    """Takes the last byte."""
    path = os.path.join(folder, 'filler')
    with open(path, 'wb', buffering=0) as file:
        piece = 1 << 20
        while piece:
            try:
                file.write(b'x' * piece)
            except OSError:
                piece //= 2
    return path


def full(role):
    with Cluster(start=False) as cluster:
        for number in range(3):
            small_disk(cluster, number)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        writers = harness.start_writers(cluster, count=3)
        leader = cluster.wait_leader()
        victim = leader if role == 'leader' else (leader + 1) % 3
        filler = fill(cluster[victim].data)
        harness.wait_until(lambda: (cluster[victim].status() or {}).get('health') == 'full',
                           lambda: f'server {victim} says it is full; now {cluster.brief()}', 60)
        others = [n for n in range(3) if n != victim]
        cluster.wait_in_sync(others)
        assert cluster.wait_leader(but=[victim]) in others
        harness.more(writers)
        assert cluster[victim].runs, 'a full disk ended the process'

        os.unlink(filler)
        cluster.wait_in_sync(seconds=60)
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def restarted_while_full():
    with Cluster(start=False) as cluster:
        for number in range(3):
            small_disk(cluster, number)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        writers = harness.start_writers(cluster)
        victim = (cluster.wait_leader() + 1) % 3
        filler = fill(cluster[victim].data)
        harness.more(writers)
        cluster[victim].kill()
        harness.more(writers)
        cluster[victim].start()
        harness.more(writers)
        os.unlink(filler)
        if not cluster[victim].runs:  # it may refuse to start without room, with a clear message
            assert 'full' in cluster[victim].words() or 'space' in cluster[victim].words()
            cluster[victim].process = None
            cluster[victim].start()
        cluster.wait_in_sync(seconds=60)
        harness.finish(writers)
        cluster.settle_and_check(writers)


CASES = {'follower': lambda: full('follower'), 'leader': lambda: full('leader'),
         'restarted_while_full': restarted_while_full}

if __name__ == '__main__':
    harness.main(CASES)

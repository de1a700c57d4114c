"""The data directory: one process at a time, one server, one cluster; tables can be rebuilt."""
import os
import shutil
import subprocess

import harness
from harness import Cluster


def refused(command, *words):
    """The server ends by itself, not with 0, and says why."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20,
                          preexec_fn=harness.die_with_parent, check=False)
    said = done.stdout + done.stderr
    assert done.returncode not in (0, None) and done.returncode > 0, (done.returncode, said)
    assert any(word in said for word in words), f'none of {words} in: {said}'
    return said


def second_server_on_the_same_directory():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        hosts = harness.free_addresses(3)
        command = [harness.program('chat262d'), '--id', '1', '--data', cluster[1].data, *hosts]
        refused(command, 'in use', 'another', 'lock')
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def wrong_cluster():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.finish(writers)
        cluster[1].stop()
        hosts = harness.free_addresses(3)
        command = [harness.program('chat262d'), '--id', '1', '--data', cluster[1].data, *hosts]
        refused(command, 'cluster')
        cluster[1].start()
        cluster.settle_and_check(writers)


def wrong_server():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.finish(writers)
        cluster[1].stop()
        cluster[2].stop()
        command = [harness.program('chat262d'), '--id', '2', '--data', cluster[1].data,
                   *cluster.arguments]
        refused(command, 'server')
        cluster[1].start()
        cluster[2].start()
        cluster.settle_and_check(writers)


def stranger_at_the_peer_port():
    """A server of another cluster that is told our addresses for its peers changes nothing."""
    with Cluster(plain=True) as cluster:
        writers = harness.start_writers(cluster)
        own = harness.free_addresses(1)[0]
        data = os.path.join(cluster.folder, 'stranger')
        command = [harness.program('chat262d'), '--id', '0', '--data', data, own,
                   cluster.hosts[1], cluster.hosts[2]]
        stranger = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    preexec_fn=harness.die_with_parent)
        try:
            harness.more(writers, 300)
            before = cluster.wait_leader()
            harness.wait_until(lambda: harness.client262.status_of(own, harness.CLIENT_PORT, 500),
                               'the stranger answers')
            harness.wait_until(harness.elapsed(3), 'three seconds', 5)
            assert stranger.poll() is None
            status = harness.client262.status_of(own, harness.CLIENT_PORT, 1000)
            assert status['role'] != 'leader' and status['last'] == 0, status
            assert cluster.wait_leader() == before
        finally:
            stranger.kill()
            stranger.wait()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def tables_are_rebuilt():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers, 200)
        for number in (0, 1, 2):
            cluster[number].stop()
            shutil.rmtree(os.path.join(cluster[number].data, 'tables'))
            cluster[number].start()
            cluster.wait_in_sync()
            harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)
        # What the tables answer is what the log holds.
        client = cluster.client()
        client.token = writers[0].client.token
        seen, start = [], None
        while True:
            target = [harness.client262.ROOM, harness.ROOM]
            page, more = client.history(target, start, True, 200)
            seen += page
            if not more:
                break
            start = page[-1][1]
        texts = {message[7] for message in seen}
        for writer in writers:
            assert texts >= set(writer.acknowledged)
        client.close()




CASES = {f.__name__: f for f in (second_server_on_the_same_directory, wrong_cluster, wrong_server,
                                 stranger_at_the_peer_port, tables_are_rebuilt)}

if __name__ == '__main__':
    harness.main(CASES)

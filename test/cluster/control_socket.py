"""The operator's socket: who may open it, what it takes, what is left behind."""
import os
import stat
import subprocess
import tempfile

import harness
import zmq
from harness import Cluster

import client262

SURVEY, HANDOVER, SCRUB = 100, 101, 103
UNKNOWN_OPERATION, NO_PERMISSION = 11, 32


def ask(endpoint, operation, body, wait_ms=3000):
    """(status, body) of one request."""
    client = client262.Client([])
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    try:
        socket.send(client.pack(operation, body, 1))
        assert socket.poll(wait_ms, zmq.POLLIN), f'no answer to {operation} at {endpoint}'
        return tuple(client262.unpack(socket.recv())[1::2])
    finally:
        socket.close()


def control(server):
    return os.path.join(server.data, 'control')


def owner_only():
    with Cluster(1) as cluster:
        found = os.stat(control(cluster[0]))
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600, found
        cluster[0].stop()
        assert not os.path.exists(control(cluster[0])), 'a clean stop leaves no socket'


def stale_file():
    """A killed server leaves its socket; the next one replaces it, and so it does with rubbish."""
    with Cluster(1) as cluster:
        cluster[0].kill()
        assert os.path.exists(control(cluster[0]))
        cluster[0].start()
        cluster.wait_in_sync()
        assert ask('ipc://' + control(cluster[0]), SURVEY, [])[0] == client262.OK
        cluster[0].stop()
        with open(control(cluster[0]), 'wb') as file:
            file.write(b'rubbish')
        cluster[0].start()
        cluster.wait_in_sync()
        assert ask('ipc://' + control(cluster[0]), SURVEY, [])[0] == client262.OK


def long_path():
    with Cluster(1, start=False) as cluster, tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, 'x' * 100)
        done = subprocess.run([harness.program('chat262d'), '--id', '0', '--data', data,
                               *cluster.arguments], capture_output=True, text=True, timeout=20,
                              check=False)
        assert done.returncode == 1, done
        assert 'control socket' in done.stderr and '107' in done.stderr, done.stderr


def operators_only():
    with Cluster(plain=True) as cluster:
        port = f'tcp://{cluster[0].host}:{harness.CLIENT_PORT}'
        for operation, body in ((SURVEY, []), (HANDOVER, [None]), (SCRUB, [None, True])):
            assert ask(port, operation, body)[0] == NO_PERMISSION
        for server in cluster.servers:
            endpoint = 'ipc://' + control(server)
            assert ask(endpoint, client262.HELLO, [])[0] == client262.OK
            assert ask(endpoint, client262.LIST_ROOMS, ['', '', 1])[0] == UNKNOWN_OPERATION
            status, survey = ask(endpoint, SURVEY, [])
            assert status == client262.OK and survey[1] == server.number, survey
            assert [found[0] for found in survey[3]] == [0, 1, 2], survey
            harness.wait_until(lambda: all(found[2] and found[4] and found[5] and not found[6]
                                           for found in ask(endpoint, SURVEY, [])[1][3]),
                               lambda: f'all in-sync in {ask(endpoint, SURVEY, [])}')
        assert cluster.leader() == 0, 'a refused handover moves nothing'


CASES = {'owner_only': owner_only, 'stale_file': stale_file, 'long_path': long_path,
         'operators_only': operators_only}

if __name__ == '__main__':
    harness.main(CASES)

"""Garbage on both ports: raw bytes, half a handshake, wrong socket types, frames of nonsense."""
import os
import random
import socket

import msgpack
import zmq

import client262
import harness
from harness import CLIENT_PORT, PEER_PORT, Cluster

GREETING = b'\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL' + b'\0' * 48


def raw(host, port, data):
    """Bytes on a TCP connection; whether the server hangs up is its own choice."""
    with socket.create_connection((host, port), 2) as connection:
        connection.settimeout(0.2)
        try:
            connection.sendall(data)
            while connection.recv(4096):
                pass
        except OSError:
            pass


def frames(dice, valid):
    """Nonsense, and a valid frame with something wrong at every place."""
    yield from (b'', b'\xc1', b'\x90', b'\xdd\xff\xff\xff\xff', b'\xdf\xff\xff\xff\xff' * 20,
                b'\x91' * 5000, b'\xc6\xff\xff\xff\xff', os.urandom(60000))
    for cut in range(len(valid)):
        yield valid[:cut]
    for place in range(len(valid)):
        yield valid[:place] + bytes([dice.randrange(256)]) + valid[place + 1:]
    yield valid + b'\0'
    for size in (1, 10, 100, 1000):
        for _ in range(20):
            yield dice.randbytes(size)


def send_all(kind, host, port, several):
    """Each of `several` lists of frames as one message; answers are left unread."""
    with zmq.Context.instance().socket(kind) as sender:
        sender.setsockopt(zmq.LINGER, 1000)
        sender.setsockopt(zmq.SNDTIMEO, 5000)
        sender.connect(f'tcp://{host}:{port}')
        for parts in several:
            sender.send_multipart(parts)


def bad_requests_are_answered(cluster):
    """Each wrong request has its own status, and the connection stays usable."""
    client = cluster.client()
    leader = cluster.wait_leader()
    packed = lambda *parts: msgpack.packb(list(parts), use_bin_type=True)  # noqa: E731
    who = os.urandom(16)
    wrong = {
        10: packed(99, 0, who, 7, b'', []),                # wrong_version
        11: packed(1, 200, who, 7, b'', []),               # unknown_operation
        12: packed(1, 10, who, 7, b'', ['name only']),     # malformed
        13: packed(1, 40, who, 7, b'', [[1, 'x'], 'y' * 70000, None]),  # too_large
    }
    for status, frame in wrong.items():
        if len(frame) > 60000:
            # Past the largest frame the server may also hang up; the socket connects again.
            client.exchange(leader, frame, 500)
        else:
            answer = client.exchange(leader, frame, 2000)
            assert answer and answer[0] == status, (status, answer)
        hello = client.pack(client262.HELLO, [], 9)
        harness.wait_until(lambda frame=hello: client.exchange(leader, frame, 500),
                           f'an answer after a request with status {status}')
    client.close()


def garbage_on_both_ports(plain):
    dice = random.Random(262)
    with Cluster(plain=plain) as cluster:
        writers = harness.start_writers(cluster)
        pids = [s.process.pid for s in cluster.servers]
        starts = [s['starts'] for s in cluster.statuses().values()]
        for host in cluster.hosts:
            for port in (CLIENT_PORT, PEER_PORT):
                for data in (b'\0' * 5000, b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', GREETING,
                             GREETING + dice.randbytes(5000), GREETING[:30],
                             GREETING + b'\4\xff' * 500, dice.randbytes(20000)):
                    raw(host, port, data)
        hello = msgpack.packb([1, 0, os.urandom(16), 1, b'', []], use_bin_type=True)
        peer = msgpack.packb([1, 1, os.urandom(16), 1, [1, 1], [1, 1], 1, [[1, 0], 1]],
                             use_bin_type=True)
        for host in cluster.hosts if plain else ():
            nonsense = list(frames(dice, hello))
            send_all(zmq.DEALER, host, CLIENT_PORT, ([b'', f] for f in nonsense))
            send_all(zmq.DEALER, host, CLIENT_PORT, ([f] for f in nonsense))
            send_all(zmq.DEALER, host, CLIENT_PORT, ([b''] + [f] * 40 for f in nonsense[:50]))
            send_all(zmq.PUSH, host, PEER_PORT, ([f] for f in frames(dice, peer)))
            send_all(zmq.PUSH, host, PEER_PORT, ([f, f] for f in nonsense[:100]))
        bad_requests_are_answered(cluster)
        harness.more(writers)
        harness.finish(writers)
        assert [s.process.pid for s in cluster.servers if s.runs] == pids, 'a server ended'
        assert [s['starts'] for s in cluster.statuses().values()] == starts
        cluster.settle_and_check(writers)


CASES = {'garbage_on_both_ports': lambda: garbage_on_both_ports(True),
         'garbage_on_encrypted_ports': lambda: garbage_on_both_ports(False)}

if __name__ == '__main__':
    harness.main(CASES)

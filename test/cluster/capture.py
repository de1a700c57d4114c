"""What is seen on the wire: servers in three network namespaces, a client in a fourth, and everything
that passes the bridge between them is read. Nothing of what people say may be in it; and as a control,
in a cluster without keys all of it is."""
import os
import socket
import subprocess
import threading

import harness
from namespaces import SplitCluster

ETH_P_ALL = 3
TEXT, USER, PASSWORD = 'the walrus was Paul, they say', 'eleanor-rigby', 'picks up the rice 1966'


class Capture(threading.Thread):
    """All frames of all interfaces of this namespace."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.settimeout(0.2)
        self.frames, self.over = [], False
        self.start()

    def run(self):
        while not self.over:
            try:
                self.frames.append(self.socket.recv(65535))
            except TimeoutError:
                continue

    def finish(self):
        self.over = True
        self.join()
        self.socket.close()
        return self.frames


def chat262(cluster, host, verb, *arguments, stdin=''):
    done = subprocess.run(
        [harness.program('chat262'), verb, *arguments, '--cluster', cluster.file, '--session',
         os.path.join(cluster.folder, 'session')], input=stdin, text=True, capture_output=True,
        timeout=30, preexec_fn=host.enter, check=False)
    assert done.returncode == 0, done
    return done.stdout


def seen(plain):
    """Which of the words are in the frames; how many bytes these have."""
    with SplitCluster(plain=plain) as cluster:
        client = cluster.add_client_host()
        capture = Capture()
        for verb in ('register', 'login'):
            chat262(cluster, client, verb, USER, '--password-stdin', stdin=PASSWORD + '\n')
        chat262(cluster, client, 'create', 'lobby')
        chat262(cluster, client, 'send', '--to', 'room:lobby', TEXT)
        assert TEXT in chat262(cluster, client, 'read', '--to', 'room:lobby')
        cluster.wait_in_sync()
        frames = capture.finish()
    everything = b'\n'.join(frames)
    ports = {port: port.to_bytes(2, 'big') in everything
             for port in (harness.CLIENT_PORT, harness.PEER_PORT)}
    assert all(ports.values()) and len(frames) > 100, (ports, len(frames))
    return [word for word in (TEXT, USER, PASSWORD) if word.encode() in everything], len(everything)


def encrypted():
    found, size = seen(plain=False)
    assert not found, found
    print(f'{size} bytes on the wire, no word of it')


def plain_as_a_control():
    found, size = seen(plain=True)
    assert found == [TEXT, USER, PASSWORD], found
    print(f'{size} bytes on the wire, and all words in them')


CASES = {f.__name__: f for f in (encrypted, plain_as_a_control)}

if __name__ == '__main__':
    harness.main(CASES)

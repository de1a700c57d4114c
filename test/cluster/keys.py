"""Encrypted connections: who is admitted and who is not, and key files."""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
import tomllib

import client262
import harness
import msgpack
import zmq
from harness import CLIENT_PORT, PEER_PORT, Cluster

REPAIR_ASK = 18  # a peer message that changes nothing
PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


def pair_of(path):
    """The newest pair of a key file."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    secret = re.search('^secret (.{40})$', text, re.M)[1].encode()
    return zmq.curve_public(secret), secret


def public_key(cluster, number, file=None):
    with open(file or cluster.file, 'rb') as text:
        return tomllib.load(text)['server'][number]['key'].encode()


def secret_file(cluster, number):
    return os.path.join(cluster.folder, f'server-{number}.key')


def said(server, words):
    with contextlib.suppress(OSError), open(server.log, encoding='utf-8') as file:
        return words in file.read()
    return False


def wait_said(server, words, seconds=10):
    harness.wait_until(lambda: said(server, words), f'server {server.number} says: {words}', seconds)


@contextlib.contextmanager
def socket_to(kind, host, port, server_key=None, own=None):
    """A socket, and a function that says whether its handshake succeeded."""
    socket = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.LINGER, 500)
    if server_key:
        socket.curve_publickey, socket.curve_secretkey = own or zmq.curve_keypair()
        socket.curve_serverkey = server_key
    monitor = socket.get_monitor_socket()
    socket.connect(f'tcp://{host}:{port}')

    def admitted(seconds=5):
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            if not monitor.poll(50):
                continue
            event = int.from_bytes(monitor.recv_multipart()[0][:2], 'little')
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return True
            if event in (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                         zmq.EVENT_HANDSHAKE_FAILED_AUTH):
                return False
        return None

    try:
        yield socket, admitted
    finally:
        socket.disable_monitor()
        socket.close()


def log_in(cluster, *arguments):
    return harness.run('chat262', 'login', 'nobody', '--password-stdin', '--timeout', '3',
                       '--session', cluster.folder + '/none', *arguments, check=False,
                       stdin='no such account\n')


# ---- who is admitted

def ports():
    """Each port admits whom it should."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        host, key = cluster[1].host, public_key(cluster, 1)
        others = public_key(cluster, 2)
        server_2, server_1 = pair_of(secret_file(cluster, 2)), pair_of(secret_file(cluster, 1))
        for port, kind, server_key, own, wanted in (
                (CLIENT_PORT, zmq.DEALER, key, None, True),
                (CLIENT_PORT, zmq.DEALER, others, None, False),     # it proves another key
                (CLIENT_PORT, zmq.DEALER, None, None, False),       # without encryption
                (PEER_PORT, zmq.PUSH, key, server_2, True),
                (PEER_PORT, zmq.PUSH, key, server_1, True),         # it tries itself at its start
                (PEER_PORT, zmq.PUSH, key, None, False),            # a client's key
                (PEER_PORT, zmq.PUSH, others, server_2, False),
                (PEER_PORT, zmq.PUSH, None, None, False)):
            with socket_to(kind, host, port, server_key, own) as (_, admitted):
                found = admitted()
                assert found is wanted, (port, server_key, own, found)
        wait_said(cluster[1], "to the servers' port was refused: its key is none of this cluster's")
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def another_servers_name():
    """Who has server 1's key cannot speak for server 2."""
    with Cluster() as cluster:
        with open(cluster.file, 'rb') as file:
            cluster_id = bytes.fromhex(tomllib.load(file)['id'])

        def speak(claims, own):
            frame = msgpack.packb([1, 3, cluster_id, claims, [1, 1], [1, 1], REPAIR_ASK, [1, 1],
                                   [0, ['127.0.0.1', 1, 2]], b'\1' * 32, 0], use_bin_type=True)
            with socket_to(zmq.PUSH, cluster[0].host, PEER_PORT, public_key(cluster, 0),
                           pair_of(secret_file(cluster, own))) as (socket, _):
                socket.send(frame)

        words = 'it calls itself server {}, and its key is another one\'s'
        speak(1, 1)
        speak(2, 1)
        wait_said(cluster[0], words.format(2))
        assert not said(cluster[0], words.format(1))


def helpful_errors():
    """A program that speaks another way than the server says so, at once."""
    with Cluster() as cluster, Cluster(1, plain=True) as plain:
        begin = time.monotonic()
        done = log_in(cluster, '--servers', ','.join(cluster.hosts))
        assert done.returncode != 0 and 'are encrypted: name the cluster file' in done.stderr, done
        with open(cluster.file, encoding='utf-8') as file:
            text = file.read()
        swapped = cluster.folder + '/swapped.toml'
        keys = [public_key(cluster, n).decode() for n in range(3)]
        for n in range(3):
            text = text.replace(keys[n], f'<{n}>')
        for n in range(3):
            text = text.replace(f'<{n}>', keys[(n + 1) % 3])
        with open(swapped, 'w', encoding='utf-8') as file:
            file.write(text)
        done = log_in(cluster, '--cluster', swapped)
        assert done.returncode != 0 and 'did not prove the key' in done.stderr, done
        one = cluster.folder + '/one.toml'
        with open(plain.file, encoding='utf-8') as file:
            text = file.read()
        with open(one, 'w', encoding='utf-8') as file:
            file.write(text + f'key = "{keys[0]}"\n')
        done = log_in(cluster, '--cluster', one)
        assert done.returncode != 0 and 'connections are not encrypted' in done.stderr, done
        assert time.monotonic() - begin < 15
        shown = harness.run('chat262ctl', 'status', '--cluster', cluster.file).stdout
        assert all(host in shown for host in cluster.hosts), shown
        done = harness.run('chat262ctl', 'status', cluster.hosts[0], check=False)
        assert done.returncode == 3 and 'are encrypted: name the cluster file' in done.stdout, done


# ---- the handler of handshakes

def freeze(pid, name):
    """Stops one thread of the process; returns its id. Its tracer is this thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/comm', encoding='utf-8') as file:
            if file.read().strip() != name:
                continue
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if libc.ptrace(request, int(thread), None, None) != 0:
                harness.skip(f'no ptrace here: {os.strerror(ctypes.get_errno())}')
        os.waitpid(int(thread), WALL)
        return int(thread)
    raise AssertionError(f'no thread {name}')


def dead_handler():
    """Nobody decides who is admitted any more: the server ends, and the others go on."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        victim = cluster.wait_leader()
        thread = freeze(cluster[victim].process.pid, 'zap')
        begin = time.monotonic()

        def over():
            with contextlib.suppress(ChildProcessError):  # its tracer lets it go
                os.waitpid(thread, WALL | os.WNOHANG)
            return cluster[victim].process.poll() is not None

        harness.wait_until(over, 'it ends by itself', 15)
        took = time.monotonic() - begin
        code = cluster[victim].wait_end()
        assert code == 1 and 2 < took < 8, (code, took)
        wait_said(cluster[victim], 'does not answer: without it nobody is let in')
        harness.more(writers)
        cluster[victim].start()
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)
        print(f'ended after {took:.1f} s')


def stopped_process():
    """A process that was stopped for long has not lost its handler."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        victim = cluster.wait_leader()
        cluster[victim].pause()
        harness.wait_until(harness.elapsed(6), 'six seconds', 8)
        cluster[victim].resume()
        cluster.wait_in_sync()
        for _ in range(20):
            cluster[victim].pause()
            harness.wait_until(harness.elapsed(0.4), 'less than a second', 8)
            cluster[victim].resume()
            harness.wait_until(harness.elapsed(0.02), 'a moment', 8)
        cluster.wait_in_sync()
        assert cluster[victim].runs
        harness.finish(writers)
        cluster.settle_and_check(writers)


# ---- key files

def refused(cluster, number, *words, more=()):
    done = subprocess.run([*cluster[number].command(), *more], capture_output=True, text=True,
                          timeout=20, preexec_fn=harness.die_with_parent, check=False)
    assert done.returncode == 1, done
    text = done.stderr
    if os.path.exists(cluster[number].log):
        with open(cluster[number].log, encoding='utf-8') as file:
            text += file.read()
    assert all(word in text for word in words), (words, text)


def files():
    with Cluster(1, start=False) as cluster:
        path = secret_file(cluster, 0)
        assert os.stat(path).st_mode & 0o777 == 0o600
        secret = pair_of(path)[1].decode()
        for mode in (0o640, 0o604, 0o620, 0o602):
            os.chmod(path, mode)
            refused(cluster, 0, f'chmod 600 {path}')
        os.chmod(path, 0o600)
        moved = cluster.folder + '/moved'
        os.rename(path, moved)
        refused(cluster, 0, 'needs the secret key', path, '--key')
        os.symlink(moved, path)
        refused(cluster, 0, 'is a symbolic link')
        os.unlink(path)
        os.mkfifo(path, 0o600)
        refused(cluster, 0, 'is no regular file')
        os.unlink(path)
        if os.geteuid() == 0:
            os.chown(moved, 4242, 0)
            refused(cluster, 0, 'belongs to another user', more=['--key', moved])
            os.chown(moved, 0, 0)
        other = cluster.folder + '/other'
        os.mkdir(other)
        harness.run('chat262ctl', 'init', '-o', other + '/cluster.toml', cluster.hosts[0])
        refused(cluster, 0, 'needs the secret key', 'it has another',
                more=['--key', other + '/server-0.key'])
        cluster.arguments = ['--cluster', cluster.file, '--key', moved]
        cluster[0].start()
        cluster.wait_in_sync()
        cluster[0].stop()
        # As systemd's LoadCredential= gives it: an access list shows as a right of the group.
        credentials = cluster.folder + '/credentials'
        os.mkdir(credentials)
        shutil.copy(moved, credentials + '/chat262.key')
        os.chmod(credentials + '/chat262.key', 0o440)
        cluster.arguments = ['--cluster', cluster.file]
        os.environ['CREDENTIALS_DIRECTORY'] = credentials
        cluster[0].start()
        cluster.wait_in_sync()
        with open(cluster[0].log, encoding='utf-8') as file:
            assert secret not in file.read()
        done = harness.run('chat262ctl', 'init', '-o', other + '/again.toml', cluster.hosts[0],
                           check=False)
        assert done.returncode == 1 and 'exists already' in done.stderr, done


CASES = {f.__name__: f for f in (
    ports, another_servers_name, helpful_errors, dead_handler, stopped_process, files)}

if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    harness.main(CASES)

"""Real chat262d processes on loopback addresses of their own, and what every test asks at its end.

Nothing here sleeps for a fixed time: everything waits for a condition with a deadline. All
processes are children that die with the test, and are ended by their own pid.
"""
import contextlib
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import client262  # noqa: E402

CLIENT_PORT, PEER_PORT = 26262, 26263
NETWORK = os.environ.get('CHAT262_TEST_NETWORK', '127.16')  # of the servers' addresses
SKIP = 77  # Meson's exit code for "could not run here"
BUILD = os.environ.get('CHAT262_BUILD') or os.path.join(HERE, '..', '..', 'build')
PROGRAMS = {'chat262d': 'broker/chat262d', 'chat262': 'client/terminal/chat262',
            'chat262-replay': 'client/replay/chat262-replay',
            'chat262ctl': 'client/control/chat262ctl'}


def program(name):
    return os.path.join(BUILD, PROGRAMS.get(name, name))


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def skip(why):
    print(f'skipped: {why}')
    sys.exit(SKIP)


def wait_until(condition, what, seconds=20.0, every=0.02):
    """The first true answer of `condition`; a test that waits longer fails and says for what."""
    give_up, pause = time.monotonic() + seconds, threading.Event()
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > give_up:
            raise AssertionError(f'not within {seconds} s: {what() if callable(what) else what}')
        pause.wait(every)


def run(name, *arguments, check=True, timeout=120, stdin='', env=None):
    """One of the project's programs, to its end."""
    done = subprocess.run([program(name), *map(str, arguments)], input=stdin, text=True,
                          capture_output=True, timeout=timeout, preexec_fn=die_with_parent,
                          env={**os.environ, **(env or {})}, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f'{name} {" ".join(map(str, arguments))}: exit code '
                             f'{done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}')
    return done


def free_addresses(count):
    """Neighbouring loopback addresses on which nobody listens: each cluster has its own."""
    for _ in range(200):
        base = f'{NETWORK}.{random.randrange(1, 255)}.'
        first = random.randrange(1, 250 - count)
        hosts = [f'{base}{first + i}' for i in range(count)]
        with contextlib.ExitStack() as stack:
            try:
                for host in hosts:
                    for port in (CLIENT_PORT, PEER_PORT):
                        probe = stack.enter_context(socket.socket())
                        probe.bind((host, port))
            except OSError:
                continue
            return hosts
    raise AssertionError('no free loopback addresses')


class Server:
    """One server: its address, its data directory, and its present process if any."""

    def __init__(self, cluster, number, host, data):
        self.cluster, self.number, self.host, self.data = cluster, number, host, data
        self.log = f'{data}.log'
        self.process = None
        self.before_exec = die_with_parent  # runs in the new process

    def command(self):
        return [program('chat262d'), '--id', str(self.number), '--data', self.data,
                '--log-file', self.log, *self.cluster.arguments]

    def start(self):
        assert self.process is None, f'server {self.number} runs already'
        with open(self.log + '.err', 'ab') as errors:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors,
                                            preexec_fn=self.before_exec)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, seconds=2.0):
        """SIGTERM: exits 0 within 2 s."""
        self.process.terminate()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'server {self.number} did not end {seconds} s after SIGTERM')
        self.process = None
        assert code == 0, f'server {self.number} ended with {code} after SIGTERM'

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def wait_end(self, seconds=10.0):
        code = self.process.wait(seconds)
        self.process = None
        return code

    @property
    def runs(self):
        return self.process is not None and self.process.poll() is None

    def status(self, wait_ms=500):
        """What it says of itself, or None."""
        if not self.runs:
            return None
        return client262.status_of(self.host, CLIENT_PORT, wait_ms)

    def words(self):
        """The end of its log, for a failed test."""
        lines = []
        for path in (self.log, self.log + '.err'):
            with contextlib.suppress(OSError):
                with open(path, encoding='utf-8', errors='replace') as file:
                    lines += file.read().splitlines()[-25:]
        return '\n'.join(lines)


class Cluster:
    """Use as `with Cluster() as cluster:`; on a failure the servers' last words are printed.

    Connections are encrypted. `plain`: they are not, for tests that speak to the ports themselves.
    `settings`: more lines of the cluster file, before its servers."""

    def __init__(self, servers=3, start=True, hosts=None, plain=False, settings=''):
        self.hosts = hosts or free_addresses(servers)
        self.folder = tempfile.mkdtemp(prefix='chat262-test-')
        self.file = os.path.join(self.folder, 'cluster.toml')
        self.plain = plain
        run('chat262ctl', 'init', '-o', self.file, *(['--plain'] if plain else []), *self.hosts)
        with open(self.file, encoding='utf-8') as file:
            written = file.read()
        with open(self.file, 'w', encoding='utf-8') as file:
            file.write(written.replace('\n[[server]]', f'{settings}\n[[server]]', 1))
        client262.read_cluster_file(self.file)
        self.arguments = ['--cluster', self.file]  # of chat262d
        self.servers = [Server(self, n, host, os.path.join(self.folder, f'server-{n}'))
                        for n, host in enumerate(self.hosts)]
        self.writers, self.mounts = [], []
        self.start_all = start

    def __enter__(self):
        if self.start_all:
            for server in self.servers:
                server.start()
            self.wait_in_sync()
        return self

    def __exit__(self, kind, value, trace):
        for writer in self.writers:
            writer.ask_to_stop()
        if kind is not None and kind is not SystemExit:
            for server in self.servers:
                ended = server.process and server.process.poll()
                print(f'---- server {server.number} {server.host} ended with {ended}, status '
                      f'{server.status()}\n{server.words()}', file=sys.stderr)
        for server in self.servers:
            if server.process:
                server.resume()
                server.kill()
        for mount in self.mounts:
            subprocess.run(['umount', '-l', mount], check=False)
        if kind is None or not os.environ.get('CHAT262_KEEP'):
            shutil.rmtree(self.folder, ignore_errors=True)

    def __getitem__(self, number):
        return self.servers[number]

    def client(self, timeout=20.0, source=None):
        return client262.Client([(host, CLIENT_PORT) for host in self.hosts], timeout=timeout,
                                source=source)

    def statuses(self):
        return {s.number: s.status() for s in self.servers}

    def leader(self, but=()):
        for number, status in self.statuses().items():
            if status and status['role'] == 'leader' and number not in but:
                return number
        return None

    def wait_leader(self, seconds=20.0, but=()):
        return wait_until(lambda: self._leader_list(but),
                          lambda: f'a leader; now {self.brief()}', seconds)[0]

    def _leader_list(self, but):
        leader = self.leader(but)
        return None if leader is None else [leader]

    def brief(self):
        keys = ('role', 'health', 'in_sync', 'leader', 'last', 'commit', 'waiting_for', 'heard')
        return {n: s and {k: s[k] for k in keys} for n, s in self.statuses().items()}

    def wait_in_sync(self, numbers=None, seconds=30.0):
        """`numbers` (all) are in-sync members of one leader's view."""
        wanted = set(range(len(self.servers)) if numbers is None else numbers)

        def settled():
            found = self.statuses()
            return all(found[n] and found[n]['in_sync'] and wanted <= set(found[n]['view'])
                       for n in wanted) and len({found[n]['leader'] for n in wanted}) == 1

        wait_until(settled, lambda: f'{sorted(wanted)} in-sync; now {self.brief()}', seconds)

    def wait_equal(self, seconds=30.0):
        """All servers hold the same log, committed and applied to its end."""
        def equal():
            found = list(self.statuses().values())
            if not all(found):
                return None
            same = {(s['last'], s['last_hash'], s['commit'], s['applied']) for s in found}
            done = all(s['last'] == s['commit'] == s['applied'] for s in found)
            return found if len(same) == 1 and done else None

        return wait_until(equal, lambda: f'equal logs; now {self.brief()}', seconds)

    def settle_and_check(self, writers=(), seconds=30.0):
        """Everybody up, in-sync and equal; every acknowledged message exactly once, in order, in
        each server's own log."""
        self.wait_in_sync(seconds=seconds)
        self.push_commit()
        self.wait_equal(seconds)
        check_logs(self, writers)

    def push_commit(self):
        """What is known committed stands on a disk when the next entries are written: two more
        writes, and a reader of the files sees all that was written before."""
        client = self.client()
        for _ in range(2):
            client.register(f'push-{os.urandom(8).hex()}', PASSWORD)
        client.close()


def export(server):
    """Messages in a server's own log, in order: read from its files, whether it runs or not."""
    name = f'export-{server.number}-{time.monotonic_ns()}.jsonl'
    path = os.path.join(server.cluster.folder, name)
    run('chat262-replay', 'export', '--all', '--quiet', '--data', server.data, '--to', path)
    with open(path, encoding='utf-8') as file:
        found = [json.loads(line) for line in file]
    os.unlink(path)
    return found


def check_logs(cluster, writers):
    """Each server's own log holds every message once, the acknowledged ones in their order, and
    the same as the others' logs."""
    def exported():
        found = [export(server) for server in cluster.servers]
        return found if all(log == found[0] for log in found) else None

    # Texts of a deleted account go from each disk a moment after the entry that deletes it.
    logs = wait_until(exported, 'all servers hold the same messages')
    for server, log in zip(cluster.servers, logs):
        ids = [message['id'] for message in log]
        assert len(ids) == len(set(ids)), f'server {server.number} holds an id twice'
        places = {}
        for place, message in enumerate(log):
            places.setdefault(message['text'], []).append(place)
        for writer in writers:
            order = []
            for text in writer.acknowledged:
                found = places.get(text, [])
                assert found, f'server {server.number} lost an acknowledged message: {text}'
                assert len(found) == 1, f'server {server.number} holds twice: {text}'
                order += found
            wrong = [n for n in range(1, len(order)) if order[n - 1] > order[n]]
            said = ', '.join(f'{writer.acknowledged[n]} at {order[n]} behind '
                             f'{writer.acknowledged[n - 1]} at {order[n - 1]}' for n in wrong[:3])
            assert not wrong, f'server {server.number}: out of order: {said}'
    total = sum(len(writer.acknowledged) for writer in writers)
    print(f'{total} acknowledged and {len(logs[0])} messages in all, each once and in order on '
          f'{len(logs)} servers')


class Writer(threading.Thread):
    """A client that writes in a closed loop, and remembers what was acknowledged and how long each
    write waited."""

    def __init__(self, cluster, name, room, login, pace=0.0, client=None):
        super().__init__(daemon=True)
        self.name, self.room, self.pace = name, room, pace
        self.client = client or cluster.client(timeout=60.0)
        self.client.token = login
        self.acknowledged, self.waits, self.failure = [], [], None
        self._stop_asked = threading.Event()
        cluster.writers.append(self)

    def run(self):
        try:
            while not self._stop_asked.is_set():
                text = f'{self.name} {len(self.acknowledged) + 1}'
                begin = time.monotonic()
                self.client.send_room(self.room, text)
                self.waits.append(time.monotonic() - begin)
                self.acknowledged.append(text)
                if self.pace:
                    self._stop_asked.wait(self.pace)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
        finally:
            self.client.close()

    def ask_to_stop(self):
        self._stop_asked.set()

    def finish(self, seconds=70.0):
        self.ask_to_stop()
        self.join(seconds)
        assert not self.is_alive(), f'{self.name} still waits for an answer'
        if self.failure:
            raise AssertionError(f'{self.name}: {self.failure}') from self.failure

    def wait_more(self, count=20, seconds=30.0):
        """Until `count` more writes are acknowledged."""
        goal = len(self.acknowledged) + count

        def enough():
            assert self.failure is None, f'{self.name}: {self.failure}'
            return len(self.acknowledged) >= goal

        wait_until(enough, lambda: f'{self.name}: {goal} acknowledged, has '
                                   f'{len(self.acknowledged)}', seconds)


ROOM, USER, PASSWORD = 'lobby', 'ada', 'correct horse battery'


def make_room(cluster):
    """Registers an account and makes a room; the account's session."""
    client = cluster.client()
    client.register(USER, PASSWORD)
    token = client.log_in(USER, PASSWORD)
    client.create_room(ROOM)
    client.close()
    return token


def start(writers):
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.wait_more(5)
    return writers


def start_writers(cluster, count=2, pace=0.002):
    """`count` writers in a new room."""
    token = make_room(cluster)
    return start([Writer(cluster, f'w{n}', ROOM, token, pace) for n in range(count)])


def more(writers, count=20, seconds=30.0):
    for writer in writers:
        writer.wait_more(count, seconds)


def finish(writers):
    for writer in writers:
        writer.finish()


def elapsed(seconds):
    """A condition: true when `seconds` have passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def main(cases):
    """Runs the case that the command line names; without a name, all of the file."""
    names = sys.argv[1:2] or [n for n in cases if not n.startswith('_')]
    for name in names:
        begin = time.monotonic()
        cases[name]()
        print(f'{name}: passed in {time.monotonic() - begin:.1f} s')

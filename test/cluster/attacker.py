"""What the attacks share: a ZMTP connection byte by byte, attackers in processes of their own, an
honest client whose waits are measured, and the service unit's part, which starts a server again.

Each attack is a test case of a file attack_*.py. Its docstring says what is done and, behind
"Expected:", what must come of it; test/support/attack_table.py prints both beside the result.
CHAT262_ATTACK=full makes the attacks as large as they are meant to be; without it they are small
enough for every change.
"""
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

import harness

MALFORMED, TOO_LARGE, REQUEST_REUSED = 12, 13, 14
PLAIN = {'plain': True}  # of Cluster: connections without keys, which these attacks speak
FULL = os.environ.get('CHAT262_ATTACK') == 'full'

# An honest client may wait twice as long during an attack; what is below this never counts.
FLOOR_S, CROWDED_S = 0.020, 0.5
ROUNDS = 3  # other work on the machine spoils one measurement, an attack that costs spoils all

MORE, LONG, COMMAND = 1, 2, 4
GREETING = b'\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL' + b'\0' * 48


def size(small, full):
    return full if FULL else small


def frame(data, flags=0):
    """A frame as ZMTP 3 writes it."""
    if len(data) < 256:
        return bytes([flags, len(data)]) + data
    return bytes([flags | LONG]) + len(data).to_bytes(8, 'big') + data


def message(*parts):
    return b''.join(frame(part, MORE) for part in parts[:-1]) + frame(parts[-1])


def command(name, data):
    return frame(bytes([len(name)]) + name + data, COMMAND)


def ready(kind, identity=b''):
    properties = ((b'Socket-Type', kind), (b'Identity', identity))
    return command(b'READY', b''.join(bytes([len(key)]) + key + len(value).to_bytes(4, 'big') +
                                      value for key, value in properties))


class Wire:
    """A TCP connection that speaks ZMTP as far as it is told to."""

    def __init__(self, host, port=harness.CLIENT_PORT, kind=b'DEALER', identity=b'', greet=True,
                 source=None, seconds=5.0):
        self.socket = socket.create_connection((host, port), seconds, source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b''
        if greet:
            self.send(GREETING)
            self.take(64)
            self.send(ready(kind, identity))
            flags, _ = self.read_frame()
            assert flags & COMMAND, flags

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionResetError('closed by the server')
            self.buffer += got
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_frame(self):
        flags = self.take(1)[0]
        count = int.from_bytes(self.take(8 if flags & LONG else 1), 'big')
        return flags, self.take(count)

    def read_message(self):
        parts, flags = [], MORE
        while flags & MORE:
            flags, data = self.read_frame()
            if not flags & COMMAND:
                parts.append(data)
        return parts

    def closed(self, seconds=5.0):
        """Whether the server hangs up within that time; what it sends is passed over."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.socket.settimeout(max(0.01, end - time.monotonic()))
                if not self.socket.recv(65536):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Processes:
    """`count` processes at the lowest priority: attackers would have machines of their own. Use with
    `with`."""

    def __init__(self, command_line, count):
        self.processes = [subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True,
                                           preexec_fn=self._before) for _ in range(count)]

    @property
    def over(self):
        return all(process.poll() is not None for process in self.processes)

    @staticmethod
    def _before():
        harness.die_with_parent()
        os.nice(19)
        os.setsid()  # where the kernel shares the processor out by sessions: one of its own
        with contextlib.suppress(OSError):
            with open('/proc/self/autogroup', 'w', encoding='ascii') as file:
                file.write('19')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


class Attack(Processes):
    """Runs one of a file's ATTACKERS until it ends or is ended; each yields how much it has done."""

    def __init__(self, attacker, *arguments, count=1):
        super().__init__([sys.executable, os.path.abspath(sys.argv[0]), '--attacker',
                          attacker.__name__, json.dumps(arguments)], count)
        self.name, self.done = attacker.__name__, [0] * count
        self.threads = [threading.Thread(target=self._read, args=(n,), daemon=True)
                        for n in range(count)]
        for thread in self.threads:
            thread.start()

    def _read(self, number):
        for line in self.processes[number].stdout:
            self.done[number] = int(line)

    @property
    def total(self):
        return sum(self.done)

    def wait(self, goal, seconds=600.0):
        """Until `goal` is done in all, or every attacker has ended."""
        def reached():
            return self.total >= goal or self.over

        harness.wait_until(reached, lambda: f'{self.name}: {goal} done, has {self.total}', seconds)
        assert self.total >= goal, f'{self.name} gave up after {self.total} of {goal}'

    def wait_end(self, seconds=600.0):
        for process in self.processes:
            assert process.wait(seconds) == 0, f'{self.name} failed'
        for thread in self.threads:
            thread.join(10)


def _attack(attacker, arguments):
    """In an attacker's process: passes on what it yields, some times a second."""
    told = 0.0
    last = 0
    for last in attacker(*arguments):
        if time.monotonic() - told > 0.05:
            told = time.monotonic()
            print(last, flush=True)
    print(last, flush=True)


def main(cases, attackers=()):
    """As harness.main; also what Attack starts."""
    if sys.argv[1:2] == ['--attacker']:
        named = {attacker.__name__: attacker for attacker in attackers}
        _attack(named[sys.argv[2]], json.loads(sys.argv[3]))
    else:
        harness.main({case.__name__: case for case in cases})


def bound_s():
    """Up to here a wait may also more than double. Where tests of all kinds share two cores with the
    servers and the attackers, a doubling says little: then only that nobody is kept waiting."""
    return FLOOR_S if FULL else CROWDED_S


def p99(waits):
    return sorted(waits)[int(len(waits) * 0.99)]


class Honest(harness.Writer):
    """A client that writes all the time, in a room of its own making."""

    def __init__(self, cluster, pace=0.002, client=None):
        super().__init__(cluster, 'honest', harness.ROOM, harness.make_room(cluster), pace, client)
        harness.start([self])

    def measure(self, writes):
        begin = len(self.waits)
        self.wait_more(writes, seconds=120)
        return p99(self.waits[begin:])


def unharmed(honest, start, goal=1, writes=None):
    """`start()` begins an Attack. While it does `goal` and at least for so many writes the honest
    client waits hardly longer than before. Returns what the attack has done in all."""
    writes, done, figures, before = writes or size(300, 600), 0, [], 0.0
    for _ in range(ROUNDS):
        before = max(before, honest.measure(writes))
        with start() as attack:
            attack.wait(1)
            begin = len(honest.waits)
            honest.wait_more(writes, seconds=300)
            attack.wait(goal)
            during = p99(honest.waits[begin:])
            done += attack.total
        figures.append(f'{before * 1000:.1f} -> {during * 1000:.1f} ms')
        if during <= max(2 * before, bound_s()):
            print(f'{done} times; p99 of the honest client {", ".join(figures)}')
            return done
    raise AssertionError(f'the honest client was slowed down in each round: {figures}')


class Lives:
    """The servers' processes as they were: none of them may end."""

    def __init__(self, cluster):
        self.cluster, self.pids = cluster, [server.process.pid for server in cluster.servers]

    def check(self):
        for server, pid in zip(self.cluster.servers, self.pids):
            assert server.runs and server.process.pid == pid, f'server {server.number} ended'


class Unit(threading.Thread):
    """Starts a server that ended again, as the service unit does; `ended` has each one's number and
    exit code (a signal is negative). Use with `with`, inside the cluster's."""

    RESTART_S = 0.2

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.ended, self._stop_asked = cluster, [], threading.Event()

    def run(self):
        while not self._stop_asked.wait(0.02):
            for server in self.cluster.servers:
                code = server.process and server.process.poll()
                if code is None:
                    continue
                self.ended.append((server.number, code))
                self._stop_asked.wait(self.RESTART_S)
                server.process = None
                server.start()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._stop_asked.set()
        self.join()


def limits(*lines):
    """A table [limits], as Cluster's `settings`."""
    return '\n[limits]\n' + ''.join(line + '\n' for line in lines)


def memory_kib(process, key='VmRSS'):
    with open(f'/proc/{process.pid}/status', encoding='utf-8') as file:
        for line in file:
            if line.startswith(key + ':'):
                return int(line.split()[1])
    raise AssertionError(f'no {key}')


def settle(cluster, *writers):
    """The end of every attack: the writers stop, and each server has what was acknowledged."""
    harness.finish(writers)
    cluster.settle_and_check(writers)

"""What the attacks on accounts, sessions and rooms share beside attacker.py: a caller that sends
whatever it is told to from whatever address, attackers that tally what they are answered, and an
honest writer whose waits are measured while they last.
"""
import collections
import contextlib
import itertools
import json
import os
import random
import sys
import time

import msgpack
import zmq

import client262
import harness
from attacker import ROUNDS, Processes, memory_kib, p99, settle, size  # noqa: F401
from client262 import BUSY, LOG_IN, NOT_LEADER, OK, TOO_MANY, UNAVAILABLE

REQUEST_REUSED, MALFORMED, UNKNOWN_OPERATION, TOO_LARGE = 14, 12, 11, 13
NOT_SIGNED_IN, CREDENTIALS, NAME_TAKEN, BAD_NAME, BAD_PASSWORD = 20, 21, 22, 23, 24
NO_SUCH_USER, NO_SUCH_ROOM, NOT_A_MEMBER, BAD_CURSOR, BAD_ARGUMENT = 25, 26, 27, 30, 31
NO_PERMISSION, SUSPENDED = 32, 33
SUSPEND_ACCOUNT, OFFER_RESET, LOG_OUT_ACCOUNT, REMOVE_ACCOUNT = 112, 113, 114, 115
PASSWORD, WRONG = 'correct horse battery', 'not the password'

CHEAP = '[password]\nmemory_mib = 8\npasses = 1\n'  # where what a hash costs is not the matter

# An honest client may wait twice as long during an attack; what is below this never counts.
FLOOR_S = 0.030


def limits(**values):
    """Lines of the cluster file."""
    return '[limits]\nloopback = true\n' + ''.join(f'{k} = {v}\n' for k, v in values.items())


_sources = itertools.count(random.randrange(1 << 16))


def source():
    """A loopback address that nothing else comes from."""
    number = next(_sources)
    return f'127.{100 + (number >> 16) % 100}.{number >> 8 & 255}.{number & 255 or 1}'


class Caller(client262.Client):
    """Sends what it is told to the leader and says what came."""

    def __init__(self, cluster, token=b'', source=None, at=0):
        hosts = cluster if isinstance(cluster, list) else cluster.hosts
        super().__init__([(host, harness.CLIENT_PORT) for host in hosts], source=source)
        self.token, self.at = token, at

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def packed(self, operation, body, number=None, token=None):
        if number is None:
            self.number += 1
            number = self.number
        token = self.token if token is None else token
        if operation in (client262.HELLO, client262.STATUS, client262.REGISTER, LOG_IN,
                         client262.RESET_PASSWORD):
            token = b''
        return msgpack.packb([1, operation, self.id, number, token, body], use_bin_type=True)

    def raw(self, frame, wait_ms=5000):
        """The bytes of the answer to these, of the server that was asked; None: none."""
        socket = self.servers[self.at]
        socket.send(frame)
        return socket.recv() if socket.poll(wait_ms, zmq.POLLIN) else None

    def bytes_of(self, frame, busy=False, seconds=60.0):
        """The bytes of the leader's answer. `busy`: that is an answer too."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            data = self.raw(frame, 1000)
            answer = client262.unpack(data) if data else None
            status = answer[1] if answer else UNAVAILABLE
            if status == BUSY and not busy:
                self.pause(answer[3][2])
            elif status == NOT_LEADER and answer[3][1] is not None:
                self.at = answer[3][1]
            elif status in (NOT_LEADER, UNAVAILABLE):
                self.pause(50)
                self.at = (self.at + 1) % len(self.servers)
            else:
                return data
        raise client262.NoAnswer('the leader')

    def ask(self, operation, body, number=None, token=None, busy=False):
        """(status, body) of the leader's answer."""
        return tuple(client262.unpack(self.bytes_of(self.packed(operation, body, number, token),
                                                    busy))[1::2])

    def status(self, operation, body, number=None, token=None, busy=False):
        return self.ask(operation, body, number, token, busy)[0]

    def sign_in(self, name, password, **more):
        """The status of a log-in; its token is kept if it is ok."""
        token = os.urandom(32)
        found = self.status(LOG_IN, [name, password, token], **more)
        if found == OK:
            self.token = token
        return found


def person(cluster, name, source=None, password=PASSWORD):
    """A new account with a session of its own."""
    caller = Caller(cluster, source=source)
    assert caller.status(client262.REGISTER, [name, password]) == OK, name
    assert caller.sign_in(name, password) == OK, name
    return caller


def people(cluster, names, password=PASSWORD):
    """Accounts alone."""
    with Caller(cluster, source=source()) as caller:
        for name in names:
            assert caller.status(client262.REGISTER, [name, password]) == OK, name


def operator(server, operation, body, wait_ms=10_000):
    """(status, body) of a request at the control socket."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect('ipc://' + os.path.join(server.data, 'control'))
    try:
        socket.send(msgpack.packb([1, operation, os.urandom(16), 1, b'', body], use_bin_type=True))
        assert socket.poll(wait_ms, zmq.POLLIN), f'no answer to {operation}'
        return tuple(client262.unpack(socket.recv())[1::2])
    finally:
        socket.close()


def audit_text(server):
    text = ''
    for name in ('audit.log.1', 'audit.log'):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(server.data, name), encoding='utf-8') as file:
                text += file.read()
    return text


def harmless(text, tabs=False):
    """Nothing in it that a terminal obeys."""
    bad = [c for c in text if (ord(c) < 32 and c != '\n' and not (tabs and c == '\t')) or
           0x7f <= ord(c) < 0xa0 or c in '\u061c\u200e\u200f' or '\u202a' <= c <= '\u202e' or
           '\u2066' <= c <= '\u2069']
    assert not bad, f'{bad} in {text!r}'
    return text


# ---- attackers in processes of their own

class Attack(Processes):
    """Runs one of this file's ATTACKERS. `tally` has what each status was answered how often, in all,
    and `longest` the longest wait in seconds."""

    def __init__(self, cluster, attacker, *arguments, count=1):
        super().__init__([sys.executable, os.path.abspath(__file__), attacker.__name__, cluster.file,
                          json.dumps(cluster.hosts), json.dumps(arguments)], count)
        self.name = attacker.__name__
        self.tally, self.longest = collections.Counter(), 0.0

    def finish(self, seconds=600):
        for process in self.processes:
            out, _ = process.communicate(timeout=seconds)
            assert process.returncode == 0, f'{self.name} failed'
            found = json.loads(out)
            self.tally.update({int(k): n for k, n in found['tally'].items()})
            self.longest = max(self.longest, found['longest'])
        return self.tally


def log_ins(hosts, names, tries):
    """So many log-ins of each of these names (or of names nobody has: an integer) at once, each on a
    connection of its own."""
    if isinstance(names, int):
        names = [f'nobody-{os.urandom(6).hex()}' for _ in range(names)]
    callers = [(name, Caller(hosts, source=source())) for name in names]
    leader = leader_of(callers[0][1])
    for _ in range(tries):
        poller, begin = zmq.Poller(), time.monotonic()
        for name, caller in callers:
            caller.servers[leader].send(caller.packed(LOG_IN, [name, WRONG, os.urandom(32)]))
            poller.register(caller.servers[leader], zmq.POLLIN)
        for _ in range(len(callers)):
            ready = dict(poller.poll(30_000))
            if not ready:
                break
            for socket in ready:
                yield client262.unpack(socket.recv())[1], time.monotonic() - begin
                poller.unregister(socket)
            if not poller.sockets:
                break
        for socket, _ in poller.sockets:
            yield -1, time.monotonic() - begin


def reads(hosts, token, requests, times):
    """These requests, so often, one after the other."""
    with Caller(hosts, bytes.fromhex(token)) as caller:
        caller.at = leader_of(caller)
        for n in range(times):
            operation, body = requests[n % len(requests)]
            begin = time.monotonic()
            data = caller.bytes_of(caller.packed(operation, body), busy=True)
            assert len(data) <= 256 * 1024, len(data)
            answer = client262.unpack(data)
            if answer[1] == OK:
                assert len(answer[3][0]) <= 256, (operation, body, len(answer[3][0]))
            yield answer[1], time.monotonic() - begin


def leader_of(caller):
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        for at in range(len(caller.servers)):
            caller.at = at
            data = caller.raw(caller.packed(client262.HELLO, []), 1000)
            found = client262.unpack(data)[3][4] if data else None
            if found is not None:
                return found
    raise client262.NoAnswer('no leader')


ATTACKERS = (log_ins, reads)


def _run(name, file, hosts, arguments):
    client262.read_cluster_file(file)
    tally, longest = collections.Counter(), 0.0
    for status, waited in {a.__name__: a for a in ATTACKERS}[name](json.loads(hosts),
                                                                   *json.loads(arguments)):
        tally[status] += 1
        longest = max(longest, waited)
    print(json.dumps({'tally': tally, 'longest': longest}))


# ---- an honest client

def honest(cluster, pace=0.004, source=None):
    """A client that writes all the time, in a room of its own making."""
    token = harness.make_room(cluster)
    writer = harness.Writer(cluster, 'honest', harness.ROOM, token, pace,
                            cluster.client(timeout=60.0, source=source))
    return harness.start([writer])[0]


def measure(writer, writes):
    begin = len(writer.waits)
    writer.wait_more(writes, seconds=120)
    return p99(writer.waits[begin:])


def unharmed(writer, start, writes=None):
    """`start()` begins an Attack. While it lasts the honest client waits hardly longer than before:
    in one of a few rounds. Returns the last round's attack, over."""
    writes, figures = writes or size(200, 400), []
    for _ in range(ROUNDS):
        before = measure(writer, writes)
        with start() as attack:
            begin = len(writer.waits)
            harness.wait_until(lambda: attack.over or writer.failure, 'the attack is over', 600)
            attack.finish()
            during = writer.waits[begin:]
        assert not writer.failure, writer.failure
        slow = p99(during)
        figures.append(f'{before * 1000:.1f} -> {slow * 1000:.1f} ms ({len(during)})')
        if slow <= max(2 * before, FLOOR_S):
            print(f'p99 of the honest client {", ".join(figures)}')
            return attack
    raise AssertionError(f'the honest client was slowed down in each round: {figures}')


def main(cases):
    harness.main({case.__name__: case for case in cases})


if __name__ == '__main__':
    _run(*sys.argv[1:])

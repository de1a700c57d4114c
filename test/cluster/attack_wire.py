"""Connections that are no client's: too many, none that speak ZMTP, the wrong kind, stolen routing
ids, messages without an end, ends that vanish.
"""
import contextlib
import os
import re
import resource
import signal
import socket
import struct
import time

import msgpack
import zmq

import attacker
import client262
import harness
from attacker import Attack, Lives, PLAIN, Unit, Wire, size
from harness import CLIENT_PORT, PEER_PORT, Cluster

HELLO = msgpack.packb([1, 0, b'\1' * 16, 1, b'', []], use_bin_type=True)
TCP_REPAIR = 19


def answered(host, seconds=5.0, port=CLIENT_PORT):
    """Whether a new client of that server gets in within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if client262.status_of(host, port, 500):
            return True
    return False


def connect_all(hosts, connections):
    """Idle TCP connections, opened again when the server drops them."""
    open_ones, done = [], 0
    while True:
        begin = time.monotonic()
        for connection in list(open_ones):
            try:
                connection.setblocking(False)
                if not connection.recv(1024):
                    raise ConnectionResetError
            except BlockingIOError:
                continue
            except OSError:
                connection.close()
                open_ones.remove(connection)
        while len(open_ones) < connections:
            try:
                connection = socket.create_connection((hosts[done % len(hosts)], CLIENT_PORT), 0.3)
            except OSError:  # the backlog is full too
                break
            open_ones.append(connection)
            done += 1
        yield done
        time.sleep(max(0.0, begin + 0.05 - time.monotonic()))


ATTACKERS = (connect_all,)

# ---- cases


def descriptors_used_up():
    """Idle TCP connects to the leader, more than it may have file descriptors, opened again as soon
    as they are dropped. Expected: the server does not end, clients that are connected go on, and a
    new client gets in within 5 s after the attacker's connections are gone."""
    most = size(128, 4096)

    def before_exec():
        harness.die_with_parent()
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    with Cluster(start=False, **PLAIN) as cluster:
        for server in cluster.servers:
            server.before_exec = before_exec
            server.start()
        cluster.wait_in_sync()
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        leader = cluster[cluster.wait_leader()]
        with Attack(connect_all, [leader.host], most + 100) as attack:
            attack.wait(most)
            folder = f'/proc/{leader.process.pid}/fd'
            harness.wait_until(lambda: len(os.listdir(folder)) >= most - 2,
                               'the descriptors are used up')
            harness.more(writers, size(300, 3000), 120)
            assert len(os.listdir(folder)) >= most - 2
        begin = time.monotonic()
        assert answered(leader.host), 'no new client gets in'
        print(f'a new client got in after {time.monotonic() - begin:.1f} s')
        lives.check()
        attacker.settle(cluster, *writers)


def oversized_frame():
    """One frame of more than 256 KiB to the clients' port, one of more than 4 MiB to the other
    servers' port, and one that only says it has 2^63 - 1 bytes. Expected: the connection is closed
    as soon as the length is read, and nobody else notices."""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        for port, kind, most in ((CLIENT_PORT, b'DEALER', 256 << 10),
                                 (PEER_PORT, b'PUSH', 4 << 20)):
            for count in (most + 1, 1 << 40, (1 << 63) - 1, (1 << 64) - 1):
                for server in cluster.servers:
                    with Wire(server.host, port, kind) as wire:
                        wire.send(bytes([attacker.LONG]) + count.to_bytes(8, 'big') + b'x' * 1000)
                        assert wire.closed(), f'{count} bytes at port {port}: not closed'
        with Wire(cluster.hosts[0]) as wire:  # at the limit: read, and refused in words
            wire.send(attacker.message(b'', b'\0' * (256 << 10)))
            answer = msgpack.unpackb(wire.read_message()[-1])
            assert answer[1] == attacker.TOO_LARGE, answer
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)


def endless_message():
    """A message of ever more frames that never ends. libzmq keeps it until it does, whatever its
    limits, so only the process's memory limit ends it: in the service unit MemoryMax, here
    RLIMIT_DATA at 192 MiB (full: 2 GiB) more than the server had. Expected: that server alone drops
    the connection or ends and is started again; the others go on and nothing acknowledged is
    lost."""
    more = size(192, 2048) << 20
    with Cluster(**PLAIN) as cluster:
        writers = harness.start_writers(cluster)
        server = cluster[cluster.wait_leader()]
        others = [s.process.pid for s in cluster.servers if s is not server]
        with Unit(cluster) as unit:
            for count in (200, 60_000):
                frame = attacker.frame(b'x' * count, attacker.MORE)
                limit_memory(server.process, more)
                sent = send_until_cut(server.host, frame * (1_000_000 // count), 2 * more)
                harness.more(writers)
                harness.wait_until(lambda: server.runs and answered(server.host),
                                   'the server is back')
                print(f'frames of {count} bytes: {sent >> 20} MiB; ended so far: {unit.ended}')
            assert {number for number, _ in unit.ended} <= {server.number}, unit.ended
            assert [s.process.pid for s in cluster.servers if s is not server] == others
            attacker.settle(cluster, *writers)


def limit_memory(process, more):
    """To what it has now and so many bytes."""
    most = attacker.memory_kib(process, 'VmData') * 1024 + more
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (most, most))


def send_until_cut(host, batch, most):
    """How much of the same again and again is taken before the connection breaks."""
    sent = 0
    with Wire(host) as wire:
        wire.socket.settimeout(10)
        try:
            while sent < most:
                wire.send(batch)
                sent += len(batch)
        except OSError:
            return sent
    raise AssertionError(f'{sent} bytes were taken')


def claimed_routing_ids():
    """Two connections claim the same routing id, then one claims the ids of many others, of all
    lengths. Expected: the second of two is not read, everybody else is served, no server ends."""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        for server in cluster.servers:
            with Wire(server.host, identity=b'mallory') as first, \
                    Wire(server.host, identity=b'mallory') as second:
                for _ in range(3):
                    first.send(attacker.message(b'', HELLO))
                    assert msgpack.unpackb(first.read_message()[-1])[1] == client262.OK
                second.send(attacker.message(b'', HELLO))
                assert not second.closed(0.3) and answered(server.host)
            wires = []
            for n in range(size(100, 2000)):
                identity = os.urandom(1 + n % 255)
                wires.append(Wire(server.host, identity=b'\1' + identity[1:]))
            assert answered(server.host)
            for wire in wires:
                wire.close()
        # What cannot be an id: longer than 255 bytes, or with a zero in front and another length.
        for identity in (b'\0', b'\0' * 4, b'\0' * 6, b'x' * 256, b'x' * 5000):
            with Wire(cluster.hosts[0], greet=False) as wire:
                wire.send(attacker.GREETING)
                wire.take(64)
                wire.send(attacker.ready(b'DEALER', identity) + attacker.message(b'', HELLO))
                wire.closed(0.1)
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)


def automatic_ids(pid):
    """The next id that a ROUTER will give: read out of the server's memory, where the ids that it
    has given lie as five bytes each, 0 and a counter, in small blocks of malloc."""
    found = set()
    with open(f'/proc/{pid}/maps', encoding='ascii') as maps, \
            open(f'/proc/{pid}/mem', 'rb') as memory:
        for line in maps:
            place, mode, _, _, inode = line.split()[:5]
            if mode != 'rw-p' or inode != '0' or '[stack' in line:
                continue
            begin, end = (int(part, 16) for part in place.split('-'))
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue
            for hit in re.finditer(rb'[\x20-\x27]\0{8}(.{4})', data, re.DOTALL):
                found.add(struct.unpack('>I', hit.group(1))[0])
    return found


def next_automatic_ids(pid):
    """After connections without ids of their own: what follows on runs of ten numbers. There are some:
    not all of a run lies in the memory, and the handler of handshakes has a socket that gives ids."""
    found = automatic_ids(pid)
    return [n + 1 for n in found if n + 1 not in found and
            all(n - back in found for back in range(10))]


def guessed_routing_ids():
    """A client claims the routing ids that the leader's ROUTER will give next (the test reads them
    from the server's memory; an attacker has to guess 32 bits, or to hold many ids and connect very
    often). libzmq then aborts. Expected: only that server ends, its unit starts it again, the
    cluster goes on and nothing acknowledged is lost."""
    with Cluster(**PLAIN) as cluster:
        writers = harness.start_writers(cluster)
        with Unit(cluster) as unit:
            for _ in range(size(1, 5)):
                ended = len(unit.ended)
                for _ in range(5):  # what is found in the memory is not always the counter
                    claim_coming_ids(cluster[cluster.wait_leader()])
                    with contextlib.suppress(AssertionError):
                        harness.wait_until(lambda: len(unit.ended) > ended, '', 3)
                        break
                else:
                    harness.skip('no coming routing id was hit: none was found in the memory of the '
                                 'server, or this libzmq does not abort')
                harness.more(writers)
                cluster.wait_in_sync()
            print(f'ended: {unit.ended}')
            assert all(code == -signal.SIGABRT for _, code in unit.ended), unit.ended
            assert len(unit.ended) == size(1, 5), unit.ended
            attacker.settle(cluster, *writers)


def claim_coming_ids(leader):
    wires = [Wire(leader.host) for _ in range(40)]
    try:
        coming = next_automatic_ids(leader.process.pid)
    except PermissionError:
        harness.skip('the memory of another process may not be read')
    ids = [b'\0' + struct.pack('>I', first + n) for first in coming for n in range(40)]
    for identity in ids + [b''] * 60:
        with contextlib.suppress(OSError):
            wires.append(Wire(leader.host, identity=identity))
    for wire in wires:
        wire.close()


def http_and_tls():
    """Browsers and scanners at both ports: HTTP/1.1, the HTTP/2 preface, a TLS ClientHello, SSH,
    SMTP, a PROXY line. Expected: the server says nothing but its ZMTP greeting and hangs up within
    the handshake's second or two."""
    words = (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
             bytes.fromhex('16030100c8010000c40303') + b'\x5a' * 194, b'SSH-2.0-OpenSSH_9.2\r\n',
             b'EHLO example.org\r\n', b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n', b'\r\n' * 100,
             b'POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n' + b'x' * 100_000)
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        wires = []
        for host in cluster.hosts:
            for port in (CLIENT_PORT, PEER_PORT):
                for word in words:
                    wires.append(Wire(host, port, greet=False))
                    try:
                        wires[-1].send(word)
                    except OSError:
                        pass
        for wire in wires:
            got = b''
            try:
                wire.socket.settimeout(5)
                while data := wire.socket.recv(4096):
                    got += data
            except TimeoutError as error:
                raise AssertionError('not hung up') from error
            except OSError:
                pass
            assert got == attacker.GREETING[:len(got)] or got[:10] == attacker.GREETING[:10], got
            assert len(got) <= 64, got
            wire.close()
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)


def wrong_socket_types():
    """Sockets of every kind at both ports, with messages and subscriptions. Expected: those that do
    not go together with ROUTER or PULL are hung up at the handshake, the others change nothing."""
    kinds = ('PAIR', 'PUB', 'SUB', 'XPUB', 'XSUB', 'PUSH', 'PULL', 'REP', 'REQ', 'ROUTER', 'DEALER',
             'SERVER', 'CLIENT', 'NONSENSE', '')
    fits = {CLIENT_PORT: {'REQ', 'ROUTER', 'DEALER'}, PEER_PORT: {'PUSH'}}
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        for port in (CLIENT_PORT, PEER_PORT):
            for kind in kinds:
                with Wire(cluster.hosts[0], port, greet=False) as wire:
                    wire.send(attacker.GREETING)
                    wire.take(64)
                    with contextlib.suppress(OSError):
                        wire.send(attacker.ready(kind.encode()))
                        wire.read_frame()
                        for subscription in (b'\1', b'\1topic', b'\0topic'):
                            wire.send(attacker.frame(subscription))
                    hung_up = wire.closed(0.3)
                    assert hung_up == (kind not in fits[port]), (port, kind, hung_up)
        for kind in (zmq.SUB, zmq.PAIR, zmq.PULL, zmq.ROUTER):
            for host in cluster.hosts:
                for port in (CLIENT_PORT, PEER_PORT):
                    with zmq.Context.instance().socket(kind) as mine:
                        mine.setsockopt(zmq.LINGER, 0)
                        if kind == zmq.SUB:
                            mine.setsockopt(zmq.SUBSCRIBE, b'')
                        mine.connect(f'tcp://{host}:{port}')
                        mine.poll(20)
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)


def vanish(connection):
    """Closes without a word to the other end, as a machine does that loses its power."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.close()


def half_open_connections():
    """Clients vanish without FIN or RST: during the handshake, and after it. Expected: the
    handshake's second ends the first kind; the kernel asks after the others within 30 s of silence
    (full: and they are gone 45 s later, as their kernel has forgotten them)."""
    count = size(50, 300)
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        server = cluster[cluster.wait_leader()]
        folder = f'/proc/{server.process.pid}/fd'
        before = len(os.listdir(folder))
        try:
            for _ in range(count):
                with socket.create_connection((server.host, CLIENT_PORT), 5) as early:
                    early.sendall(attacker.GREETING[:30])
                    vanish(early)
        except PermissionError:
            harness.skip('only root can make a connection vanish')
        harness.wait_until(lambda: len(os.listdir(folder)) <= before + 2, 'the first kind is gone')
        for _ in range(count):
            vanish(Wire(server.host).socket)
        timers = connection_timers(server.host)
        print(f'{len(timers)} connections, asked after in at most {max(timers):.0f} s')
        assert timers and max(timers) <= 30, timers
        if attacker.FULL:
            harness.wait_until(lambda: len(os.listdir(folder)) <= before + 4,
                               'the second kind is gone', 45)
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)


def connection_timers(host):
    """Of the connections to a server's clients' port: in how many seconds the kernel will want to
    hear from the other end."""
    local = f'{struct.unpack("<I", socket.inet_aton(host))[0]:08X}:{CLIENT_PORT:04X}'
    found = []
    for name in ('tcp', 'tcp6'):
        with open(f'/proc/net/{name}', encoding='ascii') as file:
            for line in file:
                parts = line.split()
                if parts[1].endswith(local) and parts[3] == '01':
                    kind, ticks = parts[5].split(':')
                    asks = kind in ('01', '02')  # sends again, or keeps alive
                    found.append(int(ticks, 16) / os.sysconf('SC_CLK_TCK') if asks else 1e9)
    return found


CASES = (descriptors_used_up, oversized_frame, endless_message, claimed_routing_ids,
         guessed_routing_ids, http_and_tls, wrong_socket_types, half_open_connections)

if __name__ == '__main__':
    attacker.main(CASES, ATTACKERS)

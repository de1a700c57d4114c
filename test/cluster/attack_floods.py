"""Much of something: connections, greetings, pings, requests, answers that nobody reads.

In each of these an honest client writes alongside, and must hardly notice.
"""
import contextlib
import itertools
import os
import random
import socket
import time

import msgpack

import attacker
import client262
import harness
from attacker import Attack, Honest, Lives, PLAIN, Wire, size
from harness import CLIENT_PORT, PEER_PORT, Cluster

HELLO = msgpack.packb([1, 0, b'\1' * 16, 1, b'', []], use_bin_type=True)


def packed(operation, body, token=b'', number=1):
    return msgpack.packb([1, operation, os.urandom(16), number, token, body], use_bin_type=True)


# ---- attackers: each yields how much it has done


def garbage_greetings(hosts):
    """Connects to both ports of every server in turn and says something that is no greeting."""
    dice = random.Random(1)
    half = attacker.GREETING[:dice.randrange(1, 64)]
    kinds = (lambda: dice.randbytes(64), lambda: half, lambda: b'\0' * 64,
             lambda: b'\xff' * 10 + dice.randbytes(54),
             lambda: attacker.GREETING[:12] + b'\xff' * 52,
             lambda: attacker.GREETING + dice.randbytes(300))
    done = 0
    while True:
        for host in hosts:
            for port in (CLIENT_PORT, PEER_PORT):
                with socket.create_connection((host, port), 10) as connection:
                    try:
                        connection.sendall(dice.choice(kinds)())
                    except OSError:
                        pass
                done += 1
                yield done


def long_messages(host, frames):
    """Messages of so many empty frames; the next one when a request behind it was answered."""
    one = b'\1\0' * (frames - 1) + b'\0\0'
    done = 0
    with Wire(host) as wire:
        wire.socket.settimeout(60)
        while True:
            wire.send(one + attacker.message(b'', HELLO))
            while len(wire.read_message()[-1]) < 100:  # a refusal of the long one, the greeting
                pass
            done += frames
            yield done


def empty_messages(host):
    """Messages of a few empty frames each, as fast as they are taken."""
    batch = (b'\0\0' + b'\1\0\0\0' + b'\1\0\1\0\0\0') * 1000
    done = 0
    while True:
        with Wire(host) as wire:
            wire.socket.settimeout(60)
            for _ in range(100):
                wire.send(batch)
                done += 6000
                yield done


def fill_and_leave(host, token):
    """Asks for large pages until nothing more is taken, reads nothing, disconnects; again."""
    target = [client262.ROOM, harness.ROOM]
    request = attacker.message(b'', packed(client262.HISTORY, [target, None, False, 256],
                                           token.encode('latin-1')))
    done = 0
    while True:
        wires = []
        for _ in range(20):
            with contextlib.suppress(OSError):  # not admitted; or full
                wires.append(Wire(host))
                wires[-1].socket.settimeout(0.05)
                for _ in range(20):
                    wires[-1].send(request * 10)
        for wire in wires:
            wire.close()
        done += len(wires)
        yield done


def read_nothing(host, token, connections):
    """So many connections ask for large pages and never read; they stay until the end."""
    target = [client262.ROOM, harness.ROOM]
    request = attacker.message(b'', packed(client262.HISTORY, [target, None, False, 256],
                                           token.encode('latin-1')))
    wires = [Wire(host) for _ in range(connections)]
    done = 0
    while True:
        for wire in wires:
            wire.socket.settimeout(0.01)
            try:
                wire.send(request * 5)
                done += 5
            except OSError:
                pass
        yield done


def ping_flood(host, port, read):
    """PINGs of all lengths, as fast as they are taken; the PONGs are read, or left."""
    ping = b''.join(attacker.command(b'PING', b'\0\0' + b'x' * n) for n in (0, 1, 16)) * 100
    kind = b'DEALER' if port == CLIENT_PORT else b'PUSH'
    done = 0
    while True:
        with Wire(host, port, kind) as wire:
            wire.socket.settimeout(0.2)
            for _ in range(200):
                try:
                    wire.send(ping)
                    if read:
                        wire.socket.recv(1 << 20)
                except OSError:
                    break
                done += 300
                yield done


def slow_bytes(hosts, connections):
    """Greetings and handshakes on many connections, a byte a second on each."""
    words = [attacker.GREETING, attacker.GREETING + attacker.ready(b'DEALER')]
    open_ones, done = {}, 0
    while True:
        begin = time.monotonic()
        while len(open_ones) < connections:
            connection = socket.create_connection(
                (hosts[done % len(hosts)], (CLIENT_PORT, PEER_PORT)[done % 2]), 10)
            open_ones[connection] = iter(words[done // 2 % 2])
            done += 1
        for connection, rest in list(open_ones.items()):
            try:
                connection.send(bytes([next(rest)]))
            except (OSError, StopIteration):
                connection.close()
                del open_ones[connection]
        yield done
        time.sleep(max(0.0, begin + 1 - time.monotonic()))


def request_flood(source, host, token, session):
    """Requests of one session, or of many made-up ones, as fast as answers come: `too_many` is
    heard, its retry_ms is not."""
    request = packed(client262.LIST_ROOMS, ['', '', 1], token.encode('latin-1'))
    done = 0
    with Wire(host, source=source) as wire:
        wire.socket.settimeout(30)
        while True:
            for _ in range(16):
                if not session:
                    request = packed(client262.LIST_ROOMS, ['', '', 1], os.urandom(32))
                wire.send(attacker.message(b'', request))
            for _ in range(16):
                wire.read_message()
            done += 16
            yield done


ATTACKERS = (garbage_greetings, long_messages, empty_messages, fill_and_leave, read_nothing,
             ping_flood, slow_bytes, request_flood)

# ---- cases


def garbage_greetings_at_both_ports():
    """Thousands of connections whose first bytes are no ZMTP greeting, or half of one. Expected: no
    server ends, and an honest client's p99 stays within twice what it was."""
    with Cluster(**PLAIN) as cluster:
        lives, honest = Lives(cluster), Honest(cluster)
        attacker.unharmed(honest, lambda: Attack(garbage_greetings, cluster.hosts),
                          size(1500, 10_000))
        lives.check()
        attacker.settle(cluster, honest)


def empty_frames_in_one_message():
    """Messages of 200,000 empty frames (full: five million), one behind the other. Expected: such a
    message holds up the others' requests while it is passed over, some 40 ns a frame, and nothing
    else: it is answered as malformed, the server leads on, no server ends."""
    frames = size(200_000, 5_000_000)
    with Cluster(**PLAIN) as cluster:
        lives, honest = Lives(cluster), Honest(cluster)
        leader = cluster.wait_leader()
        epoch = cluster[leader].status()['epoch']
        with Attack(long_messages, cluster.hosts[leader], frames) as attack:
            attack.wait(10 * frames)
        assert cluster[leader].status(5000)['epoch'] == epoch, 'the leader changed'
        lives.check()
        honest.wait_more(50)
        print(f'the longest write took {max(honest.waits) * 1000:.0f} ms')
        attacker.settle(cluster, honest)


def empty_frames_in_many_messages():
    """Half a million empty frames (full: five million) in messages of one to three. Expected: they
    are dropped or answered as malformed, no server ends, and an honest client's p99 stays within
    twice what it was."""
    with Cluster(**PLAIN) as cluster:
        lives, honest = Lives(cluster), Honest(cluster)
        host = cluster.hosts[cluster.wait_leader()]
        attacker.unharmed(honest, lambda: Attack(empty_messages, host), size(500_000, 5_000_000))
        lives.check()
        attacker.settle(cluster, honest)


def fill_stall_disconnect():
    """Connections ask for the largest pages until nothing more is taken, read nothing, and hang up
    (full: 4,000 of them). Expected: 20 a second are admitted as configured, after 80 at once; the
    answers are dropped, the memory they took is used again (of 80 connections, 2 MiB each), no
    server ends, and an honest client's p99 stays within twice what it was."""
    settings = attacker.limits('loopback = true', 'address_handshakes_per_s = 20')
    with Cluster(settings=settings, **PLAIN) as cluster:
        lives, honest = Lives(cluster), honest_elsewhere(cluster)
        session = large_pages(cluster, honest.client.token)
        leader = cluster[cluster.wait_leader()]
        start = lambda: Attack(fill_and_leave, leader.host, session)  # noqa: E731
        with start() as attack:
            attack.wait(60)
        first = attacker.memory_kib(leader.process)
        attacker.unharmed(honest, start, size(200, 4000), size(200, 600))
        later = attacker.memory_kib(leader.process)
        print(f'resident: {first} KiB after the first, {later} KiB in the end')
        assert later < first + 80 * 2048, (first, later)
        lives.check()
        attacker.settle(cluster, honest)


def answers_left_unread():
    """Fifty connections (full: 400) ask for the largest pages and never read, as long as the honest
    client measures. Expected: the server keeps `connection_replies` (32) answers for each and drops
    the rest, so that its memory stays below 2 MiB a connection; an honest client's p99 stays within
    twice what it was."""
    connections = size(50, 400)
    settings = attacker.limits('loopback = true', 'address_handshakes_per_s = 1000')
    with Cluster(settings=settings, **PLAIN) as cluster:
        lives, honest = Lives(cluster), honest_elsewhere(cluster)
        session = large_pages(cluster, honest.client.token)
        leader = cluster[cluster.wait_leader()]
        before = attacker.memory_kib(leader.process)
        attacker.unharmed(honest, lambda: Attack(read_nothing, leader.host, session,
                                                 connections), size(2000, 40_000))
        peak = attacker.memory_kib(leader.process, 'VmHWM')
        print(f'{connections} connections: resident {before} KiB before, at most {peak} KiB')
        assert peak < before + connections * 2048 + 65536, (before, peak)
        lives.check()
        attacker.settle(cluster, honest)


def pings():
    """ZMTP PING commands of all lengths at both ports of the leader, the PONGs read or left lying.
    Expected: nothing but PONGs: no server ends, and an honest client's p99 stays within twice what
    it was."""
    with Cluster(**PLAIN) as cluster:
        lives, honest = Lives(cluster), Honest(cluster)
        host = cluster.hosts[cluster.wait_leader()]
        for port, read in size(((CLIENT_PORT, False), (PEER_PORT, True)),
                               itertools.product((CLIENT_PORT, PEER_PORT), (True, False))):
            attacker.unharmed(honest, lambda p=port, r=read: Attack(ping_flood, host, p, r),
                              size(10_000, 1_000_000), size(150, 600))
        lives.check()
        attacker.settle(cluster, honest)


def slowloris():
    """200 connections (full: 2,000) to all ports that send a greeting or a handshake a byte a
    second. Expected: each is dropped after the handshake's second; no server ends, and an honest
    client's p99 stays within twice what it was."""
    connections = size(200, 2000)
    with Cluster(**PLAIN) as cluster:
        lives, honest = Lives(cluster), Honest(cluster)
        attacker.unharmed(honest, lambda: Attack(slow_bytes, cluster.hosts, connections),
                          3 * connections)
        harness.wait_until(lambda: descriptors(cluster[0]) < 100, 'the connections are dropped')
        lives.check()
        attacker.settle(cluster, honest)


def request_flood_of_a_session():
    """A client sends requests of one session as fast as answers come and does not wait when it is
    told to; [limits] has session_requests_per_s = 200. Expected: `too_many` with a retry_ms for
    what is over, for this session alone; an honest client of another session keeps its p99."""
    flood('session_requests_per_s = 200', session=True)


def request_flood_of_an_address():
    """The same with a made-up session in each request, from one address; [limits] has
    address_requests_per_s = 200 and loopback = true. Expected: `too_many` with a retry_ms for that
    address; an honest client at another address keeps its p99."""
    flood('address_requests_per_s = 200', session=False)


def flood(limit, session):
    with Cluster(settings=attacker.limits(limit, 'loopback = true'), **PLAIN) as cluster:
        lives, leader = Lives(cluster), cluster.wait_leader()
        honest, evil_host = honest_elsewhere(cluster, 0.008), harness.free_addresses(1)[0]
        token = mallory(cluster)
        attacker.unharmed(honest, lambda: Attack(
            request_flood, evil_host, cluster.hosts[leader], token, session),
            size(5000, 100_000))
        with Wire(cluster.hosts[leader], source=evil_host) as wire:
            answers = []
            for _ in range(1000):
                wire.send(attacker.message(b'', packed(client262.LIST_ROOMS, ['', '', 1],
                                                            token.encode('latin-1'))))
                answers.append(msgpack.unpackb(wire.read_message()[-1]))
        refused = [body for _, status, _, body in answers if status != client262.OK]
        assert len(refused) > 300, f'{len(refused)} of 1000 refused'
        assert {status for _, status, _, _ in answers} == {client262.OK, client262.TOO_MANY}
        assert all(0 < body[2] <= 5000 for body in refused), refused[:3]
        lives.check()
        attacker.settle(cluster, honest)


def descriptors(server):
    return len(os.listdir(f'/proc/{server.process.pid}/fd'))


def honest_elsewhere(cluster, pace=0.002):
    """At an address of its own, so that what is limited by address is the attacker's alone."""
    return Honest(cluster, pace, cluster.client(60.0, harness.free_addresses(1)[0]))


def mallory(cluster, rooms=()):
    """A session of somebody who is in these rooms, as an attacker's argument."""
    client = cluster.client()
    client.register('mallory', harness.PASSWORD)
    token = client.log_in('mallory', harness.PASSWORD)
    for room in rooms:
        client.join_room(room)
    client.close()
    return token.decode('latin-1')


def large_pages(cluster, token):
    """So much in the room that a page of it is as large as pages get; mallory's session."""
    client = cluster.client()
    client.token = token
    for n in range(20):
        client.send_room(harness.ROOM, f'{n} ' + 'x' * 8000)
    client.close()
    return mallory(cluster, [harness.ROOM])


CASES = (garbage_greetings_at_both_ports, empty_frames_in_one_message,
         empty_frames_in_many_messages, fill_stall_disconnect, answers_left_unread, pings,
         slowloris, request_flood_of_a_session, request_flood_of_an_address)

if __name__ == '__main__':
    attacker.main(CASES, ATTACKERS)

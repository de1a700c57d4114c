"""The servers' own port: strangers, and servers that lie."""
import hashlib
import os
import time

import msgpack
import zmq

import attacker
import client262
import harness
from attacker import Lives, PLAIN, Unit, size
from harness import PEER_PORT, Cluster

HELLO, HEARTBEAT, APPEND, NACK, REJECT, PREPARE, PROMISE, GOODBYE = 0, 1, 3, 5, 6, 10, 11, 15
RELAY, SUPERSEDED = 16, 20
ZERO, ZERO_HASH = [[0, 0], 0], b'\0' * 32


def packed(value):
    return msgpack.packb(value, use_bin_type=True)


def blake(data):
    return hashlib.blake2b(data, digest_size=32).digest()


class Record:
    """A log record (store/SCHEMA.md), to be changed and sealed again with a hash that fits."""

    def __init__(self, record):
        self.kind, self.server = record[1], record[3]
        self.counter, self.request = int.from_bytes(record[4:12], 'big'), record[12:36]
        head = int.from_bytes(record[100:104], 'big')
        self.hash, self.head = record[68:100], record[108:108 + head]
        self.text = record[108 + head:]

    def seal(self, previous, seq):
        text_hash = blake(self.text)
        self.hash = blake(previous + self.counter.to_bytes(8, 'big') + bytes([self.server]) +
                          seq.to_bytes(8, 'big') + bytes([self.kind]) + self.request +
                          len(self.head).to_bytes(4, 'big') + self.head + text_hash)
        return self.bytes(text_hash)

    def bytes(self, text_hash):
        return (bytes([1, self.kind, 0, self.server]) + self.counter.to_bytes(8, 'big') +
                self.request + text_hash + self.hash + len(self.head).to_bytes(4, 'big') +
                len(self.text).to_bytes(4, 'big') + self.head + self.text)


class Peer:
    """Speaks to one server's peer port, as a server of any number; what is said to that number is
    only heard if nobody else listens there."""

    def __init__(self, cluster, number, listen=False):
        self.cluster, self.number = cluster, number
        self.id = cluster[0].status(5000)['cluster']
        self.incarnation, self.others, self.heard = [1000, 7], {}, []
        self.sockets = {}
        for server in cluster.servers:
            if server.number != number or not listen:
                one = zmq.Context.instance().socket(zmq.PUSH)
                one.setsockopt(zmq.LINGER, 500)
                one.connect(f'tcp://{server.host}:{PEER_PORT}')
                self.sockets[server.number] = one
        self.pull = zmq.Context.instance().socket(zmq.PULL)
        if listen:
            self.pull.bind(f'tcp://{cluster.hosts[number]}:{PEER_PORT}')

    def send(self, to, kind, body, /, **changed):
        frame = {'version': 1, 'level': 2, 'cluster': self.id, 'from': self.number,
                 'incarnation': self.incarnation, 'to': self.others.get(to, [0, 0]), 'kind': kind,
                 'body': body, **changed}
        self.sockets[to].send(packed(list(frame.values())))

    def take(self, wait_ms=100):
        """Notes what the others say, and their incarnations."""
        while self.pull.poll(wait_ms, zmq.POLLIN):
            frame = client262.unpack(self.pull.recv())
            self.others[frame[3]] = frame[4]
            self.heard.append((frame[3], frame[6], frame[7]))
            wait_ms = 0

    def join(self):
        """Hello, until both others know this incarnation and one of them sends its log."""
        def joined():
            for number in self.sockets:
                self.send(number, HELLO, [[0, 0], ZERO, ZERO_HASH, self.others.get(number, [0, 0]),
                                          True])
            self.take()
            return len(self.others) == 2 and self.last_append()

        harness.wait_until(joined, 'the others take the liar for a server', every=0.1)

    def last_append(self):
        found = [m for m in self.heard if m[1] == APPEND and m[2][3]]
        return found[-1][2] if found else None

    def forget(self):
        self.take(0)
        self.heard.clear()

    def answers(self, kind, seconds=3.0):
        """What has come of that kind since forget(), or comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take(50)
            found = [(who, body) for who, what, body in self.heard if what == kind]
            if found:
                return found
        return []

    def close(self):
        for one in (*self.sockets.values(), self.pull):
            one.close()


def figures(cluster, keys=('last', 'last_hash', 'epoch', 'view')):
    return [status and [status[key] for key in keys] for status in cluster.statuses().values()]


def strangers_at_the_peer_port():
    """Messages of every kind from another cluster, from server numbers that do not exist, from the
    server's own number, in another version, from an incarnation that nobody knows, and for one that
    is over. Expected: all are dropped (or answered with a Hello to the real server): no log, epoch
    or view changes."""
    with Cluster(**PLAIN) as cluster:
        lives, _ = Lives(cluster), harness.make_room(cluster)
        cluster.push_commit()
        cluster.wait_equal()
        before = figures(cluster)
        high = [1 << 40, 2]
        bodies = {APPEND: [high, ZERO, ZERO_HASH, [], 1 << 40, ZERO], PREPARE: [high],
                  GOODBYE: [0, [1, 0], 2], NACK: [high], 
                  PROMISE: [high, ZERO, ZERO_HASH, ZERO, [0, [], False], 0, True, False, 0],
                  HEARTBEAT: [high, 2, high, ZERO, ZERO, 1 << 40, 2, 0, True, 5, 0, 0],
                  RELAY: [1, packed([1, 102, b'\1' * 16, 1, b'', []])]}
        peer = Peer(cluster, 2)
        for _ in range(size(3, 100)):
            for to in range(3):
                for kind, body in bodies.items():
                    changes = ({'cluster': os.urandom(16)}, {'version': 2}, {'version': 255},
                               {'from': to}, {'from': 3}, {'from': 255}, {'incarnation': [0, 0]},
                               {'incarnation': [(1 << 64) - 1, 1]}, {'kind': 60}, {'kind': 255},
                               {'to': [1, 1]}, {})
                    for changed in changes:
                        peer.send(to, kind, body, **changed)
        peer.close()
        client = cluster.client()
        client.register('afterwards', harness.PASSWORD)
        client.close()
        cluster.push_commit()
        cluster.wait_equal()
        after = figures(cluster)
        assert [row[2:] for row in after] == [row[2:] for row in before], (before, after)
        assert after[0][0] == before[0][0] + 3, (before, after)  # what was written here meanwhile
        lives.check()
        cluster.settle_and_check()


def liar(cluster):
    """The place of server 2, that was stopped, is taken by somebody who speaks as a server does."""
    cluster[2].stop()
    cluster.wait_in_sync([0, 1])
    peer = Peer(cluster, 2, listen=True)
    peer.join()
    return peer


def come_back(cluster, peer, writers):
    peer.close()
    cluster[2].start()
    attacker.settle(cluster, *writers)


def old_epochs():
    """A server that slept through a takeover goes on with its old epoch: it appends, prepares, and
    says that it leads. Expected: Nack with the epoch that is promised; epoch and view stay."""
    with Cluster(**PLAIN) as cluster:
        writers = harness.start_writers(cluster)
        cluster[0].kill()
        harness.more(writers)
        cluster[0].start()
        cluster.wait_in_sync()
        peer = liar(cluster)
        append = peer.last_append()
        now = append[0]
        assert now[0] >= 2, now
        before = figures(cluster, ('epoch', 'promised', 'view'))
        for epoch in ([1, 2], [now[0] - 1, 2], [0, 2]):
            peer.forget()
            for to in (0, 1):
                peer.send(to, APPEND, [epoch, *append[1:]])
                peer.send(to, PREPARE, [epoch])
                peer.send(to, HEARTBEAT, [epoch, 2, epoch, ZERO, append[1], 0, 2, 0, True, 5, 0, 0])
            nacked = peer.answers(NACK)
            assert nacked and all(body[0] >= now for _, body in nacked), (epoch, nacked)
        assert figures(cluster, ('epoch', 'promised', 'view')) == before
        harness.more(writers)
        come_back(cluster, peer, writers)


def forged_entries():
    """A server of the cluster lies: it sends entries in a leader's stead, with a text changed, with
    a hash that does not fit, out of order, of an epoch above the message's, and well made ones
    behind a gap. Expected: those that do not fit are refused and nothing moves; those behind a gap
    are rejected and cost the leader its epoch, no more. No forged entry is in any log, nothing
    acknowledged is lost."""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        peer = liar(cluster)
        epoch, previous, previous_hash, entries, commit, view = peer.last_append()
        seq, record = entries[0]
        forged = [epoch[0] + 1, 2]

        def changed(text=b'forged', sealed=True, at=seq, counter=None):
            one = Record(record)
            one.text = text
            if counter:
                one.counter, one.server = counter
            return [at, one.seal(previous_hash, at) if sealed else one.bytes(blake(one.text))]

        flawed = ([changed(sealed=False)], [[seq, record[:-1] + b'?']], [changed(at=seq + 1)],
                  [changed(), changed(at=seq + 2)], [changed(counter=[forged[0] + 5, 2])],
                  [[seq, record], [seq, record]], [changed(), [seq + 1, record]])
        before = figures(cluster, ('epoch', 'promised', 'view'))[:2]
        for wrong in flawed:
            for to in (0, 1):
                peer.send(to, APPEND, [forged, previous, previous_hash, wrong, commit, view])
        for wrong in ([[seq, b'']], [[seq, b'\1' * 50]], [[seq, os.urandom(5000)]],
                      [[seq, record + b'x']], [[-1, record]]):
            for to in (0, 1):
                peer.send(to, APPEND, [forged, previous, previous_hash, wrong, commit, view])
        harness.wait_until(lambda: all('refused: ' in cluster[n].words() for n in (0, 1)),
                           'the forged entries are refused')
        harness.more(writers)
        assert figures(cluster, ('epoch', 'promised', 'view'))[:2] == before
        gap = [[epoch[0], epoch[1]], previous[1] + 100_000]
        one = Record(record)
        one.text = b'forged'
        peer.forget()
        behind = [gap[1] + 1, one.seal(b'\7' * 32, gap[1] + 1)]
        for to in (0, 1):
            peer.send(to, APPEND, [forged, gap, b'\7' * 32, [behind], commit, view])
        assert peer.answers(REJECT), 'nobody rejects what is behind a gap'
        harness.more(writers, 20, 60)
        peer.close()
        assert all(cluster[n].process.pid == lives.pids[n] for n in (0, 1)), 'a server ended'
        cluster[2].start()
        attacker.settle(cluster, *writers)
        assert not [m for m in harness.export(cluster[0]) if 'forged' in m['text']]


def forged_hello():
    """Somebody on a network without keys says Hello with a follower's number and a later
    incarnation. Expected: that server is taken for an old copy of its disk, is brought up to date
    and comes back; writes go on, nothing acknowledged is lost. (With keys nobody can say it.)"""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        leader = cluster.wait_leader()
        victim = next(n for n in range(3) if n != leader)
        peer = Peer(cluster, victim)
        peer.send(leader, HELLO, [[0, 0], ZERO, ZERO_HASH, [0, 0], False])
        harness.wait_until(lambda: 'old copy' in cluster[victim].words(), 'it is an old copy')
        peer.close()
        harness.more(writers, 20, 60)
        lives.check()
        attacker.settle(cluster, *writers)


def forged_replacement():
    """Somebody on a network without keys tells a server that another machine has its number now.
    Expected: it stops with exit status 1, as a replaced machine must, its unit starts it again, the
    others go on and nothing acknowledged is lost. (With keys nobody can say it.)"""
    with Cluster(**PLAIN) as cluster:
        writers = harness.start_writers(cluster)
        with Unit(cluster) as unit:
            for victim in size((0,), (0, 1, 2)):
                peer, ended = Peer(cluster, (victim + 1) % 3), len(unit.ended)
                peer.send(victim, SUPERSEDED, [victim, 9, ['127.0.0.1', 1, 2]])
                harness.wait_until(lambda: len(unit.ended) > ended, 'the server stops')
                peer.close()
                harness.more(writers, 20, 60)
                cluster.wait_in_sync()
            assert {code for _, code in unit.ended} == {1}, unit.ended
            attacker.settle(cluster, *writers)


CASES = (strangers_at_the_peer_port, old_epochs, forged_entries, forged_hello,
         forged_replacement)

if __name__ == '__main__':
    attacker.main(CASES)

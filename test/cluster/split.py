"""The network splits under load, with clients on every side, and heals. Nothing acknowledged is lost
or doubled, and all logs become equal.

CHAT262_ROUNDS (1): how many times each case splits its cluster and heals it.
CHAT262_SPLIT_S (10): seconds that a split lasts.
"""
import itertools
import os

import harness
from harness import Writer
from load import LoadTexts
from namespaces import SplitCluster

ROUNDS = int(os.environ.get('CHAT262_ROUNDS', '1'))
SPLIT_S = float(os.environ.get('CHAT262_SPLIT_S', '10'))
HEARD_WITHIN_S = 6.0  # a new connection takes two attempts of a second each at most, and some
PACE = 0.005  # seconds between two writes of a client: a split makes thousands, not a million


def sided_writers(cluster, count):
    token = harness.make_room(cluster)
    writers = [Writer(cluster, f'w{n}', harness.ROOM, token, PACE,
                      cluster.sided_client(timeout=90.0)) for n in range(count)]
    for writer in writers:
        writer.parts = []  # where order begins anew
    return harness.start(writers)


def split(cluster, writers, *sides):
    """The clients are dealt out to the sides, and then the network is split: who still heard the old
    leader when it went on alone, and then went over, would have been on both sides."""
    for n, writer in enumerate(writers):
        writer.client.side = set(sides[n % len(sides)])
    cluster.network.split(*map(list, sides))


def wait_split():
    harness.wait_until(harness.elapsed(SPLIT_S), 'time passes', SPLIT_S + 5)


def wait_heard(cluster):
    """All links are there again: soon, however long they were cut."""
    def all_heard():
        found = cluster.statuses()
        return all(s and set(s['heard']) == set(found) - {n} for n, s in found.items())
    harness.wait_until(all_heard, 'every server hears every other one', HEARD_WITHIN_S)


def heal(cluster, writers):
    """While it heals, what a client says may be acknowledged by the losing side and then by the
    other, and comes late to it: only each message by itself is looked at."""
    begin = [len(writer.acknowledged) for writer in writers]
    cluster.network.heal()
    wait_heard(cluster)
    for writer in writers:
        writer.client.side = None
    cluster.wait_in_sync(seconds=60)
    harness.more(writers)
    for writer, first in zip(writers, begin):
        writer.parts += range(first, len(writer.acknowledged) + 1)


def check(cluster, writers):
    harness.finish(writers)
    parts = []
    for writer in writers:
        ends = [0, *writer.parts, len(writer.acknowledged)]
        parts += [LoadTexts(writer.name, writer.acknowledged[begin:end])
                  for begin, end in itertools.pairwise(ends)]
    cluster.settle_and_check(parts, seconds=60)


def leader_from_both():
    """Both sides go on, and are merged."""
    with SplitCluster() as cluster:
        writers = sided_writers(cluster, 4)
        for _ in range(ROUNDS):
            leader = cluster.wait_leader()
            split(cluster, writers, [leader], [n for n in range(3) if n != leader])
            harness.more(writers, 50)
            wait_split()
            heal(cluster, writers)
        check(cluster, writers)


def all_from_all():
    """Three sides, and one history afterwards."""
    with SplitCluster() as cluster:
        writers = sided_writers(cluster, 3)
        for _ in range(ROUNDS):
            split(cluster, writers, [0], [1], [2])
            harness.more(writers, 50)
            wait_split()
            heal(cluster, writers)
        check(cluster, writers)


def one_way():
    """What the leader sends to one follower is lost; then what that one sends to the leader."""
    with SplitCluster() as cluster:
        writers = sided_writers(cluster, 2)
        for n in range(ROUNDS):
            leader = cluster.wait_leader()
            other = (leader + 1 + n % 2) % 3
            for sender, receiver in [(leader, other), (other, leader)]:
                cluster.network.cut_one_way(sender, receiver)
                harness.more(writers, 50)
                wait_split()
                harness.more(writers)
                heal(cluster, writers)
        check(cluster, writers)


def partial():
    """Two followers do not hear each other and both hear the leader: nobody notices. Then one of
    them and the leader: the cluster goes on with whom the leader hears."""
    with SplitCluster() as cluster:
        writers = sided_writers(cluster, 2)
        for n in range(ROUNDS):
            leader = cluster.wait_leader()
            one, other = [server for server in range(3) if server != leader]
            cluster.network.cut(one, other)
            harness.more(writers, 50)
            wait_split()
            status = cluster[leader].status()
            assert status['role'] == 'leader' and len(status['view']) == 3, status
            heal(cluster, writers)
            cluster.network.cut(leader, (one, other)[n % 2])
            harness.more(writers, 50)
            wait_split()
            harness.more(writers)
            heal(cluster, writers)
        check(cluster, writers)


def with_policy(policy):
    """The leader is alone: it answers nothing, its clients wait; the other side goes on."""
    with SplitCluster(start=False) as cluster:
        with open(cluster.file, encoding='utf-8') as file:
            text = file.read()
        with open(cluster.file, 'w', encoding='utf-8') as file:
            file.write(text.replace('policy = "continue"', f'policy = "{policy}"'))
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        writers = sided_writers(cluster, 4)
        for _ in range(ROUNDS):
            leader = cluster.wait_leader()
            split(cluster, writers, [n for n in range(3) if n != leader], [leader])
            harness.wait_until(lambda: cluster.leader(but=[leader]) is not None, 'another leader')
            served, lonely = writers[::2], writers[1::2]
            before = [len(writer.acknowledged) for writer in lonely]
            harness.more(served, 50)
            wait_split()
            assert before == [len(writer.acknowledged) for writer in lonely], 'both sides go on'
            heal(cluster, writers)
        check(cluster, writers)


CASES = {
    'leader_from_both': leader_from_both,
    'all_from_all': all_from_all,
    'one_way': one_way,
    'partial': partial,
    'proof': lambda: with_policy('proof'),
    'majority': lambda: with_policy('majority'),
}

if __name__ == '__main__':
    harness.main(CASES)

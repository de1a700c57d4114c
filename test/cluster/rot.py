"""Bits that flip on a server's disk: found, never served, repaired from the others."""
import os

import harness
from harness import Cluster, wait_until


def flip(server, text, environment='log'):
    """Flips a bit of `text` wherever it stands in the server's file: LMDB keeps old pages too."""
    path = os.path.join(server.data, environment, 'data.mdb')
    with open(path, 'r+b') as file:
        content, wanted, hits, at = file.read(), text.encode(), 0, 0
        while (at := content.find(wanted, at)) >= 0:
            file.seek(at + len(wanted) - 1)
            file.write(bytes([content[at + len(wanted) - 1] ^ 1]))
            hits, at = hits + 1, at + 1
    assert hits, f'{text} is not in {path}'


def texts_in_room(client, most=10**9):
    """From the oldest on."""
    room, texts, start = [harness.client262.ROOM, harness.ROOM], [], None
    while True:
        messages, more = client.history(room, start, True, 200)[:2]
        texts += [message[7] for message in messages]
        if not more or not messages or len(texts) >= most:
            return texts
        start = messages[-1][1]


def repaired(server, count=1):
    status = server.status()
    return status and status['damage_repaired'] >= count and not status['damage']


def wait_repaired(server, count=1):
    wait_until(lambda: repaired(server, count),
               lambda: f'server {server.number} repairs {count}; now {server.status()}')


def verify(cluster, *arguments, check=True, timeout=60):
    """The lines of `chat262ctl verify`, by server, and its exit code."""
    done = harness.run('chat262ctl', 'verify', '--timeout', timeout, *arguments, check=False)
    assert not check or done.returncode == 0, done
    lines = {int(line.split()[1].rstrip(':')): line for line in done.stdout.splitlines()
             if line.startswith('server ')}
    assert len(lines) == len(cluster.servers), done
    return lines, done


def written(cluster, count=60):
    """Some messages; the texts that were acknowledged, and the writers."""
    writers = harness.start_writers(cluster)
    harness.more(writers, count)
    harness.finish(writers)
    cluster.push_commit()
    cluster.wait_equal()
    return writers


def stopped(where):
    """Flipped while the server is down: in the middle, or at the log's very end."""
    with Cluster() as cluster:
        writers = written(cluster)
        client = cluster.client()
        client.register('the-last-one', harness.PASSWORD)
        client.close()
        cluster.wait_equal()
        server = cluster[2]
        server.stop()
        flip(server, writers[0].acknowledged[10] if where == 'middle' else 'the-last-one')
        server.start()
        wait_repaired(server)
        if where == 'tail':
            assert 'takes part when it is repaired' in server.words()
        cluster.settle_and_check(writers)


def long_texts(cluster, token, count=800):
    """So many that no server has the first of them in memory any more."""
    client = cluster.client()
    client.token = token
    texts = [f'long {n} ' + 'x' * 15000 for n in range(count)]
    for text in texts:
        client.send_room(harness.ROOM, text)
    client.close()
    return texts


def leader_running():
    """Flipped under the leader, while clients read through it: they see what was written."""
    with Cluster() as cluster:
        writers = written(cluster, 5)
        token = writers[0].client.token
        texts = [text for writer in writers for text in writer.acknowledged]
        longs = long_texts(cluster, token)
        cluster.wait_equal()
        leader = cluster[cluster.wait_leader()]
        for number in (0, 3, 4, 17):
            flip(leader, f'long {number} ')
        client = cluster.client()
        client.token = token
        seen = texts_in_room(client, len(texts) + 40)
        assert sorted(seen[:len(texts)]) == sorted(texts), seen[:len(texts)]
        assert seen[len(texts):] == longs[:len(seen) - len(texts)]
        wait_repaired(leader, 4)
        client.close()
        cluster.settle_and_check(writers)


def nobody_has_it():
    """The same entry is damaged on all disks: its readers are told, and everything else goes on."""
    with Cluster() as cluster:
        writers = written(cluster)
        victim = writers[1].acknowledged[7]
        for server in cluster.servers:
            server.stop()
        for server in cluster.servers:
            flip(server, victim)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        client = cluster.client(timeout=4.0)
        client.token = writers[0].client.token
        leader = cluster[cluster.wait_leader()]
        wait_until(lambda: leader.status()['damage'], 'the damage in the status')
        client.send_room(harness.ROOM, 'after')
        try:
            seen = texts_in_room(client)
            raise AssertionError(f'served: {seen}')
        except harness.client262.NoAnswer as refusal:
            assert 'damaged' in str(refusal), refusal
        newest = client.history([harness.client262.ROOM, harness.ROOM], None, False, 1)[0]
        assert newest[-1][7] == 'after', newest
        client.close()


NAMED = 'named-in-the-tables'
# The name as a value: after its length. As a key it would be missing, not damaged.
NAME_VALUE = f'\0{chr(len(NAMED))}{NAMED}'


def with_tables(cluster):
    """Writers, and an account whose record has left every server's memory for its disk."""
    writers = written(cluster)
    client = cluster.client()
    client.register(NAMED, harness.PASSWORD)
    client.close()
    cluster.push_commit()
    for server in cluster.servers:
        wait_until(lambda server=server: holds(server, 'tables', NAME_VALUE), 'tables on the disk')
    return writers


def holds(server, environment, text):
    with open(os.path.join(server.data, environment, 'data.mdb'), 'rb') as file:
        return text.encode() in file.read()


def made_anew(server):
    return 'damaged and made anew' in server.words()


def log_in_at(cluster, server):
    """This server leads, and has all in its tables."""
    harness.run('chat262ctl', 'handover', '--data', server.data, server.number, check=False)
    cluster.wait_leader()
    client = cluster.client()
    client.log_in(NAMED, harness.PASSWORD)
    client.close()


def tables_of_follower():
    """A damaged record of a follower's tables: they are made anew while it goes on following."""
    with Cluster() as cluster:
        done = with_tables(cluster)
        leader = cluster.wait_leader()
        server = cluster[(leader + 1) % 3]
        flip(server, NAME_VALUE, 'tables')
        room = harness.Writer(cluster, 'during', harness.ROOM, done[0].client.token, 0.002)
        harness.start([room])
        lines, found = verify(cluster, '--data', cluster[leader].data)
        assert 'tables damaged and made anew' in lines[server.number], found
        assert all('tables whole' in line for number, line in lines.items()
                   if number != server.number), found
        assert made_anew(server)
        harness.more([room])
        harness.finish([room])
        status = server.status()
        assert status['in_sync'] and cluster.leader() == leader, status
        log_in_at(cluster, server)
        cluster.settle_and_check([*done, room])


def tables_of_leader():
    """A damaged record of the leader's tables: who asks for it waits and gets the right answer."""
    with Cluster() as cluster:
        writers = with_tables(cluster)
        leader = cluster[cluster.wait_leader()]
        flip(leader, NAME_VALUE, 'tables')
        client = cluster.client()
        client.log_in(NAMED, harness.PASSWORD)
        wait_until(lambda: made_anew(leader), 'the leader makes its tables anew')
        client.close()
        cluster.wait_in_sync()
        log_in_at(cluster, leader)
        cluster.settle_and_check(writers)


def flip_page_heads(server, environment):
    """Each page's head has its number: a bit of it, for all but the two head pages."""
    path, page = os.path.join(server.data, environment, 'data.mdb'), 4096
    with open(path, 'r+b') as file:
        for at in range(2 * page, os.path.getsize(path), page):
            file.seek(at)
            first = file.read(1)
            file.seek(at)
            file.write(bytes([first[0] ^ 1]))


def tables_at_start(how):
    """Flipped while the server is down: a record, or the structure, which its start finds."""
    with Cluster() as cluster:
        writers = with_tables(cluster)
        server = cluster[1]
        server.stop()
        if how == 'record':
            flip(server, NAME_VALUE, 'tables')
        else:
            flip_page_heads(server, 'tables')
        server.start()
        found = made_anew if how == 'record' else lambda _: 'no tables that fit' in server.words()
        wait_until(lambda: found(server), 'the damage is found')
        cluster.wait_in_sync()
        log_in_at(cluster, server)
        cluster.settle_and_check(writers)


def verified():
    """`chat262ctl verify` makes all servers read all they have, through any of them."""
    with Cluster() as cluster:
        writers = written(cluster)
        asked = cluster[2].data
        lines, done = verify(cluster, '--data', asked)
        assert all(', 0 damaged, 0 repaired, tables whole, equal to the others' in line
                   for line in lines.values()), done
        for server, place in ((0, 10), (1, 20), (1, 21)):  # not read by anybody meanwhile
            flip(cluster[server], writers[0].acknowledged[place])
        lines, done = verify(cluster, '--data', asked)
        found = [int(lines[n].split(' damaged')[0].split()[-1]) for n in range(3)]
        assert found[0] >= 1 and found[1] >= 2 and found[2] == 0, done
        assert all(f'{n} damaged, {n} repaired' in lines[i] for i, n in enumerate(found)), done
        lines, done = verify(cluster, '--data', asked)
        assert all(' 0 damaged' in line for line in lines.values()), done
        # By the clients' port nobody can be made to read.
        lines, done = verify(cluster, *cluster.arguments)
        assert 'no server was told to read' in done.stdout, done
        cluster[0].stop()
        lines, done = verify(cluster, '--data', asked, check=False, timeout=2)
        assert done.returncode == 1 and lines[0].startswith('server 0: down'), done
        cluster[0].start()
        cluster.settle_and_check(writers)


def verified_beyond_repair():
    """What is damaged on all servers stays so, and verify says it."""
    with Cluster() as cluster:
        writers = written(cluster)
        for server in cluster.servers:
            flip(server, writers[1].acknowledged[7])
        lines, done = verify(cluster, '--data', cluster[0].data, check=False, timeout=5)
        assert done.returncode == 1, done
        assert all(' 0 repaired' in line and 'could not be repaired yet' in line
                   for line in lines.values()), done


CASES = {'middle': lambda: stopped('middle'), 'tail': lambda: stopped('tail'),
         'leader_running': leader_running, 'nobody_has_it': nobody_has_it,
         'tables_of_follower': tables_of_follower, 'tables_of_leader': tables_of_leader,
         'tables_record_at_start': lambda: tables_at_start('record'),
         'tables_structure_at_start': lambda: tables_at_start('structure'), 'verified': verified,
         'verified_beyond_repair': verified_beyond_repair}

if __name__ == '__main__':
    harness.main(CASES)

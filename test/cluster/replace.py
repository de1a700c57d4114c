"""A new machine with an empty disk takes the number of a lost server, while clients write."""
import os
import shutil
import tomllib

import client262
import harness
from harness import Cluster
from total_failure import kill_all


class Machine(harness.Server):
    """One that was not there at the start: it has a cluster file of its own."""

    arguments = ()

    def command(self):
        first = super().command()
        return first[:len(first) - len(self.cluster.arguments)] + list(self.arguments)


def ctl(cluster, asked, *arguments, check=True, stdin=''):
    return harness.run('chat262ctl', arguments[0], '--data', cluster[asked].data, *arguments[1:],
                       check=check, stdin=stdin)


def new_file(cluster, host):
    """A cluster file of a machine's own; its secret key goes beside it."""
    folder = os.path.join(cluster.folder, f'for-{host}')
    os.makedirs(folder)
    return os.path.join(folder, 'cluster.toml')


def replace(cluster, number, asked):
    """Asks the machine of server `asked`, and starts the new one as it was said. Returns the old."""
    host = harness.free_addresses(1)[0]
    file = new_file(cluster, host)

    def accepted():
        done = ctl(cluster, asked, 'replace', '--yes', '-o', file, number, host, check=False)
        assert done.returncode == 0 or 'try again' in done.stderr, done
        return done.returncode == 0 and done

    # A leader that has just lost a follower cannot write for a moment, and says so.
    done = harness.wait_until(accepted, f'server {number} is replaced')
    for words in (f'Server {number}, at {cluster[number].host}:', f'gets a new machine, at {host}:',
                  'must never be started again', 'its log ended at entry', f'{file} written',
                  f'chat262d --id {number} --data DIR --cluster {file}\n'):
        assert words in done.stderr, (words, done.stderr)
    assert cluster.plain or f'{os.path.dirname(file)}/server-{number}.key beside it, which nobody' in done.stderr
    client262.read_cluster_file(file)
    with open(file, 'rb') as text:
        servers = tomllib.load(text)['server']
    assert [s['host'] for s in servers] == [host if s.number == number else s.host
                                            for s in cluster.servers], servers
    old = cluster[number]
    new = Machine(cluster, number, host, os.path.join(cluster.folder, f'machine-{host}'))
    new.arguments = ('--cluster', file)
    cluster.servers[number] = new
    cluster.hosts = [server.host for server in cluster.servers]  # for new clients
    new.start()
    return old


def shown_by_status(cluster, number, old, ask=None):
    found = harness.run('chat262ctl', 'status', *(ask or ['--cluster', cluster.file]),
                        check=False).stdout
    assert cluster[number].host + ':' in found and old.host + ':' not in found, found


def follower():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers, 100)
        leader = cluster.wait_leader()
        victim, other = (n for n in (2, 1, 0) if n != leader)
        cluster[victim].kill()
        shutil.rmtree(cluster[victim].data)
        harness.more(writers)
        old = replace(cluster, victim, other)
        cluster.wait_in_sync()
        harness.more(writers)
        shown_by_status(cluster, victim, old)
        for asked in (0, 1, 2):  # each of them knows the file
            text = ctl(cluster, asked, 'cluster').stdout
            assert [s['host'] for s in tomllib.loads(text)['server']] == [
                s.host for s in cluster.servers], text
        harness.finish(writers)
        cluster.settle_and_check(writers)
        longest = max(max(w.waits) for w in writers)
        print(f'longest write {longest * 1000:.0f} ms')


def leader_and_then_alone():
    """The new machine is all that is left, and has everything."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        victim = cluster.wait_leader()
        first, second = (n for n in (0, 1, 2) if n != victim)
        cluster[victim].kill()
        shutil.rmtree(cluster[victim].data)
        harness.more(writers)
        replace(cluster, victim, first)
        cluster.wait_in_sync()
        harness.more(writers)
        harness.finish(writers)
        ctl(cluster, first, 'handover', victim)
        # Programs go on with the addresses that they were given, also when the new machine leads.
        session = os.path.join(cluster.folder, 'session')
        given = ['--cluster', cluster.file, '--session', session]
        harness.run('chat262', 'login', harness.USER, '--password-stdin', *given,
                    stdin=harness.PASSWORD + '\n')
        harness.run('chat262', 'send', '--to', f'room:{harness.ROOM}', 'by an old list', *given)
        cluster[first].kill()
        cluster[second].kill()
        host = cluster[victim].host
        client = harness.client262.Client([(host, harness.CLIENT_PORT)], timeout=20.0)
        client.token = client.log_in(harness.USER, harness.PASSWORD)
        client.send_room(harness.ROOM, 'written to the new machine alone')
        seen, start = [], None
        while True:
            target = [harness.client262.ROOM, harness.ROOM]
            page, more = client.history(target, start, True, 200)
            seen += [message[7] for message in page]
            if not more:
                break
            start = page[-1][1]
        client.close()
        for writer in writers:
            assert [t for t in seen if t.startswith(writer.name + ' ')] == writer.acknowledged
        assert seen[-1] == 'written to the new machine alone'
        for number in (first, second):
            cluster[number].start()
        cluster.settle_and_check(writers)


def old_files():
    """All start again with the cluster files of before: the log knows better."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        cluster[2].kill()
        shutil.rmtree(cluster[2].data)
        harness.more(writers)
        old = replace(cluster, 2, 0)
        cluster.wait_in_sync()
        # Its secret key is not beside that file.
        key = os.path.join(os.path.dirname(cluster[2].arguments[1]), 'server-2.key')
        cluster[2].arguments = [*cluster.arguments, '--key', key]
        for server in cluster.servers:
            harness.wait_until(lambda s=server: os.path.exists(os.path.join(s.data, 'replaced')),
                               f'server {server.number} keeps what it knows for its next start')
        kill_all(cluster)
        os.unlink(os.path.join(cluster[0].data, 'replaced'))  # the tables say it too
        os.unlink(os.path.join(cluster[1].data, 'replaced'))
        shutil.rmtree(os.path.join(cluster[1].data, 'tables'))  # and so does the log
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        harness.more(writers)
        shown_by_status(cluster, 2, old)
        for server in cluster.servers:
            with open(server.log, encoding='utf-8') as file:
                words = f'behind the log, which counts: server 2 is at {cluster[2].host}:'
                assert words in file.read(), server.words()
        cluster[2].stop()
        cluster[2].start()
        cluster.wait_in_sync()
        harness.finish(writers)
        cluster.settle_and_check(writers)


def twice():
    """The new machine is lost as well; a third one takes its place, at the first one's address."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        cluster[2].kill()
        harness.more(writers)
        first = replace(cluster, 2, 1)
        cluster.wait_in_sync()
        harness.more(writers)
        cluster[2].kill()
        harness.more(writers)
        second = cluster[2]
        file = new_file(cluster, first.host)
        ctl(cluster, 0, 'replace', '-o', file, 2, first.host, stdin='replace\n')
        client262.read_cluster_file(file)
        third = Machine(cluster, 2, first.host, os.path.join(cluster.folder, 'third'))
        third.arguments = ('--cluster', file)
        cluster.servers[2] = third
        cluster.hosts = [server.host for server in cluster.servers]
        third.start()
        cluster.wait_in_sync()
        shown_by_status(cluster, 2, second)
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def twice_at_one_place():
    """Two machines in a row at the lost one's address: nobody who has an earlier one's key comes in."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        machines = [cluster[2]]
        for name in ('second', 'third'):
            cluster[2].kill()
            harness.more(writers)
            file = new_file(cluster, name)
            ctl(cluster, 0, 'replace', '--yes', '-o', file, 2, cluster[2].host)
            client262.read_cluster_file(file)
            for old in machines:
                old.start()
                ends_by_itself(old)
                os.unlink(old.log)
            machine = Machine(cluster, 2, cluster[2].host, os.path.join(cluster.folder, name))
            machine.arguments = ('--cluster', file)
            cluster.servers[2] = machine
            machine.start()
            cluster.wait_in_sync()
            machines.append(machine)
            harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def all_others_replaced(plain):
    """One server is down while all others move, and knows none of their addresses. Their keys it cannot
    know either, where there are any: it needs a new cluster file."""
    with Cluster(plain=plain) as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers)
        leader = cluster.wait_leader()
        away, other = (n for n in (0, 1, 2) if n != leader)
        cluster[away].kill()
        harness.more(writers)
        cluster[other].kill()
        harness.more(writers)
        replace(cluster, other, leader)
        cluster.wait_in_sync([leader, other])
        harness.more(writers)
        harness.finish(writers)
        cluster[leader].kill()
        cluster.wait_leader(but=[leader])
        replace(cluster, leader, other)
        cluster.wait_in_sync([leader, other])
        if not plain:
            cluster.arguments = [*cluster[leader].arguments, '--key',
                                 f'{cluster.folder}/server-{away}.key']
        cluster[away].start()
        cluster.settle_and_check(writers)


def logged(server, words):
    with open(server.log, encoding='utf-8') as file:
        return file.read().count(words)


def ends_by_itself(old):
    """It is told that it was replaced."""
    assert old.wait_end() == 1
    assert logged(old, 'says that server') == 1, old.words()


def old_machine_comes_back():
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        cluster[2].kill()
        harness.more(writers)
        old = replace(cluster, 2, 1)
        cluster.wait_in_sync()
        before = {n: s['epoch'] for n, s in cluster.statuses().items()}
        for _ in range(2):
            old.start()
            ends_by_itself(old)
            os.unlink(old.log)
        harness.more(writers, 100)
        shown_by_status(cluster, 2, old)
        cluster.wait_in_sync()
        assert before == {n: s['epoch'] for n, s in cluster.statuses().items()}
        harness.finish(writers)
        cluster.settle_and_check(writers)


def old_leader_wakes():
    """It was only silent, and believes that it leads: it is told, and ends by itself."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        victim = cluster.wait_leader()
        cluster[victim].pause()
        next_leader = cluster.wait_leader(but=[victim])
        harness.more(writers)
        old = replace(cluster, victim, next_leader)
        try:
            cluster.wait_in_sync()
            old.resume()
            ends_by_itself(old)
        finally:
            if old.process:
                old.kill()
        harness.more(writers)
        shown_by_status(cluster, victim, old)
        harness.finish(writers)
        cluster.settle_and_check(writers)


def refused():
    with Cluster(plain=True) as cluster:
        writers = harness.start_writers(cluster)
        leader = cluster.wait_leader()
        one, two = (n for n in (0, 1, 2) if n != leader)
        new = harness.free_addresses(1)[0]

        def refuses(words, number, address, *arguments, asked=leader, code=1, stdin=''):
            done = ctl(cluster, asked, 'replace', *arguments, number, address, check=False,
                       stdin=stdin)
            assert done.returncode == code and words in done.stderr, (words, done)

        refuses('there is no server 5: the cluster has the servers 0 to 2', 5, new)
        refuses('there is no server 7', 7, new, code=2)
        refuses(f'server {leader} leads, so it is not lost', leader, new)
        refuses(f'server {one} is alive: it was heard', one, new)
        refuses(f'server {one} is alive: it was heard', one, new, asked=two)
        cluster[one].kill()
        harness.more(writers)
        for asked in (leader, two):
            refuses('address `a b`: not a host name or address', one, 'a b', asked=asked)
            refuses('address `127.0.0.1:0`: the port must be a number', one, '127.0.0.1:0',
                    asked=asked)
            refuses(f'server {one} is at {cluster[one].host}:26262 already', one,
                    cluster[one].host, asked=asked)
            refuses(f'is no place for server {one}: server {two} is at', one, cluster[two].host,
                    asked=asked)
            refuses('is beyond the loopback interface', one, '10.0.0.9', asked=asked)
        refuses('nothing was done', one, new, stdin='yes\n')
        file = os.path.join(cluster.folder, 'there')
        with open(file, 'wb'):
            pass
        refuses('exists already', one, new, '--yes', '-o', file)
        assert not any(harness.run('chat262ctl', 'cluster', '--data', cluster[n].data)
                       .stdout.count(new) for n in (leader, two))
        ctl(cluster, two, 'replace', '--yes', one, new)
        refuses(f'server {one} is at {new}:26262 already, since entry', one, new)
        harness.finish(writers)
        cluster[leader].kill()
        cluster[two].kill()
        cluster[two].start()  # waits for the one that was killed first
        harness.wait_until(cluster[two].status, 'it answers')
        refuses('nobody leads now: see chat262ctl status', one, new + '0', asked=two)


CASES = {'follower': follower, 'leader_and_then_alone': leader_and_then_alone,
         'old_files': old_files, 'twice': twice, 'twice_at_one_place': twice_at_one_place,
         'all_others_replaced': lambda: all_others_replaced(True),
         'all_others_replaced_with_keys': lambda: all_others_replaced(False),
         'old_machine_comes_back': old_machine_comes_back,
         'old_leader_wakes': old_leader_wakes, 'refused': refused}

if __name__ == '__main__':
    harness.main(CASES)

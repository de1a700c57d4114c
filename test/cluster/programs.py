"""The programs as scripts use them: chat262's subcommands, chat262ctl, the example bot."""
import json
import os
import shutil
import subprocess
import tomllib

import client262
import harness
from harness import Cluster

PASSWORD = 'correct horse battery'


class Person:
    """Somebody with a session file of their own."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.session = os.path.join(cluster.folder, f'{name}.session')

    def run(self, verb, *arguments, check=True, stdin=''):
        return harness.run('chat262', verb, '--cluster', self.cluster.file, '--session', self.session,
                            *arguments, check=check, stdin=stdin)

    def json(self, verb, *arguments, stdin=''):
        out = self.run(verb, '--json', *arguments, stdin=stdin).stdout
        return [json.loads(line) for line in out.splitlines()]

    def enter(self):
        self.run('register', self.name, '--password-stdin', stdin=PASSWORD + '\n')
        self.run('login', self.name, '--password-stdin', stdin=PASSWORD + '\n')
        return self


def subcommands():
    with Cluster() as cluster:
        ada, bob = Person(cluster, 'ada').enter(), Person(cluster, 'bob').enter()
        again = ada.run('register', 'ada', '--password-stdin', stdin=PASSWORD + '\n', check=False)
        assert again.returncode == 1, again
        wrong = ada.run('login', 'ada', '--password-stdin', stdin='not the password\n', check=False)
        assert wrong.returncode == 1, wrong
        ada.run('create', 'lobby')
        bob.run('join', 'lobby')
        ada.run('send', '--to', 'room:lobby', 'hello', 'room')
        bob.run('send', '--to', 'ada', 'hello ada')
        bob.run('send', '--to', 'room:lobby', '--lines', stdin='one\ntwo\n')
        assert [m['text'] for m in bob.json('read', '--to', 'room:lobby')] == \
            ['hello room', 'one', 'two']
        assert [m['text'] for m in ada.json('read', '--to', 'bob')] == ['hello ada']
        assert {found['name'] for found in ada.json('users', '*')} == {'ada', 'bob'}
        assert [found['name'] for found in ada.json('rooms', 'lob*')] == ['lobby']
        assert {found['name'] for found in ada.json('members', 'lobby')} == {'ada', 'bob'}
        assert len(ada.json('list')) == 2
        ada.run('mark-read', '--to', 'bob')
        assert len(ada.json('servers')) >= 1

        # The session survives the leader.
        leader = cluster.wait_leader()
        cluster[leader].kill()
        bob.run('send', '--to', 'room:lobby', 'still here')
        assert ada.json('read', '--to', 'room:lobby', '--last', '1')[0]['text'] == 'still here'
        cluster[leader].start()
        cluster.wait_in_sync()

        bob.run('leave', 'lobby')
        refused = bob.run('send', '--to', 'room:lobby', 'x', check=False)
        assert refused.returncode == 1, refused
        bob.run('delete-account', '--password-stdin', stdin=PASSWORD + '\n')
        texts = [m['text'] for m in ada.json('read', '--to', 'room:lobby')]
        assert texts[0] == 'hello room' and not any(texts[1:]), texts
        ada.run('logout')
        gone = ada.run('send', '--to', 'room:lobby', 'x', check=False)
        assert gone.returncode != 0, gone
        assert ada.run('send', 'to nobody', check=False).returncode == 2
        cluster.settle_and_check()


def example_bot():
    """The bot of client/example repeats what is said, and goes on when the leader is killed."""
    with Cluster() as cluster:
        bot = subprocess.Popen(
            [harness.program('client/example/bot'), 'echo', 'lobby'],
            env={**os.environ, 'CHAT262_CLUSTER': cluster.file}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=harness.die_with_parent)
        try:
            bot.stdin.write(PASSWORD + '\n')
            bot.stdin.close()
            assert bot.stdout.readline() == 'echo is ready\n'
            ada = Person(cluster, 'ada').enter()
            ada.run('join', 'lobby')
            said = []
            for text in ('one', 'two', 'three'):
                ada.run('send', '--to', 'room:lobby', text)
                said += [('ada', text), ('echo', text)]
                wait_said(ada, 'room:lobby', said)
                if text != 'three':
                    cluster[cluster.wait_leader()].kill()
            ada.run('send', '--to', 'echo', 'psst')
            wait_said(ada, 'echo', [('ada', 'psst'), ('echo', 'psst')])
            assert bot.poll() is None
        finally:
            bot.kill()
            bot.wait()
        for server in cluster.servers:
            if not server.runs:
                server.process = None
                server.start()
        cluster.settle_and_check()


def wait_said(person, where, wanted):
    def said():
        return [(m['from'], m['text']) for m in person.json('read', '--to', where)]

    harness.wait_until(lambda: said() == wanted, lambda: f'{wanted} instead of {said()}', 15)


def status():
    """One address is enough; a server that is down is a row."""
    with Cluster(plain=True) as cluster:
        rows = rows_of(harness.run('chat262ctl', 'status', '--json', cluster.hosts[1]))
        assert [row['id'] for row in rows] == [0, 1, 2], rows
        assert all(row['in_sync'] for row in rows), rows
        cluster[2].kill()
        cluster.wait_in_sync([0, 1])
        rows = rows_of(harness.run('chat262ctl', 'status', '--json', *cluster.hosts, check=False))
        assert [row['up'] for row in rows] == [True, True, False], rows
        table = harness.run('chat262ctl', 'status', *cluster.hosts, check=False).stdout
        assert all(host in table for host in cluster.hosts), table


def rows_of(done):
    return json.loads(done.stdout)['servers']


def cluster_file():
    """`chat262ctl init` writes the file that all programs take, by option or by environment."""
    with Cluster(start=False) as cluster:
        path = os.path.join(cluster.folder, 'other', 'cluster.toml')
        os.mkdir(os.path.dirname(path))
        harness.run('chat262ctl', 'init', '-o', path, '--policy', 'majority', *cluster.hosts)
        client262.read_cluster_file(path)
        cluster.arguments = ['--cluster', path]
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        session = os.path.join(cluster.folder, 'ada.session')
        for verb in ('register', 'login'):
            harness.run('chat262', verb, 'ada', '--password-stdin', '--session', session,
                        stdin=PASSWORD + '\n', env={'CHAT262_CLUSTER': path})
        found = harness.run('chat262', 'users', '*', '--cluster', path, '--session', session)
        assert 'ada' in found.stdout, found
        done = harness.run('chat262ctl', 'status', '--json', env={'CHAT262_CLUSTER': path})
        assert json.loads(done.stdout)['policy'] == 'majority', done
        assert all(row['in_sync'] for row in rows_of(done)), done.stdout
        nowhere = harness.run('chat262ctl', 'status', check=False, env={'CHAT262_CLUSTER': ''})
        assert nowhere.returncode != 0 and nowhere.stderr, nowhere


def settings():
    """`chat262ctl cluster` prints them too; a server whose file has others is told of."""
    given = 'registration = "invitation"\n[limits]\naccount_rooms = 7\n'
    with Cluster(settings=given) as cluster:
        cluster.wait_in_sync()
        printed = harness.run('chat262ctl', 'cluster', '--data', cluster[2].data).stdout
        with open(cluster.file, encoding='utf-8') as file:
            assert tomllib.loads(printed) == tomllib.loads(file.read()), printed
        harness.run('chat262ctl', 'status', *cluster.arguments)
        cluster[2].stop()
        other = os.path.join(cluster.folder, 'other.toml')
        with open(other, 'w', encoding='utf-8') as file:
            file.write(printed.replace('"invitation"', '"open"'))
        command = [other if part == cluster.file else part for part in cluster[2].command()]
        cluster[2].command = lambda: command
        cluster[2].start()
        cluster.wait_in_sync()
        done = harness.run('chat262ctl', 'status', *cluster.arguments, check=False)
        words = 'server 2 has other settings than the leader'
        assert done.returncode == 1 and words in done.stdout, done


def backup_and_restore():
    """An online backup of any server becomes a new cluster that holds every message."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers, 50)
        backup = os.path.join(cluster.folder, 'backup')
        harness.run('chat262ctl', 'backup', '--data', cluster[1].data, backup)
        saved = {text for writer in writers for text in writer.acknowledged[:50]}
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)
        with Cluster(start=False) as fresh:
            harness.run('chat262ctl', 'restore', '--new-cluster', '--id', 0, '--backup', backup,
                        '--data', fresh[0].data, *fresh.arguments)
            for server in fresh.servers:
                server.start()
            fresh.wait_in_sync()
            fresh.settle_and_check()
            assert saved <= {message['text'] for message in harness.export(fresh[2])}

        # One server of the living cluster, from the backup: it is brought up to date.
        cluster[2].kill()
        shutil.rmtree(cluster[2].data)
        harness.run('chat262ctl', 'restore', '--as-learner', '--id', 2, '--backup', backup,
                    '--data', cluster[2].data, *cluster.arguments)
        cluster[2].start()
        cluster.settle_and_check(writers)


CASES = {f.__name__: f for f in (subcommands, example_bot, status, cluster_file,
                                 settings, backup_and_restore)}

if __name__ == '__main__':
    harness.main(CASES)

"""The programs as a person's scripts use them: chat262's subcommands, chat262ctl, the example bot."""
import json
import os
import subprocess

import harness
from harness import Cluster

PASSWORD = 'correct horse battery'


class Person:
    """Somebody with a session file of their own."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.session = os.path.join(cluster.folder, f'{name}.session')

    def run(self, verb, *arguments, check=True, stdin=''):
        return harness.run('chat262', verb, '--servers', ','.join(self.cluster.hosts), '--session',
                           self.session, *arguments, check=check, stdin=stdin)

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
        assert harness.run('chat262', 'no-such-verb', '--servers', cluster.hosts[0],
                           check=False).returncode != 0
        cluster.settle_and_check()


def example_bot():
    """The bot of client/example answers in its room, and goes on when the leader is killed."""
    with Cluster() as cluster:
        ada = Person(cluster, 'ada').enter()
        ada.run('create', 'lobby')
        bot = subprocess.Popen(
            [harness.program('client/example/bot'), *cluster.hosts], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=harness.die_with_parent)
        try:
            answer_to_greeting(ada, 1)
            cluster[cluster.wait_leader()].kill()
            answer_to_greeting(ada, 2)
        finally:
            bot.kill()
            print(bot.communicate()[0])


def answer_to_greeting(ada, count):
    raise NotImplementedError


def status():
    """One address is enough; a server that is down is a row."""
    with Cluster() as cluster:
        done = harness.run('chat262ctl', 'status', '--json', cluster.hosts[1])
        rows = rows_of(done)
        assert [row['id'] for row in rows] == [0, 1, 2], rows
        assert all(row['in_sync'] for row in rows), rows
        cluster[2].kill()
        cluster.wait_in_sync([0, 1])
        rows = rows_of(harness.run('chat262ctl', 'status', '--json', *cluster.hosts, check=False))
        assert len(rows) == 3 and not rows[2].get('in_sync'), rows
        table = harness.run('chat262ctl', 'status', *cluster.hosts, check=False).stdout
        assert all(host in table for host in cluster.hosts), table


def rows_of(done):
    found = json.loads(done.stdout)
    return found['servers'] if isinstance(found, dict) else found


CASES = {f.__name__: f for f in (subcommands, example_bot, status)}

if __name__ == '__main__':
    harness.main(CASES)

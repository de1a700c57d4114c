"""Accounts, sessions and operators: what guessing is up against, that a session that was ended is
ended at every server, codes that work once, and what is written down of it all."""
import json
import os
import time

import client262
import harness
from client262 import Refused
from harness import Cluster

PASSWORD = 'correct horse battery'
CREDENTIALS, NO_PERMISSION, NOT_SIGNED_IN, SUSPENDED = 21, 32, 20, 33


def status_of(call, *arguments):
    """0, or the status of the refusal."""
    try:
        call(*arguments)
    except Refused as error:
        assert error.body[0], 'a refusal has a text'
        return error.status
    return 0


def guess(cluster, name, source=None, password='not the password', at=0):
    client = cluster.client(source=source)
    client.at = at  # the server to begin with
    try:
        return status_of(client.log_in, name, password)
    finally:
        client.close()


def person(cluster, name, source=None):
    client = cluster.client(source=source)
    client.register(name, PASSWORD)
    client.log_in(name, PASSWORD)
    return client


def control(cluster, number, *arguments, check=True, stdin=''):
    command, rest = arguments[0], arguments[1:]
    if command == 'account':
        command, rest = 'account', (rest[0], '--data', cluster[number].data, *rest[1:])
        return harness.run('chat262ctl', command, *rest, check=check, stdin=stdin)
    return harness.run('chat262ctl', command, '--data', cluster[number].data, *rest, check=check,
                       stdin=stdin)


def audited(server):
    lines = []
    for name in ('audit.log.1', 'audit.log'):
        path = os.path.join(server.data, name)
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                lines += [json.loads(line) for line in file]
    return [line for line in lines if line['what'] != 'mark']


def move_leader(cluster):
    """The leader is killed and comes back as a follower."""
    leader = cluster.wait_leader()
    cluster[leader].kill()
    new = cluster.wait_leader(but=[leader])
    cluster[leader].start()
    cluster.wait_in_sync()
    return leader, new


def throttle_across_failover():
    """Eight wrong passwords at one leader count at the next one."""
    with Cluster() as cluster:
        cluster.wait_in_sync()
        person(cluster, 'ada')
        for _ in range(8):
            assert guess(cluster, 'ada', '127.0.0.9') == CREDENTIALS
        leader = cluster.wait_leader()
        cluster[leader].kill()
        new = cluster.wait_leader(but=[leader])
        # The first wait is 2 s, and may be over; without the count eight more would be free.
        answers = [guess(cluster, 'ada', '127.0.0.9', at=new) for _ in range(4)]
        assert client262.TOO_MANY in answers, answers
        assert guess(cluster, 'ada', '127.0.0.8', PASSWORD, new) == 0
        # Names that nobody has are no different.
        answers = [guess(cluster, 'nobody', '127.0.0.9', at=new) for _ in range(12)]
        assert answers[:8] == [CREDENTIALS] * 8, answers
        assert client262.TOO_MANY in answers, answers
        cluster[leader].start()
        cluster.settle_and_check()


def not_locked_out():
    """Many addresses guess one name until newcomers are refused; its owner signs in all the same,
    from where a session of the account was opened."""
    with Cluster(1) as cluster:
        cluster.wait_in_sync()
        ada = person(cluster, 'ada', '127.0.1.1')
        answers = [guess(cluster, 'ada', f'127.0.2.{i}') for i in range(1, 50)]
        assert answers[0] == CREDENTIALS and client262.TOO_MANY in answers, answers
        # The wait grows from 2 s; a try now is refused wherever it is new.
        assert guess(cluster, 'ada', '127.0.3.1', PASSWORD) == client262.TOO_MANY
        assert guess(cluster, 'ada', '127.0.1.1', PASSWORD) == 0
        ada.events()


def revoked_everywhere():
    """A session that was ended is ended at every server, however that was done."""
    with Cluster() as cluster:
        cluster.wait_in_sync()
        ways = {
            'log out': lambda victim, other: victim.call(client262.LOG_OUT, []),
            'log out all': lambda victim, other: other.call(client262.LOG_OUT_ALL, []),
            'one by one': lambda victim, other: [
                other.call(client262.END_SESSION, [s[0]]) for s in other.sessions() if not s[5]],
            'change password': lambda victim, other: other.call(
                client262.CHANGE_PASSWORD, [PASSWORD, 'another horse battery']),
            'suspend': lambda victim, other: control(cluster, 0, 'account', 'suspend', 'suspend'),
            'by an operator': lambda victim, other: control(cluster, 1, 'account', 'log-out',
                                                            'by-an-operator'),
            'delete': lambda victim, other: other.call(client262.DELETE_ACCOUNT, [PASSWORD]),
            'remove': lambda victim, other: control(cluster, 2, 'account', 'delete', '--yes',
                                                    'remove'),
        }
        victims = []
        for way, end in ways.items():
            name = way.replace(' ', '-')
            victim = person(cluster, name)
            other = cluster.client()
            other.log_in(name, PASSWORD)
            end(victim, other)
            victims.append(victim)
            # What is kept, is kept.
            kept = status_of(other.events) == 0
            assert kept == (way in ('log out', 'one by one', 'change password')), way
        for _ in range(3):
            for victim in victims:
                assert status_of(victim.events) == NOT_SIGNED_IN
            move_leader(cluster)


def suspended():
    """Only who knows the password learns of the suspension; it is ended by an operator."""
    with Cluster() as cluster:
        cluster.wait_in_sync()
        person(cluster, 'ada')
        leader = cluster.wait_leader()
        follower = (leader + 1) % 3
        control(cluster, follower, 'account', 'suspend', 'ADA')
        assert guess(cluster, 'ada') == CREDENTIALS
        assert guess(cluster, 'ada', password=PASSWORD) == SUSPENDED
        listed = control(cluster, leader, 'account', 'list', '--json').stdout.splitlines()
        assert [(a['name'], a['suspended']) for a in map(json.loads, listed)] == [('ada', True)]
        again = control(cluster, leader, 'account', 'suspend', 'ada', check=False)
        assert again.returncode == 1 and 'already' in again.stderr, again
        control(cluster, follower, 'account', 'resume', 'ada')
        assert guess(cluster, 'ada', password=PASSWORD) == 0
        nobody = control(cluster, leader, 'account', 'suspend', 'nobody', check=False)
        assert nobody.returncode == 1 and 'no account' in nobody.stderr, nobody
        cluster.settle_and_check()


def reset_once():
    with Cluster() as cluster:
        cluster.wait_in_sync()
        ada = person(cluster, 'ada')
        code = control(cluster, 1, 'account', 'reset-password', 'ada').stdout.strip()
        stranger = cluster.client()
        body = ['ada', '00000-00000-00000-00000', 'a new password']
        assert status_of(stranger.call, client262.RESET_PASSWORD, body) == CREDENTIALS
        body[1] = code.lower().replace('-', ' ')
        assert status_of(stranger.call, client262.RESET_PASSWORD, body) == 0
        number = stranger.number
        assert status_of(ada.events) == NOT_SIGNED_IN
        move_leader(cluster)
        # A retry gets the first answer; another try does nothing.
        assert stranger.call(client262.RESET_PASSWORD, body, number) == []
        body[2] = 'yet another password'
        assert status_of(stranger.call, client262.RESET_PASSWORD, body) == CREDENTIALS
        assert guess(cluster, 'ada', password=PASSWORD) == CREDENTIALS
        assert guess(cluster, 'ada', password='a new password') == 0
        cluster.settle_and_check()


def invitation():
    """The last use of an invitation goes to one of two."""
    with Cluster(settings='registration = "invitation"\n') as cluster:
        client = cluster.client()
        assert status_of(client.register, 'ada', PASSWORD) == NO_PERMISSION
        code = control(cluster, 2, 'invite', '--uses', '2').stdout.strip()
        assert status_of(client.register, 'ada', PASSWORD, 'XXXXX-XXXXX-XXXXX-XXXXX') == \
            NO_PERMISSION
        client.register('ada', PASSWORD, code)
        move_leader(cluster)
        others = [cluster.client(), cluster.client()]
        leader = cluster.wait_leader()
        for other, name in zip(others, ('bob', 'cid')):
            other.servers[leader].send(other.pack(client262.REGISTER, [name, PASSWORD, code], 1))
        answers = []
        for other in others:
            assert other.servers[leader].poll(5000)
            answers.append(client262.unpack(other.servers[leader].recv())[1])
        assert sorted(answers) == [0, NO_PERMISSION], answers
        assert status_of(client.register, 'dan', PASSWORD, code) == NO_PERMISSION


def audit():
    """Each of these once at each server, over restarts and failovers; nothing that is secret."""
    with Cluster() as cluster:
        cluster.wait_in_sync()
        ada = person(cluster, 'ada')
        moved, _ = move_leader(cluster)
        ada.call(client262.CHANGE_PASSWORD, [PASSWORD, 'another horse battery'])
        control(cluster, moved, 'account', 'suspend', 'ada')
        control(cluster, moved, 'account', 'resume', 'ada')
        code = control(cluster, moved, 'account', 'reset-password', 'ada').stdout.strip()
        for server in cluster.servers:
            server.stop()
            server.start()
            cluster.wait_in_sync()
        fresh = cluster.client()
        fresh.call(client262.RESET_PASSWORD, ['ada', code, 'a third password'])
        token = fresh.log_in('ada', 'a third password', 'my program')
        fresh.call(client262.LOG_OUT, [])
        cluster[moved].kill()
        cluster[moved].start()
        cluster.wait_in_sync()
        assert guess(cluster, 'ada') == CREDENTIALS
        assert guess(cluster, 'hunter2 hunter2') == CREDENTIALS
        wanted = ['registered', 'logged-in', 'password-changed', 'account-suspended',
                  'account-resumed', 'reset-code-made', 'password-reset', 'logged-in',
                  'session-ended']
        for server in cluster.servers:
            def of_ada(one=server):
                return [line for line in audited(one)
                        if line.get('account') == 'ada' and 'seq' in line]
            harness.wait_until(lambda: len(of_ada()) >= len(wanted), lambda: of_ada())
            lines = of_ada()
            assert [line['what'] for line in lines] == wanted, lines
            assert len({line['seq'] for line in lines}) == len(lines)
            by = f'at server {moved}'
            assert all(by in line['by'] for line in lines[3:6]), lines
            assert lines[7]['client'] == 'my program', lines[7]
            assert lines[7]['address'].startswith('127.'), lines[7]
            path = os.path.join(server.data, 'audit.log')
            assert os.stat(path).st_mode & 0o777 == 0o600
            with open(path, encoding='utf-8') as file:
                text = file.read()
            secrets = [PASSWORD, 'a third password', code, 'hunter2', token.hex()]
            assert not any(secret in text for secret in secrets)

        def failed():
            return [line for server in cluster.servers for line in audited(server)
                    if line['what'] == 'sign-in-failed']

        harness.wait_until(lambda: len(failed()) == 2, failed, seconds=30)
        assert [line['wrong'] for line in failed()] == [1, 1], failed()
        assert {line.get('account') for line in failed()} == {'ada', None}, failed()
        assert [line for line in failed() if line.get('unknown_name')], failed()
        out = control(cluster, 0, 'audit', '--account', 'Ada').stdout
        assert 'account-suspended' in out and 'by' in out, out
        cluster.settle_and_check()


def from_the_terminal():
    """The programs of people and operators."""
    with Cluster() as cluster:
        cluster.wait_in_sync()

        def terminal(session, verb, *arguments, stdin='', check=True):
            verb = verb.split()
            return harness.run('chat262', verb[0], *cluster.arguments, '--session',
                               os.path.join(cluster.folder, session), *verb[1:], *arguments,
                               stdin=stdin, check=check)

        password = PASSWORD + '\n'
        terminal('one', 'register', 'ada', '--password-stdin', stdin=password)
        for session in ('one', 'two', 'three', 'four'):
            terminal(session, 'login', 'ada', '--password-stdin', stdin=password)
        listed = [json.loads(line)
                  for line in terminal('one', 'sessions', '--json').stdout.splitlines()]
        assert len(listed) == 4 and [s['current'] for s in listed].count(True) == 1, listed
        assert all(s['client'].startswith('chat262 ') for s in listed), listed
        shown = terminal('one', 'sessions').stdout
        assert 'this one' in shown and listed[0]['session'][:12] in shown, shown
        other = next(s for s in listed if not s['current'])
        terminal('one', 'sessions end', other['session'][:12])
        assert terminal('one', 'sessions end', 'zz', check=False).returncode == 1
        terminal('one', 'sessions end', '--others')
        assert len(terminal('one', 'sessions').stdout.splitlines()) == 1
        assert terminal('two', 'list', check=False).returncode == 1
        assert terminal('one', 'sessions end', check=False).returncode == 2
        terminal('one', 'sessions end', '--all')
        assert terminal('one', 'sessions', check=False).returncode == 1

        code = control(cluster, 0, 'account', 'reset-password', 'ada').stdout.strip()
        terminal('one', 'reset-password', 'ada', '--password-stdin',
                 stdin=f'{code}\na new password\n')
        terminal('one', 'login', 'ada', '--password-stdin', stdin='a new password\n')
        shown = control(cluster, 1, 'account', 'show', 'ada').stdout
        assert 'chat262 ' in shown and 'sessions  1' in shown, shown
        kept = control(cluster, 1, 'account', 'delete', 'ada', stdin='no\n', check=False)
        assert kept.returncode == 1 and 'nothing was done' in kept.stderr, kept
        for _ in range(30):
            begin = time.monotonic()
            wrong = terminal('two', 'login', 'ada', '--password-stdin', stdin='not this one\n',
                             check=False)
            assert wrong.returncode == 1, wrong
            if 'try again in' in wrong.stderr:
                break
        assert 'try again in' in wrong.stderr, wrong
        assert time.monotonic() - begin < 2, 'it says so at once'


CASES = {f.__name__: f for f in (throttle_across_failover, not_locked_out, revoked_everywhere,
                                 suspended, reset_once, invitation, audit, from_the_terminal)}

if __name__ == '__main__':
    harness.main(CASES)

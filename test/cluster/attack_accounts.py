"""Accounts in bulk, codes that are guessed, what only operators may do, and what is written down of it
all and shown to people.
"""
import json
import os
import subprocess
import sys
import time

import attacker_accounts as attacker
import client262
import harness
from attacker_accounts import (CREDENTIALS, NO_PERMISSION, PASSWORD, WRONG, Caller, operator, person,
                               size, source)
from client262 import LOG_IN, OK, REGISTER, RESET_PASSWORD, TOO_MANY
from harness import Cluster

ESC = '\x1b[2J\x1b]0;owned\x07'
CLIENTS = [  # what a program says of itself at log-in
    ESC + 'evil', 'line\nfeed\r{"what":"account-deleted"}', 'a\x00b\x7fc\x9bd\x85e',
    'safe \u202etxt.exe\u2066x', '"},{"what":"suspended","x":"', '\\u001b[31m\\', 'x' * 5000,
    '\U0001f600' * 40, 'e' + '\u0301' * 60, '\u2028\u2029\ufeff', "'; rm -rf / #$(id)`id`%s%n",
]


def registration_flood():
    """One address registers accounts on and on (small: 60, full: 1,000), and names that are taken;
    [limits] has address_registrations_per_h = 5. Expected: five are made, then `too_many` with a retry_ms
    of up to twelve minutes before anything is hashed; another address registers at once, and the first
    one's accounts sign in."""
    with Cluster(settings=attacker.limits(address_registrations_per_h=5)) as cluster, \
            Caller(cluster, source=source()) as mallory:
        begin = time.monotonic()
        answers = [mallory.ask(REGISTER, [f'flood{n}', PASSWORD]) for n in range(5)]
        made_s = (time.monotonic() - begin) / 5
        begin, count = time.monotonic(), size(60, 1000)
        answers += [mallory.ask(REGISTER, [f'flood{n}', PASSWORD]) for n in range(5, count)]
        refused_s = (time.monotonic() - begin) / (count - 5)
        assert [a[0] for a in answers] == [OK] * 5 + [TOO_MANY] * (count - 5), answers
        assert all(0 < body[2] <= 12 * 60_000 for _, body in answers[5:]), answers[5]
        assert refused_s < made_s, (refused_s, made_s)
        with Caller(cluster, source=source()) as ada:
            assert ada.status(REGISTER, ['ada', PASSWORD]) == OK
            assert ada.status(REGISTER, ['FLOOD1', PASSWORD]) == attacker.NAME_TAKEN
        assert mallory.sign_in('flood0', PASSWORD) == OK
        print(f'{refused_s * 1000:.1f} ms for a refusal, {made_s * 1000:.0f} ms for an account')


def guessed_invitations():
    """Where registration asks for an invitation, 1,000 codes (small: 100) are guessed from one address: of
    the right shape, one digit off a good one, and rubbish; where it is closed, a good one is used.
    Expected: `no_permission` for as many as one address may register (20), then `too_many`; a code that
    is good works from another address; closed is closed."""
    settings = 'registration = "invitation"\n' + attacker.limits() + attacker.CHEAP
    with Cluster(settings=settings) as cluster, Caller(cluster, source=source()) as mallory:
        code = harness.run('chat262ctl', 'invite', '--data', cluster[1].data, '--uses', '1',
                           '--days', '1').stdout.strip()
        off = [code[:n] + ('1' if code[n] == '0' else '0') + code[n + 1:] for n in range(len(code))
               if code[n] != '-']
        assert len(off) == 20
        guesses = off[:5] + ['', 'x', ESC, code[:-1], code + '0', '0' * 20, '*' * 20] + [
            '-'.join(os.urandom(3).hex()[:5].upper() for _ in range(4))
            for _ in range(size(100, 1000))]
        answers = [mallory.ask(REGISTER, [f'mallory{n}', PASSWORD, guess])
                   for n, guess in enumerate(guesses)]
        found = [a[0] for a in answers]
        assert set(found) == {NO_PERMISSION, TOO_MANY}, found
        assert 15 <= found.count(NO_PERMISSION) <= 22, found.count(NO_PERMISSION)
        assert all(body[2] > 0 for status, body in answers if status == TOO_MANY)
        with Caller(cluster, source=source()) as ada:
            assert ada.status(REGISTER, ['ada', PASSWORD, code]) == OK
            assert ada.status(REGISTER, ['bob', PASSWORD, code]) == NO_PERMISSION, 'it was for one'
        print(f'{found.count(NO_PERMISSION)} looked at, {found.count(TOO_MANY)} refused')
    with Cluster(1, settings='registration = "closed"\n') as cluster, Caller(cluster) as mallory:
        code = harness.run('chat262ctl', 'invite', '--data', cluster[0].data, check=False)
        for invitation in ([], [code.stdout.strip() or '0' * 20], ['']):
            assert mallory.status(REGISTER, ['mallory', PASSWORD, *invitation]) == NO_PERMISSION


def guessed_reset_codes():
    """An operator has given Ada a code for a new password; 1,000 codes (small: 200) are guessed, from one
    address and from many, for her name and for names that nobody has. Expected: eight are looked at from
    one address and about thirty in all, then `too_many`, nothing hashed; her password stays; her own code
    works from where she has a session, and so does the new password there, while it goes on."""
    with Cluster(settings=attacker.limits(address_registrations_per_h=1000)) as cluster:
        home = source()
        ada = person(cluster, 'ada', home)
        code = harness.run('chat262ctl', 'account', 'reset-password', '--data', cluster[2].data,
                           'ada').stdout.strip()
        begin, looked_at = time.monotonic(), []
        for n in range(size(20, 100)):
            with Caller(cluster, source=source()) as mallory:
                for k in range(10):
                    guess = '-'.join(os.urandom(3).hex()[:5].upper() for _ in range(4))
                    found = mallory.status(RESET_PASSWORD, ['ada', guess, 'mine from now on'])
                    assert found in (CREDENTIALS, TOO_MANY), found
                    if found == CREDENTIALS:
                        looked_at.append((n, k))
        took = time.monotonic() - begin
        assert sum(1 for n, _ in looked_at if n == 0) <= 8 + took / 2, looked_at
        assert len(looked_at) <= 30 + took / 2 + 1, len(looked_at)
        for name in ('ada', 'nobody'):
            with Caller(cluster, source=source()) as mallory:
                answers = [mallory.status(RESET_PASSWORD, [name, '0' * 20, 'mine from now on'])
                           for _ in range(12)]
                assert TOO_MANY in answers, (name, answers)
        with Caller(cluster, source=home) as owner:
            assert owner.sign_in('ada', PASSWORD) == OK
            assert owner.status(RESET_PASSWORD, ['ada', code, 'a new one of mine']) == OK
            assert owner.sign_in('ada', 'a new one of mine') == OK
        assert ada.status(client262.LIST_ROOMS, ['', '', 1]) == attacker.NOT_SIGNED_IN
        ada.close()
        print(f'{len(looked_at)} of {size(200, 1000)} looked at in {took:.1f} s')


OPERATORS = {
    100: [], 101: [None], 102: [], 103: [None, True], 104: [1, '127.0.0.9', True, b''], 105: [],
    106: [0, b''], 110: ['*', '', 9], 111: ['ada'], 112: ['ada', True, 'me'],
    113: ['ada', b'\1' * 32, 'me'], 114: ['ada', 'me'], 115: ['ada', 'me'],
    116: [b'\1' * 32, 1, 1, 'me'],
}


def operators_requests():
    """Every operator's request comes to the clients' port of each server, without a session, with one, and
    from an account called "root" or "operator"; and another user of the machine connects to the control
    sockets. Expected: `no_permission` at the port, nothing changes; the connection is refused by the
    system."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        people = [person(cluster, name) for name in ('ada', 'root', 'operator')]
        leader = cluster.wait_leader()
        for at in range(3):
            for operation, body in OPERATORS.items():
                for one, token in [(p, p.token) for p in people] + [(people[0], b'')]:
                    answer = client262.unpack(_at(one, at, one.packed(operation, body, token=token)))
                    assert answer[1] == NO_PERMISSION, (operation, answer)
        assert cluster.wait_leader() == leader
        for one in people:
            assert one.status(client262.LIST_ROOMS, ['', '', 1]) == OK, 'nobody was suspended'
            one.close()
        if os.getuid() != 0:
            harness.skip('only root can be another user')
        os.chmod(cluster.folder, 0o755)
        for server in cluster.servers:
            path = os.path.join(server.data, 'control')
            for open_directory in (False, True):  # the directory keeps others out; so does the socket
                if open_directory:
                    os.chmod(server.data, 0o755)
                child = subprocess.run([sys.executable, '-c', CONNECT, path], user=65534, group=65534,
                                       extra_groups=[], capture_output=True, text=True, check=False)
                assert child.stdout.strip() == 'PermissionError', child
                child = subprocess.run([harness.program('chat262ctl'), 'account', 'list', '--data',
                                        server.data], user=65534, group=65534, extra_groups=[],
                                       capture_output=True, text=True, check=False)
                assert child.returncode != 0 and 'ada' not in child.stdout, child
            os.chmod(server.data, 0o700)
        cluster.settle_and_check()


CONNECT = '''import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print('connected')
except OSError as error:
    print(type(error).__name__)
'''


def _at(caller, server, frame):
    before, caller.at = caller.at, server
    try:
        data = caller.raw(frame)
        assert data, f'no answer of server {server}'
        return data
    finally:
        caller.at = before


def flooded_audit_log():
    """10,000 log-ins fail (small: 1,500), for names that exist and that nobody has, some of them escape
    sequences, line feeds, JSON and passwords in the wrong field, from 50 addresses. Expected: the audit log
    grows by at most 18 lines in ten seconds, a server; each is one JSON object of a known kind; there is no
    control character in it, no name that nobody has, and nothing secret."""
    names = ['ada', 'bob', 'nobody', 'hunter2 my password', ESC, 'a\nb', '{"what":"x"}', '"', 'x' * 1000]
    with Cluster(settings=attacker.CHEAP) as cluster:
        known = [person(cluster, name) for name in ('ada', 'bob')]
        for server in cluster.servers:
            harness.wait_until(lambda s=server: attacker.audit_text(s).count('logged-in') == 2,
                               'the log-ins are written down')
        before = {s.number: attacker.audit_text(s).count('\n') for s in cluster.servers}
        callers, begin = [Caller(cluster, source=source()) for _ in range(50)], time.monotonic()
        for n in range(size(1500, 10_000)):
            name = names[n % len(names)] if n % 3 else f'nobody-{n}'
            status = callers[n % 50].status(LOG_IN, [name, f'{WRONG} {n}', os.urandom(32)])
            assert status in (CREDENTIALS, TOO_MANY), status
        leader = cluster[callers[0].at]
        harness.wait_until(lambda: 'sign-in-failed' in attacker.audit_text(leader), 'it is told', 30)
        took = time.monotonic() - begin
        for server in cluster.servers:
            text = attacker.audit_text(server)
            lines = text.splitlines()
            assert len(lines) - before[server.number] <= 18 * (took / 10 + 1), (len(lines), took)
            for line in lines:
                found = json.loads(line)
                assert found['what'] in ('registered', 'logged-in', 'sign-in-failed', 'mark'), line
                assert found.get('account', 'ada') in ('ada', 'bob'), line
            attacker.harmless(text)
            for secret in ('hunter2', WRONG, PASSWORD, 'nobody', 'owned', *(
                    k.token.hex() for k in known)):
                assert secret not in text, secret
        grown = len(attacker.audit_text(leader).splitlines()) - before[leader.number]
        for caller in (*callers, *known):
            caller.close()
        print(f'{grown} lines in {took:.1f} s')


def hostile_clients():
    """Log-ins whose program describes itself with escape sequences, line feeds, NULs, JSON, direction
    marks, 5,000 bytes, combining marks, shell syntax; from addresses of its own. Expected: it is kept to
    64 bytes without control characters; `chat262 sessions`, `chat262ctl account show`, `chat262ctl audit`
    (each also with --json) and the audit log show each on one line, and nothing a terminal obeys."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        mallory = person(cluster, 'mallory')
        for text in CLIENTS:
            assert mallory.status(LOG_IN, ['mallory', PASSWORD, os.urandom(32), text]) == OK, text
        sessions = mallory.ask(client262.LIST_SESSIONS, [b'', 256])[1][0]
        assert len(sessions) == len(CLIENTS) + 1
        for one in sessions:
            assert len(one[4].encode()) <= 64, one
            attacker.harmless(one[4])
            assert '\n' not in one[4], one
        session = os.path.join(cluster.folder, 'session')
        common = [*cluster.arguments, '--session', session]
        harness.run('chat262', 'login', 'mallory', '--password-stdin', *common, stdin=PASSWORD + '\n')
        data = cluster[0].data
        harness.wait_until(lambda: attacker.audit_text(cluster[0]).count('logged-in') ==
                           len(CLIENTS) + 2, 'the log-ins are written down')
        count = len(CLIENTS) + 2
        for least, most, arguments in (
                (count, count, ('chat262', 'sessions', *common)),
                (count, count, ('chat262', 'sessions', '--json', *common)),
                (count, count + 12, ('chat262ctl', 'account', 'show', '--data', data, 'mallory')),
                (1, count + 12, ('chat262ctl', 'account', 'show', '--json', '--data', data, 'mallory')),
                (count + 1, count + 1, ('chat262ctl', 'audit', '--data', data)),
                (count + 1, count + 1, ('chat262ctl', 'audit', '--json', '--data', data))):
            shown = harness.run(*arguments).stdout
            attacker.harmless(shown)
            lines = shown.splitlines()
            assert least <= len(lines) <= most, (arguments, shown)
            if '--json' in arguments:
                assert all(isinstance(json.loads(line), dict) for line in lines), shown
        attacker.harmless(attacker.audit_text(cluster[0]))
        mallory.close()


def hostile_operators():
    """Who asks the control socket is written down as it says: with escape sequences, line feeds and 60,000
    bytes; and operators' commands get hostile names. Expected: the audit log has what it says without
    control characters and not longer than 64 bytes; the commands refuse the names and print them
    harmlessly, but for characters that do not show, which a spelling of a name may have."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        ada = person(cluster, 'ada')
        for by in (ESC + 'root', 'a\nb\r{"what":"x"}', 'x' * 60_000, '', '\u202eroot\x9b'):
            for suspended in (True, False):
                assert operator(cluster[0], attacker.SUSPEND_ACCOUNT, ['ada', suspended, by])[0] == OK
        harness.wait_until(lambda: attacker.audit_text(cluster[0]).count('account-resumed') == 5,
                           'all is written down')
        text = attacker.harmless(attacker.audit_text(cluster[0]))
        for line in text.splitlines():
            assert len(json.loads(line).get('by', '').encode()) <= 80, line
        for name in (ESC, 'a\nb', 'x' * 5000, '\u202eada', '--yes', '', '*'):
            for command in ('show', 'suspend', 'resume', 'log-out', 'reset-password'):
                if name == '\u202eada' and command != 'show':
                    continue  # another spelling of it
                done = harness.run('chat262ctl', 'account', command, '--data', cluster[0].data, '--',
                                   name, check=False)
                assert done.returncode != 0 or name == '\u202eada', (command, name, done)
                attacker.harmless(done.stdout + done.stderr)
        assert ada.sign_in('ada', PASSWORD) == OK
        ada.close()


CASES = (registration_flood, guessed_invitations, guessed_reset_codes, operators_requests,
         flooded_audit_log, hostile_clients, hostile_operators)

if __name__ == '__main__':
    attacker.main(CASES)

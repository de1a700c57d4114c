"""Guessing passwords and names, and what a server does with log-ins in bulk."""
import os
import statistics
import time

import attacker_accounts as attacker
import client262
import harness
from attacker_accounts import (CREDENTIALS, PASSWORD, SUSPENDED, WRONG, Attack, Caller, person,
                               size, source)
from client262 import LOG_IN, OK, REGISTER, RESET_PASSWORD, TOO_MANY
from harness import Cluster

AT_ONCE, OF_ADDRESS, OF_NAME = 8, 30, 30  # wrong passwords that are answered at once
LEAST_WAIT_S = 2
OPEN = attacker.limits(address_registrations_per_h=100_000) + attacker.CHEAP


def guesses(pairs, callers):
    """Tries each (name, caller number) once with a wrong password: how many were looked at, and the
    refusals of the others."""
    begin, looked_at, refused = time.monotonic(), 0, []
    for n, (name, which) in enumerate(pairs):
        status, body = callers[which].ask(LOG_IN, [name, f'{WRONG} {n}', os.urandom(32)])
        if status == CREDENTIALS:
            looked_at += 1
        else:
            assert status == TOO_MANY and 0 < body[2] <= 60_000, (status, body)
            refused.append(body)
    return looked_at, refused, time.monotonic() - begin


def few(looked_at, at_once, seconds):
    """What may be looked at in that time: so many at once, then one after each wait."""
    most = at_once + seconds / LEAST_WAIT_S + 1
    assert looked_at <= most, f'{looked_at} of at most {most:.1f} were looked at'
    assert looked_at >= min(at_once, 8), looked_at


def thousand_passwords_from_one_address():
    """1,000 passwords (small: 200) are tried on one account from one address. Expected: eight are looked
    at, then one after each wait that is told; all others get `too_many` with a retry_ms before anything
    is hashed; meanwhile and after it the right password works from another address."""
    with Cluster(settings=OPEN) as cluster, Caller(cluster, source=source()) as mallory:
        person(cluster, 'ada', source()).close()
        looked_at, refused, took = guesses([('ada', 0)] * size(200, 1000), [mallory])
        few(looked_at, AT_ONCE, took)
        assert mallory.sign_in('ada', PASSWORD) == TOO_MANY, 'the right one is not looked at either'
        with Caller(cluster, source=source()) as ada:
            assert ada.sign_in('ada', PASSWORD) == OK
        print(f'{looked_at} looked at, {len(refused)} refused in {took:.1f} s')


def thousand_passwords_from_many_addresses():
    """1,000 passwords (small: 240) are tried on one account from 100 addresses (small: 40), ten each (six).
    Expected: about thirty are looked at, then one after each wait; the others get `too_many`. The right
    password from an address that was never seen works once the told time is over."""
    with Cluster(settings=OPEN) as cluster:
        person(cluster, 'ada', source()).close()
        with_each, count = size(6, 10), size(40, 100)
        callers = [Caller(cluster, source=source()) for _ in range(count)]
        tries = [('ada', n % count) for n in range(count * with_each)]
        looked_at, refused, took = guesses(tries, callers)
        few(looked_at, OF_NAME, took)
        with Caller(cluster, source=source()) as ada:
            begin, status, body = time.monotonic(), TOO_MANY, refused[-1]
            while status == TOO_MANY:
                assert time.monotonic() - begin < 70, body
                harness.wait_until(harness.elapsed(body[2] / 1000), 'the wait', 70)
                status, body = ada.ask(LOG_IN, ['ada', PASSWORD, os.urandom(32)])
            assert status == OK, (status, body)
        for caller in callers:
            caller.close()
        print(f'{looked_at} looked at, {len(refused)} refused in {took:.1f} s; signed in '
              f'{time.monotonic() - begin:.1f} s later')


def one_password_on_thousand_accounts():
    """One password is tried on 1,000 accounts (small: 100) from one address. Expected: about thirty are
    looked at, then one after each wait; the others get `too_many`; the accounts can be used from
    elsewhere."""
    with Cluster(settings=OPEN) as cluster, Caller(cluster, source=source()) as mallory:
        names = [f'user{n}' for n in range(size(100, 1000))]
        attacker.people(cluster, names)
        looked_at, refused, took = guesses([(name, 0) for name in names], [mallory])
        few(looked_at, OF_ADDRESS, took)
        for name in names[::25]:
            with Caller(cluster, source=source()) as owner:
                assert owner.sign_in(name, PASSWORD) == OK, name
        print(f'{looked_at} looked at, {len(refused)} refused in {took:.1f} s')


def stolen_token_and_many_addresses():
    """Somebody with a stolen session token guesses the account's password with change password and
    delete account, from 40 addresses. Expected: about thirty tries are looked at in all, as of log-ins;
    the owner changes it at once from where the session was opened, which ends the stolen one."""
    with Cluster(settings=OPEN) as cluster:
        home = source()
        ada = person(cluster, 'ada', home)
        with Caller(cluster, source=home) as other:
            assert other.sign_in('ada', PASSWORD) == OK
            stolen = other.token
        begin, looked_at = time.monotonic(), 0
        for n in range(40):
            with Caller(cluster, stolen, source=source()) as mallory:
                for operation, body in ((client262.CHANGE_PASSWORD, [f'{WRONG} {n}', PASSWORD]),
                                        (client262.DELETE_ACCOUNT, [f'{WRONG} {n}'])) * 3:
                    found = mallory.status(operation, body)
                    assert found in (CREDENTIALS, TOO_MANY), found
                    looked_at += found == CREDENTIALS
        few(looked_at, OF_NAME, time.monotonic() - begin)
        assert ada.status(client262.CHANGE_PASSWORD, [PASSWORD, 'another horse battery']) == OK
        assert ada.status(client262.LIST_ROOMS, ['', '', 1]) == OK
        assert ada.status(client262.LIST_ROOMS, ['', '', 1], token=stolen) == \
            attacker.NOT_SIGNED_IN
        ada.close()
        print(f'{looked_at} looked at')


def locking_out():
    """Somebody fails for a victim's name from 100 addresses (small: 50), on and on. Expected: new addresses
    get `too_many`; the victim signs in at once, in the midst of it, from where a living session was
    opened, and that session's token works all the time. So it is after a log-out of all sessions."""
    with Cluster(settings=OPEN) as cluster:
        home = source()
        ada = person(cluster, 'ada', home)
        answers, begin = [], time.monotonic()
        for n in range(size(50, 100)):
            with Caller(cluster, source=source()) as mallory:
                answers.append(mallory.sign_in('ada', WRONG))
            assert ada.status(client262.LIST_ROOMS, ['', '', 1]) == OK
            if n % 10 == 9:
                with Caller(cluster, source=home) as again:
                    assert again.sign_in('ada', PASSWORD) == OK, n
        assert set(answers) == {CREDENTIALS, TOO_MANY}, answers
        few(answers.count(CREDENTIALS), OF_NAME, time.monotonic() - begin)
        with Caller(cluster, source=source()) as mallory:
            assert mallory.sign_in('ada', WRONG) == TOO_MANY
        assert ada.status(client262.LOG_OUT_ALL, []) == OK
        assert ada.sign_in('ada', PASSWORD) == OK
        ada.close()


def names_by_text():
    """Log-ins and reset codes for a name that nobody has, for an account with a wrong password, for a
    deleted one (also with its right password) and a suspended one with a wrong password. Expected: the
    same bytes each time, also of `too_many`. Who has no session learns of a name only from register
    (`name_taken`), and not even there where registration asks for an invitation or is closed."""
    with Cluster() as cluster:
        for name in ('ada', 'gone', 'kept-out'):
            person(cluster, name).close()
        with Caller(cluster) as gone:
            assert gone.sign_in('gone', PASSWORD) == OK
            assert gone.status(client262.DELETE_ACCOUNT, [PASSWORD]) == OK
        assert attacker.operator(cluster[0], attacker.SUSPEND_ACCOUNT,
                                 ['kept-out', True, 'test'])[0] == OK
        mallory = Caller(cluster)
        token = os.urandom(32)
        tries = [('nobody', WRONG), ('ada', WRONG), ('gone', WRONG), ('gone', PASSWORD),
                 ('kept-out', WRONG), ('\x1b[31m', WRONG), ('x' * 200, WRONG), ('', WRONG)]
        answers = {t: mallory.bytes_of(mallory.packed(LOG_IN, [*t, token], 1)) for t in tries}
        assert len(set(answers.values())) == 1, answers
        assert client262.unpack(answers[tries[0]])[1] == CREDENTIALS
        code = '01234-56789-ABCDE-FGHJK'
        resets = {n: mallory.bytes_of(mallory.packed(RESET_PASSWORD, [n, code, PASSWORD], 1))
                  for n in ('nobody', 'ada', 'gone', 'kept-out')}
        assert len(set(resets.values())) == 1, resets
        assert mallory.sign_in('kept-out', PASSWORD) == SUSPENDED, 'who knows it may be told'

        def until_refused(name):
            for _ in range(40):
                answer = mallory.ask(LOG_IN, [name, WRONG, token], 1)
                if answer[0] != CREDENTIALS:
                    return answer[0], answer[1][0]
            return None

        assert until_refused('ada') == until_refused('nobody') != None  # noqa: E711
        assert mallory.status(REGISTER, ['ada', PASSWORD]) == attacker.NAME_TAKEN
        assert mallory.status(REGISTER, ['gone', PASSWORD]) == attacker.NAME_TAKEN
        mallory.close()
    for registration in ('closed', 'invitation'):
        with Cluster(1, settings='registration = "open"\n') as cluster:
            person(cluster, 'ada').close()
            cluster[0].stop()
            with open(cluster.file, encoding='utf-8') as file:
                text = file.read().replace('"open"', f'"{registration}"')
            with open(cluster.file, 'w', encoding='utf-8') as file:
                file.write(text)
            cluster[0].start()
            cluster.wait_in_sync()
            with Caller(cluster) as mallory:
                told = {mallory.bytes_of(mallory.packed(REGISTER, [n, PASSWORD], 1))
                        for n in ('ada', 'nobody')}
                assert len(told) == 1, told
                assert client262.unpack(told.pop())[1] == attacker.NO_PERMISSION


def time_of(caller, name):
    """Seconds until a wrong password is answered."""
    while True:
        begin = time.monotonic()
        status = caller.sign_in(name, WRONG, busy=True)
        took = time.monotonic() - begin
        if status == CREDENTIALS:
            return took
        assert status == client262.BUSY, status


def compared_times(cluster, known, unknown, tries):
    """Medians of the times until a wrong password of these names is answered, in turn."""
    # At most 25 of one address, 28 of a name, seven of them from one address: nothing is throttled.
    callers = [Caller(cluster, source=source()) for _ in range(max(4, tries // 12))]
    leader = cluster.wait_leader()
    for caller in callers:
        caller.at = leader
    times = {known[0]: [], unknown[0]: []}
    for caller in callers:  # the connection stands
        time_of(caller, 'first-' + os.urandom(4).hex())
    for n in range(tries):
        which, caller = n // 28, callers[n % len(callers)]
        order = (known, unknown) if n % 2 else (unknown, known)
        for names in order:
            times[names[0]].append(time_of(caller, names[which]))
    for caller in callers:
        caller.close()
    return statistics.median(times[known[0]]), statistics.median(times[unknown[0]])


def prepared(kind, tries):
    """Names for each round: 28 tries may be made of one."""
    return [[f'{kind}{turn}-{n}' for n in range((tries + 27) // 28)]
            for turn in range(attacker.ROUNDS)]


def indistinguishable(cluster, known, unknown, tries):
    figures = []
    for one, other in zip(known, unknown):  # other work on the machine spoils one
        a, b = compared_times(cluster, one, other, tries)
        figures.append(f'{a * 1000:.1f} and {b * 1000:.1f} ms')
        if 0.8 < a / b < 1.25 or abs(a - b) < 0.003:
            print(f'{one[0]} and {other[0]}: medians {", ".join(figures)}')
            return
    raise AssertionError(f'{known[0][0]} and {unknown[0][0]}: {figures}')


def names_by_time():
    """The time until a wrong password is answered is measured, for names that are known, unknown, deleted
    and suspended, 224 times each (small: 28), in turn. Expected: the medians differ by less than a
    fourth, or by less than 3 ms."""
    tries = size(28, 224)
    kinds = 'known', 'deleted', 'suspended'
    names = {kind: prepared(kind, tries) for kind in kinds}
    with Cluster() as cluster:
        for kind in kinds:
            for name in sum(names[kind], []):
                one = person(cluster, name)
                if kind == 'deleted':
                    assert one.status(client262.DELETE_ACCOUNT, [PASSWORD]) == OK
                elif kind == 'suspended':
                    assert attacker.operator(cluster[0], attacker.SUSPEND_ACCOUNT,
                                             [name, True, 'test'])[0] == OK
                one.close()
        for kind in kinds:
            indistinguishable(cluster, names[kind], prepared('unknown-' + kind, tries), tries)


def names_by_time_after_the_cost_was_raised():
    """The cost of a password's hash is raised, 8 MiB to 32 and one pass to two; accounts that did not sign
    in since then have cheap hashes. The time until a wrong password is answered is measured as above,
    112 times each (small: 28). Expected: the medians of known and unknown names differ by less than a
    fourth, or 3 ms."""
    tries = size(28, 112)
    known = prepared('known', tries)
    with Cluster(settings=attacker.CHEAP) as cluster:
        attacker.people(cluster, sum(known, []))
        for server in cluster.servers:
            server.stop()
        with open(cluster.file, encoding='utf-8') as file:
            text = file.read().replace('memory_mib = 8\npasses = 1', 'memory_mib = 32\npasses = 2')
        with open(cluster.file, 'w', encoding='utf-8') as file:
            file.write(text)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        indistinguishable(cluster, known, prepared('unknown', tries), tries)


def log_ins_at_once():
    """200 log-ins at once (small: 100) on connections of their own, again and again, for names that nobody
    has. Expected: each is answered with `wrong_credentials`, `busy` or `too_many`, within five seconds; an
    honest writer's p99 is at most twice what it was or 30 ms."""
    at_once, times = size(100, 200), size(2, 7)
    with Cluster() as cluster:
        writer = attacker.honest(cluster)
        attack = attacker.unharmed(writer, lambda: Attack(cluster, attacker.log_ins, at_once, times))
        assert set(attack.tally) <= {CREDENTIALS, client262.BUSY, TOO_MANY}, attack.tally
        assert attack.tally[CREDENTIALS] >= 40, attack.tally
        assert sum(attack.tally.values()) == at_once * times, attack.tally
        assert attack.longest < 5, attack.longest
        # Who tries again as the document says is let in.
        people = [person(cluster, f'user{n}') for n in range(size(5, 30))]
        with Attack(cluster, attacker.log_ins, at_once, 2) as flood:
            for n, one in enumerate(people):
                begin = time.monotonic()
                assert one.sign_in(f'user{n}', PASSWORD) == OK
                assert time.monotonic() - begin < 20
                one.close()
            flood.finish()
        print(f'{dict(attack.tally)}, the longest after {attack.longest:.2f} s')
        attacker.settle(cluster, writer)


def huge_passwords():
    """Passwords of 10 MB, 256 KiB, 64 KiB, 60 KB, 129 bytes and none at all, in register, log-in and
    change password. Expected: 10 MB cost the connection; more than 64 KiB is `too_large`; what is longer
    than 128 bytes is refused without a hash (each far quicker than one); memory does not grow. A NUL in a
    password counts as any other character: nothing behind it is cut off."""
    with Cluster(settings='[password]\nmemory_mib = 64\npasses = 3\n') as cluster:
        begin = time.monotonic()
        ada = person(cluster, 'ada')
        hash_s = (time.monotonic() - begin) / 2
        leader = cluster[ada.at]
        before, figures = attacker.memory_kib(leader.process), []
        callers = [Caller(cluster, ada.token, at=ada.at) for _ in range(3)]
        for kind, length in (('long', 60_000), ('over', 129)):
            text = 'x' * length
            # A few tries an account: the throttle counts those too.
            for n in range(size(2, 10)):
                begin = time.monotonic()
                for operation, body, wanted in (
                        (REGISTER, ['new', text], attacker.BAD_PASSWORD),
                        (LOG_IN, [f'{kind}{n}', text, b'\1' * 32], CREDENTIALS),
                        (client262.CHANGE_PASSWORD, [PASSWORD, text], attacker.BAD_PASSWORD),
                        (RESET_PASSWORD, [f'{kind}{n}', 'x' * 20, text], attacker.BAD_PASSWORD)):
                    for caller in callers:
                        assert caller.status(operation, body) == wanted, (operation, wanted)
                figures.append((time.monotonic() - begin) / 12)
        for text in ('', 'short'):
            assert ada.status(REGISTER, ['new', text]) == attacker.BAD_PASSWORD
        for length in (64 * 1024, 200 * 1024):
            status, _ = ada.ask(LOG_IN, ['ada', 'x' * length, b'\1' * 32])
            assert status == attacker.TOO_LARGE, status
        frame = ada.packed(LOG_IN, ['ada', 'x' * 10_000_000, b'\1' * 32])
        for caller in callers:
            for _ in range(size(2, 10)):
                assert caller.raw(frame, 300) is None, 'an answer to 10 MB'
            caller.close()
        assert leader.runs
        after = attacker.memory_kib(leader.process)
        assert after < before + 16 * 1024, (before, after)
        quick = statistics.median(figures)
        assert quick < hash_s / 4, (quick, hash_s)
        nul = person(cluster, 'nul', password='same\0\0\0\0one')
        assert nul.sign_in('nul', 'same\0\0\0\0two') == CREDENTIALS
        assert nul.sign_in('nul', 'same') == CREDENTIALS
        assert nul.sign_in('nul', 'same\0\0\0\0one') == OK
        for caller in (ada, nul):
            caller.close()
        print(f'{quick * 1000:.1f} ms each, a hash takes {hash_s * 1000:.0f} ms; '
              f'resident {before} KiB before, {after} KiB after')


CASES = (thousand_passwords_from_one_address, thousand_passwords_from_many_addresses,
         one_password_on_thousand_accounts, stolen_token_and_many_addresses, locking_out,
         names_by_text, names_by_time, names_by_time_after_the_cost_was_raised, log_ins_at_once,
         huge_passwords)

if __name__ == '__main__':
    attacker.main(CASES)

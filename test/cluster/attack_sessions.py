"""Tokens that are forged, stolen, of others, too old or revoked, and requests that are sent again."""
import contextlib
import glob
import hashlib
import os
import time

import zmq

import attacker_accounts as attacker
import client262
import harness
import keys
from attacker_accounts import NOT_SIGNED_IN, PASSWORD, REQUEST_REUSED, Caller, person, size
from client262 import (CREATE_ROOM, EVENTS, HISTORY, LIST_CONVERSATIONS, LIST_ROOMS, LIST_SESSIONS,
                       LOG_IN, LOG_OUT, LOG_OUT_ALL, MARK_READ, OK, REGISTER, ROOM, SEARCH_ACCOUNTS,
                       SEND, USER)
from harness import Cluster

DAYS_31_S = 31 * 24 * 3600
NEEDS_SESSION = {  # one of each request that does
    LOG_OUT: [], LOG_OUT_ALL: [], client262.CHANGE_PASSWORD: [PASSWORD, PASSWORD + '!'],
    client262.DELETE_ACCOUNT: [PASSWORD], LIST_SESSIONS: [b'', 9],
    client262.END_SESSION: [b'\1' * 16], SEARCH_ACCOUNTS: ['*', '', 9], LIST_CONVERSATIONS: [b'', 9],
    CREATE_ROOM: ['new'], client262.JOIN_ROOM: ['lobby'], client262.LEAVE_ROOM: ['lobby'],
    LIST_ROOMS: ['*', '', 9], client262.LIST_MEMBERS: ['lobby', '', 9],
    SEND: [[USER, 'ada'], 'text', None], HISTORY: [[USER, 'ada'], None, False, 9],
    EVENTS: [b'', 0, 9], MARK_READ: [[USER, 'ada'], b''],
}


def nobody(caller, token, operations=NEEDS_SESSION):
    """With this token nothing can be done, at the leader."""
    for operation, body in operations.items():
        found = caller.status(operation, body, token=token)
        assert found == NOT_SIGNED_IN, (operation, token, found)


def made_up_tokens():
    """Every request that needs a session, with random tokens (full: 500), a token's beginning, one with a
    byte more, one bit changed, its hash, all zeros, an empty one, and the ids of the account and of the
    session. Expected: `not_signed_in` for each, and nothing is done."""
    with Cluster(settings=attacker.CHEAP) as cluster, Caller(cluster) as mallory:
        ada = person(cluster, 'ada')
        token, account = ada.token, ada.ask(SEARCH_ACCOUNTS, ['ada', '', 1])[1][0][0][0]
        session = ada.ask(LIST_SESSIONS, [b'', 9])[1][0][0][0]
        blake = hashlib.blake2b(token, digest_size=32).digest()
        flipped = bytes([token[0] ^ 1]) + token[1:]
        for bad in (b'', token[:31], token[:16], token[:1], token + b'\0', token + token, flipped,
                    token[::-1], blake, b'\0' * 32, account, session, account + session,
                    b'\xff' * 1000):
            nobody(mallory, bad)
        for _ in range(size(50, 500)):
            nobody(mallory, os.urandom(32), {LIST_ROOMS: ['*', '', 9], CREATE_ROOM: ['new']})
        assert ada.ask(LIST_ROOMS, ['*', '', 9])[1][0] == [], 'no room was made'
        assert ada.status(LIST_SESSIONS, [b'', 9]) == OK
        ada.close()
        cluster.settle_and_check()


def tokens_of_others():
    """Mallory has stolen Ada's token, and has her own. Expected: who somebody is follows from the token
    alone: with Ada's what is written is Ada's, with her own hers, whatever else is in the request; the
    thief cannot end Ada's account or change the password without it, and is out once Ada ends all other
    sessions. A token of another cluster is none here, though the account has the same name."""
    with Cluster(settings=attacker.CHEAP) as cluster, \
            Cluster(1, settings=attacker.CHEAP) as other:
        ada, mallory = person(cluster, 'ada'), person(cluster, 'mallory')
        abroad = person(other, 'ada')
        nobody(mallory, abroad.token)
        nobody(abroad, ada.token)
        assert ada.status(CREATE_ROOM, ['lobby']) == OK
        assert mallory.status(client262.JOIN_ROOM, ['lobby']) == OK
        stolen = ada.token
        assert mallory.status(SEND, [[ROOM, 'lobby'], 'with hers', None]) == OK
        assert mallory.status(SEND, [[ROOM, 'lobby'], 'with the stolen', None], token=stolen) == OK
        found = [(m[4], m[7])
                 for m in ada.ask(HISTORY, [[ROOM, 'lobby'], None, False, 9])[1][0]]
        assert found == [('mallory', 'with hers'), ('ada', 'with the stolen')], found
        for operation, body in ((client262.CHANGE_PASSWORD, ['guessed it?', PASSWORD]),
                                (client262.DELETE_ACCOUNT, ['guessed it?'])):
            assert mallory.status(operation, body, token=stolen) == attacker.CREDENTIALS
        # Another's session cannot be ended by its id.
        of_ada = ada.ask(LIST_SESSIONS, [b'', 9])[1][0][0][0]
        assert mallory.status(client262.END_SESSION, [of_ada]) == attacker.BAD_ARGUMENT
        # A session with a token that is in use already: neither one's own again nor another's.
        for token in (stolen, mallory.token):
            assert mallory.status(LOG_IN, ['mallory', PASSWORD, token]) == attacker.BAD_ARGUMENT
        with Caller(cluster) as again:
            assert again.sign_in('ada', PASSWORD) == OK
            assert again.status(client262.CHANGE_PASSWORD, [PASSWORD, 'a new horse battery']) == OK
            assert again.status(LIST_ROOMS, ['*', '', 9]) == OK
            nobody(mallory, stolen)
        for caller in (ada, mallory, abroad):
            caller.close()
        cluster.settle_and_check()


@contextlib.contextmanager
def clock(ahead_s):
    """Servers that are started meanwhile have a wall clock that is so far ahead."""
    found = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')
    if not found:
        harness.skip('needs libfaketime (Debian: faketime)')
    before = dict(os.environ)
    os.environ.update(LD_PRELOAD=found[0], FAKETIME=f'{ahead_s:+d}', FAKETIME_DONT_FAKE_MONOTONIC='1')
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def restart(cluster):
    for server in cluster.servers:
        if server.runs:
            server.stop()
        server.start()
    cluster.wait_in_sync()


def expired_tokens():
    """The clocks of all servers are set 31 days ahead, and back; a session of 30 days is used all the
    time. Expected: it has ended when the clocks are ahead, and stays ended when they are back, at each
    server; a session that is opened then works. (A session ends with the first request after its time,
    or at the latest when time stamps in the log have passed it.)"""
    with Cluster() as cluster:
        ada = person(cluster, 'ada')
        assert ada.status(LIST_ROOMS, ['*', '', 9]) == OK
        for server in cluster.servers:
            server.stop()
        with clock(DAYS_31_S):
            restart(cluster)
        ahead = ada.ask(client262.HELLO, [])[1][6] / 1000 - time.time()
        assert abs(ahead - DAYS_31_S) < 60, ahead
        nobody(ada, ada.token, {LIST_ROOMS: ['*', '', 9], SEND: [[USER, 'ada'], 'text', None]})
        for server in cluster.servers:
            server.stop()
        restart(cluster)
        for _ in range(size(1, 3)):
            nobody(ada, ada.token, {LIST_ROOMS: ['*', '', 9], SEND: [[USER, 'ada'], 'text', None]})
            leader = cluster.wait_leader()
            cluster[leader].kill()
            cluster.wait_leader(but=[leader])
            cluster[leader].start()
            cluster.wait_in_sync()
        assert ada.sign_in('ada', PASSWORD) == OK
        assert ada.status(SEND, [[USER, 'ada'], 'text', None]) == OK
        ada.close()
        cluster.settle_and_check()


def one_clock_ahead():
    """One server's clock, the first leader's, is 31 days ahead (set by whoever controls its time). Expected:
    the sessions of all users go on, for it believes the other servers' clocks rather than its own."""
    with Cluster(start=False) as cluster:
        with clock(DAYS_31_S):
            cluster[0].start()
        for server in cluster.servers[1:]:
            server.start()
        cluster.wait_in_sync()
        ada = person(cluster, 'ada')
        assert cluster.wait_leader() == 0
        keys.wait_said(cluster[0], 'ahead of those of all other servers: set it')
        for _ in range(5):
            assert ada.status(SEND, [[USER, 'ada'], 'text', None]) == OK
        cluster[0].kill()
        cluster.wait_leader(but=[0])
        assert ada.status(SEND, [[USER, 'ada'], 'text', None]) == OK
        with clock(DAYS_31_S):
            cluster[0].start()
        cluster.wait_in_sync()
        assert attacker.operator(cluster[0], 101, [0])[0] == OK
        assert cluster.wait_leader() == 0
        assert ada.status(SEND, [[USER, 'ada'], 'text', None]) == OK
        ada.close()
        cluster.settle_and_check()


def revoked_then_failover():
    """A session is ended by log-out, a change of the password elsewhere, suspension (full: also by log-out
    of all, deletion, and by an operator); the leader is killed as soon as that is answered. Expected: from
    then on the token is good for nothing at the next leader, nor at those after it."""
    def control(operation, *more):
        return lambda cluster, name, victim, other: attacker.operator(
            cluster[1], operation, [name, *more, 'test'])[0]

    ways = {
        'log-out': lambda c, n, victim, other: victim.status(LOG_OUT, []),
        'change': lambda c, n, victim, other: other.status(client262.CHANGE_PASSWORD,
                                                           [PASSWORD, 'another horse battery']),
        'suspension': control(attacker.SUSPEND_ACCOUNT, True),
        'log-out-all': lambda c, n, victim, other: other.status(LOG_OUT_ALL, []),
        'deletion': lambda c, n, victim, other: other.status(client262.DELETE_ACCOUNT, [PASSWORD]),
        'operator': control(attacker.LOG_OUT_ACCOUNT), 'removal': control(attacker.REMOVE_ACCOUNT),
    }
    with Cluster(settings=attacker.CHEAP) as cluster, Caller(cluster) as mallory:
        person(cluster, 'ada').close()
        revoked = []
        for way, end in list(ways.items())[:size(3, len(ways))]:
            victim, other = person(cluster, way), Caller(cluster)
            assert other.sign_in(way, PASSWORD) == OK
            victim.at = other.at = cluster.wait_leader()
            assert end(cluster, way, victim, other) == OK, way
            leader = cluster.wait_leader()
            cluster[leader].kill()
            revoked.append(victim.token)
            cluster.wait_leader(but=[leader])
            for token in revoked:
                nobody(mallory, token, NEEDS_SESSION if token is victim.token else
                       {LIST_ROOMS: ['*', '', 9]})
            cluster[leader].start()
            cluster.wait_in_sync()
            victim.close()
            other.close()
        cluster.settle_and_check()


def recorded_log_in():
    """A log-in is recorded and sent again byte by byte after the log-out, after a failover, and with a
    token of the attacker's in it. Expected: the first answer again, which has only the account's id, its
    name, a time and a cursor; no session comes to life, neither the old token's nor the other's, and
    nothing is written."""
    with Cluster(settings=attacker.CHEAP) as cluster, Caller(cluster) as mallory:
        ada = Caller(cluster)
        assert ada.status(REGISTER, ['ada', PASSWORD]) == OK
        token, number = os.urandom(32), 7
        recorded = ada.packed(LOG_IN, ['ada', PASSWORD, token], number)
        first = ada.bytes_of(recorded)
        assert client262.unpack(first)[1] == OK
        ada.token = token
        assert ada.status(LOG_OUT, []) == OK
        last = cluster.wait_equal()[0]['last']
        mallory.id = ada.id
        own = os.urandom(32)
        replays = [recorded, mallory.packed(LOG_IN, ['ada', PASSWORD, own], number),
                   mallory.packed(LOG_IN, ['ada', 'not the password', own], number)]
        for _ in range(2):
            for replay in replays:
                assert mallory.bytes_of(replay) == first
                for bad in (token, own):
                    nobody(mallory, bad, {LIST_ROOMS: ['*', '', 9]})
            found = {s['last'] for s in cluster.wait_equal()}
            if last is not None:
                assert found == {last}, (found, last)
            leader = cluster.wait_leader()
            cluster[leader].kill()
            cluster.wait_leader(but=[leader])
            cluster[leader].start()
            cluster.wait_in_sync()
            last = None  # the new leader's view is an entry
        assert mallory.status(LOG_IN, ['bob', PASSWORD, own], number) == REQUEST_REUSED
        ada.close()
        cluster.settle_and_check()


def recorded_request_of_another():
    """Mallory sends requests under Ada's client id and numbers: the same body with her own token, with
    none, another body, and numbers that Ada has not used. Expected: what was done is answered as it was
    (ids and places, nothing secret) and not done twice; another body is `request_reused`; without a
    session a new number is `not_signed_in`. Nothing comes to stand in Ada's name."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        ada, mallory = person(cluster, 'ada'), person(cluster, 'mallory')
        assert ada.status(CREATE_ROOM, ['lobby']) == OK
        assert mallory.status(client262.JOIN_ROOM, ['lobby']) == OK
        body = [[ROOM, 'lobby'], 'pay 10', None]
        number = 50
        first = ada.ask(SEND, body, number)
        assert first[0] == OK and [type(v) for v in first[1]] == [bytes, bytes, int], first
        hers, mallory.id = mallory.id, ada.id
        for token in (ada.token, mallory.token, b'', b'\1' * 32):
            for _ in range(size(5, 50)):
                assert mallory.ask(SEND, body, number, token) == first, token
        assert mallory.status(SEND, [[ROOM, 'lobby'], 'pay 99', None], number) == REQUEST_REUSED
        assert mallory.status(SEND, body, number + 1, b'') == NOT_SIGNED_IN
        assert mallory.status(SEND, [[ROOM, 'lobby'], 'mine', None], number + 1) == OK
        # It costs Ada a number, no message: she is told.
        assert ada.status(SEND, [[ROOM, 'lobby'], 'pay 11', None], number + 1) == REQUEST_REUSED
        assert ada.status(SEND, [[ROOM, 'lobby'], 'pay 11', None], number + 2) == OK
        mallory.id = hers
        cluster.push_commit()
        found = [(m['from'], m['text']) for m in harness.export(cluster[0])]
        assert found == [('ada', 'pay 10'), ('mallory', 'mine'), ('ada', 'pay 11')], found
        ada.close()
        mallory.close()
        cluster.settle_and_check()


def reused_request_ids():
    """Each kind of write is sent under a request id that another write has used, and the same writes with
    another body each. Expected: `request_reused` every time; what was written first stays, and the
    session and the password are as they were."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        ada = person(cluster, 'ada')
        assert ada.status(CREATE_ROOM, ['lobby']) == OK
        sent = ada.ask(SEND, [[ROOM, 'lobby'], 'first', None], 100)
        assert sent[0] == OK
        for operation, body in ((REGISTER, ['eve', PASSWORD]), (LOG_IN, ['ada', PASSWORD, b'\7' * 32]),
                                (LOG_OUT, []), (LOG_OUT_ALL, []),
                                (client262.CHANGE_PASSWORD, [PASSWORD, PASSWORD + '!']),
                                (client262.DELETE_ACCOUNT, [PASSWORD]),
                                (client262.END_SESSION, [b'\1' * 16]),
                                (client262.RESET_PASSWORD, ['ada', 'x' * 20, PASSWORD]),
                                (CREATE_ROOM, ['other']), (client262.JOIN_ROOM, ['lobby']),
                                (client262.LEAVE_ROOM, ['lobby']),
                                (SEND, [[ROOM, 'lobby'], 'second', None]),
                                (SEND, [[USER, 'ada'], 'first', None]),
                                (SEND, [[ROOM, 'lobby'], 'first', ['ada', 1]]),
                                (MARK_READ, [[ROOM, 'lobby'], sent[1][1]])):
            found = ada.status(operation, body, 100)
            assert found == REQUEST_REUSED, (operation, body, found)
        assert ada.ask(SEND, [[ROOM, 'lobby'], 'first', None], 100) == sent
        # Under the same kind as well: a room and an account of another name.
        room = ada.ask(CREATE_ROOM, ['second'], 101)
        assert room[0] == OK
        assert ada.status(CREATE_ROOM, ['third'], 101) == REQUEST_REUSED
        assert ada.ask(CREATE_ROOM, ['second'], 101) == room
        assert ada.status(REGISTER, ['bob', PASSWORD], 102) == OK
        assert ada.status(REGISTER, ['cid', PASSWORD], 102) == REQUEST_REUSED
        with Caller(cluster) as again:
            assert again.sign_in('ada', PASSWORD) == OK
            assert again.sign_in('cid', PASSWORD) == attacker.CREDENTIALS
        assert [r[1] for r in ada.ask(LIST_ROOMS, ['*', '', 9])[1][0]] == ['lobby', 'second']
        ada.close()
        cluster.push_commit()
        assert [m['text'] for m in harness.export(cluster[0])] == ['first']
        cluster.settle_and_check()


def waiting_when_revoked():
    """A client waits for events (700 ms, again and again) while its account is suspended, deleted, logged
    out by an operator, or changes its password elsewhere; a message comes right after. Expected: the
    request that waits ends at once with `not_signed_in`, without the message."""
    ways = {
        'suspension': lambda c, name, other: attacker.operator(
            c[0], attacker.SUSPEND_ACCOUNT, [name, True, 'test'])[0],
        'operator': lambda c, name, other: attacker.operator(
            c[0], attacker.LOG_OUT_ACCOUNT, [name, 'test'])[0],
        'removal': lambda c, name, other: attacker.operator(
            c[0], attacker.REMOVE_ACCOUNT, [name, 'test'])[0],
        'deletion': lambda c, name, other: other.status(client262.DELETE_ACCOUNT, [PASSWORD]),
        'log-out-all': lambda c, name, other: other.status(LOG_OUT_ALL, []),
        'change': lambda c, name, other: other.status(client262.CHANGE_PASSWORD,
                                                      [PASSWORD, PASSWORD + '!']),
        'one-by-one': lambda c, name, other: other.status(
            client262.END_SESSION,
            [next(s[0] for s in other.ask(LIST_SESSIONS, [b'', 9])[1][0] if not s[5])]),
    }
    with Cluster(settings=attacker.CHEAP) as cluster:
        bob, figures = person(cluster, 'bob'), []
        assert bob.status(CREATE_ROOM, ['lobby']) == OK
        for way, end in ways.items():
            waits = []
            for n in range(3):  # other work on the machine may spoil one
                name = f'{way}{n}'
                victim, other = person(cluster, name), Caller(cluster)
                assert victim.status(client262.JOIN_ROOM, ['lobby']) == OK
                assert other.sign_in(name, PASSWORD) == OK
                now = victim.ask(EVENTS, [None, 0, 9])[1][1]
                socket = victim.servers[victim.at]
                socket.send(victim.packed(EVENTS, [now, 700, 9]))
                begin = time.monotonic()
                assert end(cluster, name, other) == OK, way
                took = time.monotonic() - begin
                assert bob.status(SEND, [[ROOM, 'lobby'], 'secret', None]) == OK
                assert socket.poll(5000, zmq.POLLIN)
                waits.append(time.monotonic() - begin)
                data = socket.recv()
                assert b'secret' not in data
                answer = client262.unpack(data)
                victim.close()
                other.close()
                # Deleted: those who stay are told that it left; the account itself is gone.
                if answer[1] == NOT_SIGNED_IN and waits[-1] < max(0.5, took + 0.1):
                    break
                assert answer[1] in (NOT_SIGNED_IN, OK), answer
            else:
                raise AssertionError(f'{way}: {waits}, then {answer}')
            figures.append(f'{way} {waits[-1] * 1000:.0f} ms')
        bob.close()
        print(', '.join(figures))


CASES = (made_up_tokens, tokens_of_others, expired_tokens, one_clock_ahead, revoked_then_failover,
         recorded_log_in, recorded_request_of_another, reused_request_ids, waiting_when_revoked)

if __name__ == '__main__':
    attacker.main(CASES)

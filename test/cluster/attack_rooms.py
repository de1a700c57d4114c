"""What others write: conversations and rooms that one is not in, words in another's mouth, names that
look alike, lists without an end, and more rooms and waiting clients than anybody may have.
"""
import json
import os
import re
import time

import msgpack
import zmq

import attacker_accounts as attacker
import client262
import harness
from attacker_accounts import (BAD_CURSOR, MALFORMED, NO_SUCH_ROOM, NO_SUCH_USER, NOT_A_MEMBER,
                               NOT_SIGNED_IN, PASSWORD, Attack, Caller, person, size)
from client262 import (CREATE_ROOM, EVENTS, HISTORY, JOIN_ROOM, LEAVE_ROOM, LIST_CONVERSATIONS,
                       LIST_MEMBERS, LIST_ROOMS, MARK_READ, OK, REGISTER, ROOM, SEARCH_ACCOUNTS, SEND,
                       TOO_MANY, USER)
from harness import Cluster

SECRET = 'the secret'


def nothing_of(secret, answers):
    """Bytes of answers that must not hold it."""
    for data in answers:
        assert data and secret.encode() not in data, data


def everything(caller, targets, cursors):
    """The answers to all ways to read of these conversations, from these places."""
    for target in targets:
        for cursor in [None, *cursors]:
            for newer in (False, True):
                yield caller.bytes_of(caller.packed(HISTORY, [target, cursor, newer, 256]))
    for cursor in [None, b'', *cursors]:
        yield caller.bytes_of(caller.packed(EVENTS, [cursor, 0, 256]))
        yield caller.bytes_of(caller.packed(LIST_CONVERSATIONS, [cursor or b'', 256]))
    yield caller.bytes_of(caller.packed(SEARCH_ACCOUNTS, ['*', '', 256]))
    yield caller.bytes_of(caller.packed(LIST_ROOMS, ['*', '', 256]))


def conversations_of_others():
    """Ada and Bob write to each other. Mallory reads history, events and conversations with their names,
    with cursors of their conversation, with what list conversations gave Ada as next, and with made-up
    places (full: 2,000), and marks read with them. Expected: her own conversations only, which are
    empty; nothing of theirs, and their markers do not move."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        ada, bob, mallory = (person(cluster, name) for name in ('ada', 'bob', 'mallory'))
        cursors = [ada.ask(SEND, [[USER, 'bob'], f'{SECRET} {n}', None])[1][1] for n in range(5)]
        assert ada.status(SEND, [[USER, 'cid'], SECRET, None]) == NO_SUCH_USER
        assert ada.status(SEND, [[USER, 'ada'], SECRET + ' to myself', None]) == OK
        places = [ada.ask(LIST_CONVERSATIONS, [b'', 1])[1][1], bob.ask(EVENTS, [b'', 0, 1])[1][1]]
        assert all(places), 'there are two conversations'
        made_up = [os.urandom(n % 40) for n in range(size(100, 2000))]
        made_up += [p[:n] for p in places + cursors[:1] for n in range(len(p))]
        made_up += [p + b'\0' for p in places] + [b'\0' * 16, b'\xff' * 18, b'\xff' * 16]
        ids = [a[0] for a in mallory.ask(SEARCH_ACCOUNTS, ['*', '', 9])[1][0]]
        made_up += [a + b for a in [b'', *ids] for b in ids]
        unread = bob.ask(LIST_CONVERSATIONS, [b'', 9])[1][0]
        nothing_of(SECRET, everything(mallory, [[USER, 'ada'], [USER, 'bob'], [USER, 'mallory']],
                                      cursors + places + made_up))
        for place in cursors + places + made_up:
            for target in ([USER, 'ada'], [USER, 'bob']):
                assert mallory.status(MARK_READ, [target, place]) in (OK, BAD_CURSOR)
        assert bob.ask(LIST_CONVERSATIONS, [b'', 9])[1][0] == unread, 'still unread'
        assert mallory.status(SEND, [[USER, 'ada'], 'hello', None]) == OK
        found = mallory.ask(LIST_CONVERSATIONS, [b'', 9])[1][0]
        assert [c[0] for c in found] == [[USER, 'ada']], found
        nothing_of(SECRET, everything(mallory, [[USER, 'ada']], cursors + places))
        for caller in (ada, bob, mallory):
            caller.close()
        cluster.settle_and_check()


def rooms_one_is_not_in():
    """Mallory sends to a room, reads its history, waits for its events and marks it read before she joins
    it, after she has left, and after her account was deleted; cursors of the time when she was in it are
    used too. Expected: `not_a_member` (after the deletion `not_signed_in`), and nothing that was written
    there in her absence comes, by no request. Names of rooms and who is in them are no secret: every
    account may list both."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        ada, mallory = person(cluster, 'ada'), person(cluster, 'mallory')
        assert ada.status(CREATE_ROOM, ['closet']) == OK
        target, cursors = [ROOM, 'closet'], []

        def write(text):
            cursors.append(ada.ask(SEND, [target, text, None])[1][1])

        def kept_out(since):
            assert mallory.status(SEND, [target, 'in', None]) == NOT_A_MEMBER
            assert mallory.status(LEAVE_ROOM, ['closet']) == NOT_A_MEMBER
            for cursor in [b'', *cursors]:
                assert mallory.status(MARK_READ, [target, cursor]) in (NOT_A_MEMBER, BAD_CURSOR)
                assert mallory.status(HISTORY, [target, cursor, True, 9]) == NOT_A_MEMBER
            assert mallory.ask(LIST_MEMBERS, ['CLOSET', '', 9])[0] == OK
            nothing_of(SECRET, everything(mallory, [target, [ROOM, 'CLOSET']], cursors))
            # One that waits while something is written there.
            socket = mallory.servers[mallory.at]
            socket.send(mallory.packed(EVENTS, [since, 700, 9]))
            write(SECRET + ' while you wait')
            assert socket.poll(3000, zmq.POLLIN)
            answer = client262.unpack(socket.recv())
            assert answer[1] == OK and answer[3][0] == [], answer

        write(SECRET + ' of before')
        kept_out(None)
        assert mallory.status(JOIN_ROOM, ['closet']) == OK
        # Who joins may read from the beginning, as anybody can join; events begin there.
        history = mallory.ask(HISTORY, [target, None, False, 9])[1][0]
        assert [m[7] for m in history] == [SECRET + ' of before', SECRET + ' while you wait']
        nothing_of(SECRET, [mallory.bytes_of(mallory.packed(EVENTS, [b'', 0, 256]))])
        for place in cursors:
            nothing_of(SECRET, [mallory.bytes_of(mallory.packed(EVENTS, [place, 0, 256]))])
        write('while she is in')
        inside = mallory.ask(EVENTS, [b'', 0, 256])[1][1]
        assert mallory.status(LEAVE_ROOM, ['closet']) == OK
        since = mallory.ask(EVENTS, [None, 0, 9])[1][1]
        cursors.append(inside)
        write(SECRET + ' of after')
        kept_out(since)
        assert mallory.status(HISTORY, [[ROOM, 'attic'], None, False, 9]) == NO_SUCH_ROOM
        assert mallory.status(client262.DELETE_ACCOUNT, [PASSWORD]) == OK
        for operation, body in ((SEND, [target, 'x', None]), (EVENTS, [b'', 0, 9]),
                                (HISTORY, [target, None, False, 9]), (JOIN_ROOM, ['closet']),
                                (LIST_MEMBERS, ['closet', '', 9]), (MARK_READ, [target, inside])):
            assert mallory.status(operation, body) == NOT_SIGNED_IN, operation
        members = ada.ask(LIST_MEMBERS, ['closet', '', 9])[1][0]
        assert [m[1] for m in members] == ['ada'], members
        texts = [m[7] for m in ada.ask(HISTORY, [target, None, False, 9])[1][0]]
        assert 'in' not in texts and len(texts) == len(cursors) - 1, texts
        ada.close()
        mallory.close()
        cluster.settle_and_check()


def in_anothers_mouth():
    """Mallory writes as if by Ada: with a field for a sender in the request, with Ada as the author of an
    imported message, with authors that look like a whole line of Ada's, with her own name and a time of
    long ago, and with lines in a text that look like others' messages. Expected: a field too many is
    malformed; every imported message is shown by `chat262` with `[by mallory]` in front of the name that
    it claims, and lines of a text never begin where a message does."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        ada, mallory = person(cluster, 'ada'), person(cluster, 'mallory')
        assert ada.status(CREATE_ROOM, ['lobby']) == OK
        assert mallory.status(JOIN_ROOM, ['lobby']) == OK
        target, then = [ROOM, 'lobby'], 1234567890123
        for body in ([target, 'x', None, 'ada'], ['ada', target, 'x', None],
                     [target, 'x', ['ada', then, True]], [[*target, 'ada'], 'x', None]):
            assert mallory.status(SEND, body) == MALFORMED, body
        assert ada.status(SEND, [target, 'genuine', None]) == OK
        authors = ['ada', 'ADA', 'ada: I owe mallory 10', 'ada' + ' ' * 100 + '-', 'ada [by ada]: yes',
                   'mallory']
        for n, author in enumerate(authors):
            assert mallory.status(SEND, [target, f'forged {n}', [author, then]]) == OK, author
        now = time.strftime('%H:%M')
        assert mallory.status(SEND, [target, f'several\n{now} #lobby ada: forged line', None]) == OK
        assert mallory.status(SEND, [[USER, 'ada'], 'forged to you', ['ada', then]]) == OK
        session = os.path.join(cluster.folder, 'session')
        common = [*cluster.arguments, '--session', session]
        harness.run('chat262', 'login', 'ada', '--password-stdin', *common, stdin=PASSWORD + '\n')
        room = harness.run('chat262', 'read', *common, '--to', 'room:lobby').stdout
        own = harness.run('chat262', 'read', *common, '--to', 'mallory').stdout
        for shown in (room, own):
            attacker.harmless(shown)
            for line in shown.splitlines():
                if re.match(r'\d\d:\d\d ', line) and 'forged' in line:
                    assert re.match(r'\d\d:\d\d [#@]\w+ \[by mallory\] ', line), line
                elif 'forged' in line:
                    assert line.startswith('      '), line
        assert len(re.findall(r'^\d\d:\d\d #lobby \[by mallory\] ', room, re.M)) == len(authors), room
        assert re.search(r'^\d\d:\d\d #lobby ada: genuine$', room, re.M), room
        for line in harness.run('chat262', 'read', '--json', *common, '--to',
                                'room:lobby').stdout.splitlines():
            message = json.loads(line)
            if 'forged' in message.get('text', ''):
                assert message['from'] == 'mallory', message
        ada.close()
        mallory.close()
        cluster.settle_and_check()


ALIKE = {  # what else finds the account: NFKC, case, and marks in whatever order
    'alice': ['ALICE', 'Alice', '\uff41\uff4c\uff49\uff43\uff45', '\U0001d4b6lice', 'al\u2170ce',
              '\u24d0lice', '\u1d43lice'],
    'stra\u00dfe': ['STRASSE', 'strasse', 'STRA\u1e9eE'], 'caf\u00e9': ['cafe\u0301', 'CAFE\u0301'],
    'file': ['\ufb01le'], '\u1e9b\u0323x': ['\u1e69x', 's\u0323\u0307x', 's\u0307\u0323x'],
    '\u03c3\u03c3': ['\u03a3\u03a3', '\u03c3\u03c2'],
}
REFUSED = ['al ice', 'al\u00a0ice', 'al\u200bice', 'al\u200dice', 'al\u00adice', 'al\u2060ice',
           '\ufeffalice', 'alice\u202e', 'alice\u200f', 'al\u180eice', 'alice\u3164', 'alice\u2800',
           'alice*', 'alice\uff0a', 'al\u0000ice', 'alice\n', 'alice\u2028', '\u00b4alice',
           'alice\U000e0001', 'alice\U000e0061']
OTHERS = ['\u0430lice', 'al1ce', 'a1ice', '\u0391lice', 'alic\u0435', 'al\u0131ce']  # distinct accounts


def names_that_look_alike():
    """Names are registered that look like one that is taken: other case, full-width and styled letters,
    ligatures, other orders of accents; with characters that do not show, white space and direction marks
    in them; and with letters of other scripts. Expected: the first are the same name (`name_taken`, and
    they find its owner), the second are `bad_name`. The third are others' accounts, with another id: it is
    documented that scripts may be mixed."""
    with Cluster(1, settings=attacker.CHEAP) as cluster:
        reader = person(cluster, 'reader')
        for name, others in ALIKE.items():
            assert reader.status(REGISTER, [name, PASSWORD]) == OK, name
            assert reader.status(CREATE_ROOM, [name]) == OK, name
            for other in others:
                assert reader.status(REGISTER, [other, PASSWORD]) == attacker.NAME_TAKEN, ascii(other)
                assert reader.status(CREATE_ROOM, [other]) == attacker.NAME_TAKEN, ascii(other)
                assert reader.status(SEND, [[USER, other], 'x', None]) == OK, ascii(other)
                with Caller(cluster) as owner:
                    assert owner.sign_in(other, PASSWORD) == OK, ascii(other)
        for name in REFUSED:
            for operation, more in ((REGISTER, [PASSWORD]), (CREATE_ROOM, [])):
                assert reader.status(operation, [name, *more]) == attacker.BAD_NAME, ascii(name)
        for name in OTHERS:
            assert reader.status(REGISTER, [name, PASSWORD]) == OK, ascii(name)
        found = reader.ask(SEARCH_ACCOUNTS, ['*', '', 256])[1][0]
        assert len({a[0] for a in found}) == len({a[1] for a in found}) == \
            1 + len(ALIKE) + len(OTHERS), found
        reader.close()


def lists_without_an_end():
    """1,000 pages (small: 300) of accounts, rooms, members, conversations and sessions are asked for, with
    a limit of 2^32 - 1, patterns of many stars that match nothing, and places behind the end, among 3,000
    rooms and names (small: 300), by two attackers. Negative limits and those over 32 bits too. Expected: a
    page has at most 256 items and 48 KiB or so; what is no limit is malformed; an honest writer's p99 is
    at most twice what it was or 30 ms."""
    with Cluster(settings=attacker.CHEAP) as cluster:
        writer, mallory = attacker.honest(cluster), person(cluster, 'mallory')
        for n in range(size(300, 3000)):
            name = f'{"ab" * 25}-{n}'
            assert mallory.status(CREATE_ROOM, [name]) == OK if n < 990 else True
        attacker.people(cluster, [f'{"ab" * 25}-{n}' for n in range(size(60, 3000))])
        stars, most = '*a*b' * 16 + '*z', (1 << 32) - 1
        for limit, wanted in ((-1, MALFORMED), (1 << 32, MALFORMED), (1 << 63, MALFORMED), (0, OK),
                              (most, OK)):
            for operation, body in ((SEARCH_ACCOUNTS, ['*', '', limit]),
                                    (LIST_ROOMS, ['*', '', limit]), (EVENTS, [b'', 0, limit]),
                                    (LIST_MEMBERS, ['ab' * 25 + '-1', '', limit]),
                                    (HISTORY, [[USER, 'mallory'], None, False, limit])):
                found = mallory.status(operation, body)
                assert found == wanted, (operation, limit, found)
        requests = [(SEARCH_ACCOUNTS, ['', '', most]), (LIST_ROOMS, ['*', '', most]),
                    (SEARCH_ACCOUNTS, [stars, '', most]), (LIST_ROOMS, [stars, '', most]),
                    (LIST_ROOMS, ['*', '\uffff' * 60, most]), (LIST_ROOMS, ['*', 'ab' * 30_000, most]),
                    (SEARCH_ACCOUNTS, ['*', 'ab' * 25 + '-1', most]), (EVENTS, [None, 0, most]),
                    (LIST_MEMBERS, ['ab' * 25 + '-1', '', most])]
        times = size(300, 1000)
        attack = attacker.unharmed(writer, lambda: Attack(
            cluster, attacker.reads, mallory.token.hex(), requests, times, count=2))
        assert set(attack.tally) <= {OK, attacker.BAD_ARGUMENT, TOO_MANY, client262.BUSY}, attack.tally
        assert attack.tally[OK] >= times, attack.tally
        print(f'{dict(attack.tally)}, the longest {attack.longest * 1000:.0f} ms')
        mallory.close()
        attacker.settle(cluster, writer)


def too_many_rooms():
    """An account makes and joins rooms without an end, and a room is joined by everybody; [limits] has
    account_rooms = 20 and room_members = 5. Expected: `too_many` with a retry_ms past either; others go
    on making rooms; who leaves one may join another."""
    with Cluster(settings=attacker.limits(account_rooms=20, room_members=5,
                                          address_registrations_per_h=1000) + attacker.CHEAP) as cluster:
        mallory, ada = person(cluster, 'mallory'), person(cluster, 'ada')
        answers = [mallory.ask(CREATE_ROOM, [f'flood-{n}']) for n in range(size(200, 2000))]
        assert [status for status, _ in answers] == [OK] * 20 + [TOO_MANY] * (len(answers) - 20)
        assert all(body[2] > 0 for status, body in answers if status == TOO_MANY)
        assert ada.status(CREATE_ROOM, ['lobby']) == OK
        assert mallory.status(JOIN_ROOM, ['lobby']) == TOO_MANY
        assert len(ada.ask(LIST_ROOMS, ['*', '', 256])[1][0]) == 21
        assert mallory.status(LEAVE_ROOM, ['flood-0']) == OK
        assert mallory.status(JOIN_ROOM, ['lobby']) == OK
        guests = [person(cluster, f'guest-{n}') for n in range(8)]
        found = [guest.status(JOIN_ROOM, ['lobby']) for guest in guests]
        assert found == [OK] * 3 + [TOO_MANY] * 5, found
        assert guests[0].status(LEAVE_ROOM, ['lobby']) == OK
        assert guests[7].status(JOIN_ROOM, ['lobby']) == OK
        assert guests[6].status(SEND, [[ROOM, 'lobby'], 'in', None]) == NOT_A_MEMBER
        for caller in (mallory, ada, *guests):
            caller.close()
        cluster.settle_and_check()


def too_many_waiters():
    """100 requests (full: 2,000) of one account wait for events at a time, from several sessions and
    addresses; [limits] has account_waiters = 8. Expected: eight wait, the others get `too_many` at once; a
    message wakes those that wait; another account waits as before, and an honest writer writes on."""
    most, count = 8, size(100, 2000)
    settings = attacker.limits(account_waiters=most, connection_replies=1000) + attacker.CHEAP
    with Cluster(settings=settings) as cluster:
        writer = attacker.honest(cluster)
        mallory, bob = person(cluster, 'mallory'), person(cluster, 'bob')
        assert mallory.status(CREATE_ROOM, ['den']) == OK
        leader = cluster.wait_leader()
        sessions = [Caller(cluster, source=attacker.source()) for _ in range(4)]
        for one in sessions:
            assert one.sign_in('mallory', PASSWORD) == OK
        now, tally = mallory.ask(EVENTS, [None, 0, 9])[1][1], {}
        sockets = [dealer(cluster, leader) for _ in sessions]
        for n in range(count):
            which = n % len(sockets)
            sockets[which].send_multipart([b'', sessions[which].packed(EVENTS, [now, 700, 9], n + 1)])
        begin, waits = time.monotonic(), []
        for n in range(count):
            socket = next(s for s in sockets * 3000 if s.poll(1, zmq.POLLIN))
            answer = msgpack.unpackb(socket.recv_multipart()[-1])
            tally[answer[1]] = tally.get(answer[1], 0) + 1
            if answer[1] == TOO_MANY:
                assert answer[3][2] > 0, answer
                waits.append(time.monotonic() - begin)
            if n + 1 == count - most:  # these wait
                bob_socket = bob.servers[bob.at]
                bob_socket.send(bob.packed(EVENTS, [None, 700, 9]))
                assert not bob_socket.poll(50, zmq.POLLIN), 'it waits'
                assert mallory.status(SEND, [[ROOM, 'den'], 'wake up', None]) == OK
        # Those that were first may have waited 700 ms, and others have taken their places.
        assert set(tally) == {OK, TOO_MANY} and most <= tally[OK] <= 5 * most, tally
        assert bob_socket.poll(3000, zmq.POLLIN)
        assert client262.unpack(bob_socket.recv())[1] == OK
        harness.more([writer])
        for socket in sockets:
            socket.close()
        for caller in (mallory, bob, *sessions):
            caller.close()
        print(f'{tally}')
        attacker.settle(cluster, writer)


def dealer(cluster, server):
    """Requests on it need not wait for the answers to those before."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, 10_000)
    place = cluster.hosts[server], harness.CLIENT_PORT
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.curve_serverkey = client262.keys[place]
    socket.connect(f'tcp://{place[0]}:{place[1]}')
    return socket


CASES = (conversations_of_others, rooms_one_is_not_in, in_anothers_mouth, names_that_look_alike,
         lists_without_an_end, too_many_rooms, too_many_waiters)

if __name__ == '__main__':
    attacker.main(CASES)

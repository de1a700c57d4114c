"""Requests that are not what they should be: bombs, wrong shapes, hostile texts, somebody else's
names and numbers, places that do not exist.
"""
import os
import struct
import time

import msgpack
import zmq

import attacker
import client262
import harness
from attacker import Lives, PLAIN, size
from client262 import (CHANGE_PASSWORD, CREATE_ROOM, DELETE_ACCOUNT, END_SESSION, EVENTS, HELLO,
                       HISTORY, JOIN_ROOM, LEAVE_ROOM, LIST_CONVERSATIONS, LIST_MEMBERS,
                       LIST_ROOMS, LIST_SESSIONS, LOG_IN, LOG_OUT, LOG_OUT_ALL, MARK_READ, REGISTER,
                       RESET_PASSWORD, ROOM, SEARCH_ACCOUNTS, SEND, STATUS, USER)
from harness import Cluster

BAD_TEXT, BAD_NAME, BAD_CURSOR, BAD_ARGUMENT, NOT_SIGNED_IN = 29, 23, 30, 31, 20
NAME_TAKEN, NO_PERMISSION, UNKNOWN_OPERATION = 22, 32, 11
TARGET = [ROOM, harness.ROOM]
SHAPES = {  # a body of each request that is well formed
    HELLO: [], STATUS: [], REGISTER: ['name', 'password', 'code'],
    LOG_IN: ['name', 'password', b'\1' * 32, 'client'], LIST_SESSIONS: [b'', 10],
    END_SESSION: [b'\1' * 16], RESET_PASSWORD: ['name', 'code', 'new password'],
    LOG_OUT: [], LOG_OUT_ALL: [], CHANGE_PASSWORD: ['old password', 'new password'],
    DELETE_ACCOUNT: ['password'], SEARCH_ACCOUNTS: ['*', '', 10], LIST_CONVERSATIONS: [b'', 10],
    CREATE_ROOM: ['room'], JOIN_ROOM: ['room'], LEAVE_ROOM: ['room'], LIST_ROOMS: ['*', '', 10],
    LIST_MEMBERS: ['room', '', 10], SEND: [[ROOM, 'room'], 'text', ['author', 5]],
    HISTORY: [[ROOM, 'room'], b'', False, 10], EVENTS: [b'', 0, 10],
    MARK_READ: [[ROOM, 'room'], b''],
    100: [], 101: [None], 102: [], 103: [None, False], 104: [1, '127.0.0.9', False, b''], 105: [],
    106: [1, b'\1' * 32], 110: ['*', '', 10], 111: ['name'], 112: ['name', True, 'root'],
    113: ['name', b'\1' * 32, 'root'], 114: ['name', 'root'], 115: ['name', 'root'],
    116: [b'\1' * 32, 1, 1, 'root'],
}
GROWN = (REGISTER, LOG_IN, 104)  # their last field is younger than the others


class Caller(client262.Client):
    """A client of the leader alone that sends what it is told to and says what came."""

    def __init__(self, cluster, token=b''):
        super().__init__([(cluster.hosts[cluster.wait_leader()], harness.CLIENT_PORT)])
        self.token = token

    def raw(self, data, wait_ms=5000):
        """(status, number, body) of the answer to these bytes, None if there is none."""
        socket = self.servers[0]
        socket.send(data)
        if not socket.poll(wait_ms, zmq.POLLIN):
            return None
        return tuple(client262.unpack(socket.recv())[1:4])

    def status(self, operation, body, number=None):
        """The status of the answer, once it is neither `busy` nor `too_many`."""
        if number is None:
            self.number += 1
            number = self.number
        while True:
            answer = self.raw(self.pack(operation, body, number))
            assert answer and answer[1] == number, answer
            if answer[0] not in (client262.BUSY, client262.TOO_MANY):
                return answer[0]
            self.pause(answer[2][2])


def packed(value):
    return msgpack.packb(value, use_bin_type=True)


def bombs():
    """MessagePack that asks for far more than it holds, in few bytes, or is nested without an
    end."""
    head = b'\x96\x01\x2a\xc4\x10' + b'\1' * 16 + b'\x05\xc4\x00'  # all of a request but its body
    for prefix in (b'', head, head + b'\x93'):
        for length in (0x10000, 0x7fffffff, 0xffffffff):
            for kind in (0xdd, 0xdf, 0xdb, 0xc6, 0xc9):  # array, map, str, bin, ext
                yield prefix + bytes([kind]) + struct.pack('>I', length)
                yield prefix + (bytes([kind]) + struct.pack('>I', length)) * 20
        for one in (b'\x91', b'\x81\xc0', b'\xdc\x00\x01', b'\xdd\0\0\0\1', b'\xdf\0\0\0\1\xc0'):
            yield prefix + one * (60_000 // len(one))
            yield prefix + one * (60_000 // len(one)) + b'\xc0'
            yield prefix + one * 9 + b'\xc0'
        yield prefix + b'\xdc\xea\x60' + b'\xc0' * 60_000  # an array of 60,000
        yield prefix + b'\xde\x75\x30' + b'\xc0' * 60_000
        yield prefix + b'\xc1'
        yield prefix + b'\xc7\x08\x01' + b'\0' * 8
        yield prefix + b'\xcb' + b'\0' * 8


def messagepack_bombs():
    """MessagePack bombs: five bytes that ask for an array of 96 GB, deep nesting, maps, ext,
    floats, as a whole request and in the place of a body. Expected: each is answered as malformed
    at once, memory does not grow, the connection stays usable."""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        caller, leader = Caller(cluster), cluster[cluster.wait_leader()]
        before, count = attacker.memory_kib(leader.process, 'VmHWM'), 0
        for _ in range(size(1, 20)):
            for bomb in bombs():
                begin = time.monotonic()
                answer = caller.raw(bomb)
                assert answer and answer[0] in (attacker.MALFORMED, 10), (answer, bomb[:60])
                assert time.monotonic() - begin < 2, bomb[:60]
                count += 1
        after = attacker.memory_kib(leader.process, 'VmHWM')
        assert after < before + 32 * 1024, (before, after)
        print(f'{count} bombs; resident at most {before} KiB before, {after} KiB after')
        assert caller.status(HELLO, []) == client262.OK
        caller.close()
        lives.check()
        attacker.settle(cluster, *writers)


def spoiled(body, shorter=True):
    """The body with a field less, one more, and each field at any depth of each wrong type."""
    yield body + [None]
    if shorter:
        yield body[:-1] if body else None
    wrong = (None, True, 1, -1, 1.5, 'text', b'\xff', [], ['x'], {}, {1: 2},
             msgpack.ExtType(1, b'x'))
    for place, value in enumerate(body):
        for other in wrong:
            same = type(other) is type(value) or (isinstance(other, int) and isinstance(value, int))
            if value is not None and other is not None and not same:
                yield body[:place] + [other] + body[place + 1:]
        if isinstance(value, list):
            for inner in spoiled(value):
                if inner is not None:
                    yield body[:place] + [inner] + body[place + 1:]


def wrong_shapes():
    """Every request with bytes behind it, cut short, with a field too many or too few, and with
    each field of each wrong type; integers of all sizes as codes. Expected: `malformed` (or
    `unknown_operation`, `wrong_version`), with the number of the request, and nothing is done."""
    with Cluster(**PLAIN) as cluster:
        lives, token = Lives(cluster), harness.make_room(cluster)
        cluster.push_commit()
        before = cluster.wait_equal()[0]['last']
        caller, count = Caller(cluster, token), 0
        whole = lambda operation, body: [1, operation, caller.id, 7, token, body]  # noqa: E731
        for operation, body in SHAPES.items():
            good = packed(whole(operation, body))
            frames = [good + b'\0', good + good, good[:-1], good[:20]]
            frames += [packed(whole(operation, wrong))
                       for wrong in spoiled(body, operation not in GROWN)]
            frames += [packed(whole(operation, body)[:n]) for n in range(6)]
            frames += [packed(whole(operation, body) + [0])]
            for frame in frames:
                answer = caller.raw(frame)
                assert answer and answer[0] == attacker.MALFORMED, (operation, answer, frame)
                count += 1
        for value in (2, 50, 255, 256, 1 << 31, (1 << 64) - 1, -1, -(1 << 63)):
            answer = caller.raw(packed(whole(value, [])))
            assert answer[0] in (attacker.MALFORMED, UNKNOWN_OPERATION), (value, answer)
            answer = caller.raw(packed([value, 0, caller.id, 7, b'', []]))
            assert answer[0] in (attacker.MALFORMED, 10), (value, answer)
        for operation in SHAPES:
            if operation >= 100:
                assert caller.status(operation, SHAPES[operation]) == NO_PERMISSION
        assert caller.status(HELLO, []) == client262.OK
        caller.close()
        after = cluster.statuses()[0]['last']
        assert after == before, (before, after)
        print(f'{count} malformed requests')
        lives.check()
        cluster.settle_and_check()


HOSTILE_NAMES = {
    'escape': 'a\x1b[31mred', 'title': 'a\x1b]0;owned\x07', 'csi': 'a\x9b31m', 'nul': 'a\0b',
    'newline': 'a\nb', 'return': 'a\rb', 'backspace': 'a\bb', 'delete': 'a\x7fb',
    'bidi override': 'a\u202ebob', 'bidi isolate': 'a\u2066bob', 'right-to-left mark': 'a\u200fb',
    'zero width space': 'a\u200bb', 'joiner': 'a\u200db', 'word joiner': 'a\u2060b',
    'byte order mark': '\ufeffa',
    'soft hyphen': 'a\u00adb', 'tag': 'a\U000e0041', 'interlinear': 'a\ufff9b',
    'arabic letter mark': 'a\u061cb', 'line separator': 'a\u2028b', 'no-break space': 'a\u00a0b',
    'unassigned': 'a\u0378', 'star': 'a*b', 'empty': '', 'long': 'x' * 65,
    'hangul filler': 'a\u3164b', 'halfwidth filler': 'a\uffa0b', 'braille blank': 'a\u2800b',
}
FOLDED_AWAY = ('variation\ufe0f', 'variation\u17b4', 'variation\u034f', 'VARIATION')
NOT_UTF8 = (b'\xff', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82', b'a\x80')


def text_frame(caller, operation, parts, token):
    """A request whose body has raw bytes where a str stands."""
    body = bytes([0x90 | len(parts)])
    for part in parts:
        body += bytes([0xa0 | len(part)]) + part if isinstance(part, bytes) else packed(part)
    caller.number += 1
    head = packed([1, operation, caller.id, caller.number, token])
    return b'\x96' + head[1:] + body


def hostile_names():
    """Names with escape sequences, control, bidi and zero-width characters, characters that show as
    nothing, and bytes that are no UTF-8, for accounts and rooms. Expected: refused as bad names or
    as malformed; marks that a name may have although they do not show make no second name."""
    with Cluster(**PLAIN) as cluster:
        token = harness.make_room(cluster)
        caller = Caller(cluster, token)
        for what, name in HOSTILE_NAMES.items():
            for operation, body in ((REGISTER, [name, harness.PASSWORD]), (CREATE_ROOM, [name])):
                found = caller.status(operation, body)
                assert found == BAD_NAME, f'{what}: status {found}'
        for operation, more in ((REGISTER, [harness.PASSWORD]), (CREATE_ROOM, [])):
            assert caller.status(operation, ['variation', *more]) == client262.OK
            for name in FOLDED_AWAY:
                assert caller.status(operation, [name, *more]) == NAME_TAKEN, ascii(name)
        for name in NOT_UTF8:
            for operation, parts in ((REGISTER, [name, b'long password']), (CREATE_ROOM, [name]),
                                     (SEND, [TARGET, name, None])):
                sent = token if operation != REGISTER else b''
                found = caller.raw(text_frame(caller, operation, parts, sent))
                assert found[0] == attacker.MALFORMED, (name, found)
        caller.close()
        cluster.settle_and_check()


def hostile_texts():
    """Messages with bidi and zero-width characters, imported messages whose author is a terminal
    escape, text with control characters. Expected: control characters are refused in both; whatever
    chat262 prints of the rest holds no ESC and no control character, and for people no bidi one."""
    hostile = {'override': 'safe \u202etxt.exe', 'isolate': '\u2066a\u2069',
               'mark': 'a\u200f\u200eb', 'zero width': 'a\u200bb\ufeffc', 
               'separators': 'a\u2028b\u2029c', 'lines': 'a\nb\tc'}
    author = '\x1b[2J\x1b]0;owned\x07\u202eeve\x9b31m\r\b\0'
    with Cluster(**PLAIN) as cluster:
        caller = Caller(cluster, harness.make_room(cluster))
        for bad in '\x1b\x00\x07\r\b\x7f\x9b\x85':
            assert caller.status(SEND, [TARGET, f'a{bad}[31m', None]) == BAD_TEXT, repr(bad)
        for text in hostile.values():
            assert caller.status(SEND, [TARGET, text, None]) == client262.OK, text
        original = caller.status(SEND, [TARGET, 'imported', [author, 5]])
        assert original == BAD_ARGUMENT, original
        assert caller.status(SEND, [TARGET, 'imported', ['\u202eeve\u200b', 5]]) == client262.OK
        session = os.path.join(cluster.folder, 'session')
        common = ('--servers', ','.join(cluster.hosts), '--session', session)
        harness.run('chat262', 'login', harness.USER, '--password-stdin', *common,
                    stdin=harness.PASSWORD + '\n')
        for arguments in (('read', '--to', 'room:' + harness.ROOM), ('list',), ('users', '*'),
                          ('rooms', '*'), ('members', harness.ROOM)):
            shown = harness.run('chat262', arguments[0], *common, *arguments[1:]).stdout
            assert_harmless(shown)
            assert_harmless(harness.run('chat262', arguments[0], '--json', *common,
                                        *arguments[1:]).stdout, bidi=True)
        assert 'txt.exe' in harness.run('chat262', 'read', *common, '--to',
                                        'room:' + harness.ROOM).stdout
        # What a user is told of a name that was never there.
        for name in ('\x1b[31mx', 'a\u202eb'):
            done = harness.run('chat262', 'read', *common, '--to', name, check=False)
            assert_harmless(done.stdout + done.stderr)
        caller.close()
        cluster.settle_and_check()


def assert_harmless(shown, bidi=False):
    bad = [c for c in shown if (ord(c) < 32 and c not in '\n\t') or 0x7f <= ord(c) < 0xa0]
    if not bidi:
        bad += [c for c in shown if c in '\u061c\u200b\u200e\u200f\u2028\u2029\ufeff' or
                '\u202a' <= c <= '\u202e' or '\u2066' <= c <= '\u2069']
    assert not bad, f'{bad} in {shown!r}'


def replayed_request():
    """Somebody records a write and sends the same bytes again, a hundred times (full: 2,000), to
    every server. Expected: the same answer, and one message."""
    with Cluster(**PLAIN) as cluster:
        token = harness.make_room(cluster)
        caller = Caller(cluster, token)
        recorded = caller.pack(SEND, [TARGET, 'pay 10', None], 1)
        first = caller.raw(recorded)
        assert first[0] == client262.OK, first
        for _ in range(size(100, 2000)):
            assert caller.raw(recorded) == first
        thief = cluster.client()
        for server in range(3):
            answer = thief.exchange(server, recorded)
            assert answer == first or answer[0] == client262.NOT_LEADER, answer
        thief.token = token
        assert [m[7] for m in thief.history(TARGET)[0]] == ['pay 10']
        thief.close()
        caller.close()
        cluster.settle_and_check()


def request_id_reused():
    """A request id that was used comes with another body, of each kind of write. Expected:
    `request_reused`, and what was written first stays."""
    with Cluster(**PLAIN) as cluster:
        token = harness.make_room(cluster)
        caller = Caller(cluster, token)
        assert caller.status(SEND, [TARGET, 'the first', None], 1) == client262.OK
        for operation, body in ((SEND, [TARGET, 'another', None]),
                                (SEND, [[USER, 'ada'], 'the first', None]),
                                (SEND, [TARGET, 'the first', ['x', 1]]), (CREATE_ROOM, ['other']),
                                (JOIN_ROOM, [harness.ROOM]), (LEAVE_ROOM, [harness.ROOM]),
                                (LOG_OUT, []), (LOG_OUT_ALL, []), (MARK_READ, [TARGET, b'']),
                                (REGISTER, ['mallory', harness.PASSWORD])):
            found = caller.status(operation, body, 1)
            assert found in (attacker.REQUEST_REUSED, BAD_CURSOR), (operation, found)
        assert caller.status(HISTORY, [TARGET, None, False, 10]) == client262.OK, 'still signed in'
        caller.close()
        cluster.settle_and_check()
        texts = [m['text'] for m in harness.export(cluster[0])]
        assert texts == ['the first'], texts


def in_anothers_name():
    """Mallory writes with Ada's client id, with numbers that Ada has used and will use next.
    Expected: a number that was used writes nothing (the same body gets the first answer, another
    `request_reused`); one that Mallory takes first makes Ada's own write `request_reused`. Never a
    message in Ada's name, never an acknowledged one lost."""
    with Cluster(**PLAIN) as cluster:
        ada = Caller(cluster, harness.make_room(cluster))
        other = cluster.client()
        other.register('mallory', harness.PASSWORD)
        other.log_in('mallory', harness.PASSWORD)
        other.join_room(harness.ROOM)
        mallory = Caller(cluster, other.token)
        mallory.id = ada.id
        assert ada.status(SEND, [TARGET, 'from ada', None], 1) == client262.OK
        assert mallory.status(SEND, [TARGET, 'from ada', None], 1) == client262.OK
        assert mallory.status(SEND, [TARGET, 'from eve', None], 1) == attacker.REQUEST_REUSED
        assert mallory.status(SEND, [TARGET, 'taken', None], 2) == client262.OK
        assert ada.status(SEND, [TARGET, 'second of ada', None], 2) == attacker.REQUEST_REUSED
        assert ada.status(SEND, [TARGET, 'second of ada', None], 3) == client262.OK
        found = [(m[4], m[7]) for m in other.history(TARGET)[0]]
        assert found == [('ada', 'from ada'), ('mallory', 'taken'), ('ada', 'second of ada')], found
        for client in (ada, other, mallory):
            client.close()
        cluster.settle_and_check()


def too_much_at_once():
    """One address with more open requests, one account with more waiting clients, and pages larger
    than [limits] allow (8, 4 and 5 items). Expected: `too_many` for what is over, pages of 5 items,
    and everything is answered again when the others have been."""
    settings = attacker.limits('address_open_requests = 8', 'account_waiters = 4',
                               'page_items = 5', 'loopback = true')
    with Cluster(settings=settings, **PLAIN) as cluster:
        client = cluster.client()
        client.token = harness.make_room(cluster)
        for n in range(20):
            client.send_room(harness.ROOM, f'text {n}')
        for limit in (0, 5, 6, 256, (1 << 32) - 1):
            page, more = client.history(TARGET, None, False, limit)
            assert len(page) == max(1, min(limit, 5)) and more, (limit, len(page))
        assert len(client.events(b'', 0, 1000)[0]) == 5
        host = cluster.hosts[cluster.wait_leader()]
        for waiters, least in ((20, 16), (6, 2), (4, 0)):
            with attacker.Wire(host) as wire:
                for n in range(waiters):
                    wire.send(attacker.message(b'', client.pack(EVENTS, [None, 700, 10], n)))
                answers = [msgpack.unpackb(wire.read_message()[-1]) for _ in range(waiters)]
            statuses = sorted(answer[1] for answer in answers)
            refused = [a for a in answers if a[1] == client262.TOO_MANY]
            assert len(refused) == least, statuses
            assert statuses.count(client262.OK) == waiters - least, statuses
            assert all(a[3][2] > 0 for a in refused), refused
        client.send_room(harness.ROOM, 'and on')
        client.close()
        cluster.settle_and_check()


def absurd_reads():
    """Reads with cursors, limits and waiting times that make no sense: of other lengths, of the far
    future, negative, of 64 bits. Expected: `bad_cursor`, `malformed`, or a page; nobody waits
    longer than 700 ms; the honest write on."""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        caller = Caller(cluster, writers[0].client.token)
        _, cursor = writers_events(cluster, writers[0].client.token)
        cursors = [b'', b'\0', b'\xff' * 8, b'\xff' * 16, b'\xff' * 17, b'\xff' * 1000, b'\0' * 64,
                   os.urandom(len(cursor)), cursor + b'\0', cursor[:-1], cursor[:-1] + b'\xff',
                   cursor[:1] + b'\xff' * (len(cursor) - 1), os.urandom(60_000), cursor, None]
        numbers = [0, 1, 256, 257, (1 << 31) - 1, (1 << 32) - 1, 1 << 32, (1 << 63) - 1,
                   (1 << 64) - 1, -1, -(1 << 63)]
        fine = {client262.OK, BAD_CURSOR, attacker.MALFORMED, BAD_ARGUMENT}
        count = 0
        for one in cursors:
            for number in numbers:
                for operation, body in ((EVENTS, [one, 0, number]), (EVENTS, [one, number, 10]),
                                        (HISTORY, [TARGET, one, False, number]),
                                        (HISTORY, [TARGET, one, True, number])):
                    begin = time.monotonic()
                    found = caller.status(operation, body)
                    assert found in fine, (operation, body, found)
                    assert time.monotonic() - begin < 2, (operation, body)
                    count += 1
            assert caller.status(MARK_READ, [TARGET, one or b'']) in fine
            assert caller.status(LIST_CONVERSATIONS, [one or b'', 10]) in fine
        caller.close()
        harness.more(writers)
        print(f'{count} reads')
        lives.check()
        attacker.settle(cluster, *writers)


def writers_events(cluster, token):
    client = cluster.client()
    client.token = token
    found = client.events(b'', 0, 10)
    client.close()
    return found


def made_up_pages():
    """A hundred pages (full: 1,000) of each list behind names and places that are made up, of names
    that are none, of 60,000 bytes. Expected: each is a page of at most 256 items, or a refusal;
    none takes long; and a stranger without a session gets nothing."""
    with Cluster(**PLAIN) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        caller, stranger = Caller(cluster, writers[0].client.token), Caller(cluster, b'\1' * 32)
        fine = {client262.OK, BAD_ARGUMENT, attacker.MALFORMED}
        for n in range(size(100, 1000)):
            after = ('', 'zzz', '\x1b', 'x' * 60_000, '\u202e', '*', os.urandom(8).hex())[n % 7]
            for operation, body in ((SEARCH_ACCOUNTS, ['*', after, 256]),
                                    (LIST_ROOMS, ['', after, 256]),
                                    (LIST_MEMBERS, [harness.ROOM, after, 256]),
                                    (SEARCH_ACCOUNTS, [('*a' * 64)[:128], after, 256]),
                                    (LIST_CONVERSATIONS, [os.urandom(n % 60), 256])):
                begin = time.monotonic()
                found = caller.status(operation, body)
                assert found in fine, (operation, body, found)
                assert time.monotonic() - begin < 2, (operation, body)
                if n < 7:
                    assert stranger.status(operation, body) == NOT_SIGNED_IN
        caller.close()
        stranger.close()
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)


CASES = (messagepack_bombs, wrong_shapes, hostile_names, hostile_texts, replayed_request,
         request_id_reused, in_anothers_name, too_much_at_once, absurd_reads, made_up_pages)

if __name__ == '__main__':
    attacker.main(CASES)

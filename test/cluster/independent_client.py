"""Every operation of the protocol by a client that was written from the document alone."""
import hashlib
import os

import client262
import harness
from client262 import ROOM, USER, Client, Refused
from harness import Cluster

PASSWORD = 'correct horse'


def refused(status, call, *arguments):
    try:
        answer = call(*arguments)
    except Refused as error:
        assert error.status == status, f'{error} instead of status {status}'
        assert error.body[0], 'a refusal has a text'
        return
    raise AssertionError(f'{arguments} was not refused but answered {answer}')


def derived(label, client, number):
    """Section 6, "Ids"."""
    return hashlib.blake2b(label + client.id + number.to_bytes(8, 'big'), digest_size=16).digest()


def person(cluster, name):
    client = cluster.client()
    account = client.register(name, PASSWORD)
    assert account == derived(b'account', client, client.number)
    client.log_in(name.upper(), PASSWORD)
    assert client.session[:2] == [account, name]
    return client


def every_operation():
    with Cluster() as cluster:
        ada, bob = person(cluster, 'ada'), person(cluster, 'bob')
        greeting = ada.hello()
        assert greeting[1] >= 1 and [s[0] for s in greeting[5]] == [0, 1, 2], greeting
        assert all(len(s[2]) == 32 for s in greeting[5]), greeting
        assert greeting[4] == cluster.wait_leader()

        # Refusals of accounts and sessions.
        refused(22, ada.register, 'ADA', PASSWORD)
        refused(23, ada.register, 'two words', PASSWORD)
        refused(24, ada.register, 'carol', 'short')
        refused(21, Client.log_in, cluster.client(), 'ada', 'not the password')
        stranger = cluster.client()
        refused(20, stranger.send_user, 'ada', 'hello')

        # Rooms.
        room = ada.create_room('Lobby')
        assert room == derived(b'room', ada, ada.number)
        refused(22, bob.create_room, 'lobby')
        refused(27, bob.send_room, 'lobby', 'not in it')
        refused(26, bob.join_room, 'nowhere')
        before = bob.events()[1]
        assert bob.join_room('lobby') == room
        refused(28, bob.join_room, 'lobby')
        rooms, more = bob.call(client262.LIST_ROOMS, ['l*', '', 10])
        assert rooms == [[room, 'Lobby', 2, True]] and not more
        members, more = bob.call(client262.LIST_MEMBERS, ['lobby', '', 10])
        assert [m[1] for m in members] == ['ada', 'bob'] and not more
        first, more = ada.call(client262.SEARCH_ACCOUNTS, ['*', '', 1])
        second, end = ada.call(client262.SEARCH_ACCOUNTS, ['*', first[0][1], 1])
        assert [first[0][1], second[0][1], more, end] == ['ada', 'bob', True, False]

        # Messages, their order and their ids.
        sent = [ada.send_room('lobby', 'one'), bob.send_room('LOBBY', 'two'),
                ada.send_user('bob', 'psst')]
        imported = ada.call(client262.SEND, [[ROOM, 'lobby'], 'old', ['carol', 1234567890123]])
        assert imported[0] == derived(b'message', ada, ada.number)
        refused(25, ada.send_user, 'nobody', 'hello')
        refused(29, ada.send_user, 'bob', 'a\0b')
        messages, more = bob.history([ROOM, 'lobby'])
        assert [m[0] for m in messages] == [sent[0][0], sent[1][0], imported[0]] and not more
        assert [m[4] for m in messages] == ['ada', 'bob', 'ada']
        assert messages[2][5] == ['carol', 1234567890123] and messages[0][5] is None
        newest, more = bob.history([ROOM, 'lobby'], None, False, 1)
        assert newest[0][7] == 'old' and more
        older, more = bob.history([ROOM, 'lobby'], newest[0][1], False, 1)
        assert older[0][7] == 'two' and more
        newer, more = bob.history([ROOM, 'lobby'], older[0][1], True, 5)
        assert [m[7] for m in newer] == ['old'] and not more
        refused(30, bob.history, [ROOM, 'lobby'], b'no cursor')
        direct, _ = bob.history([USER, 'ada'])
        assert direct[0][3] == [USER, 'ada'] and direct[0][7] == 'psst'

        # Events: what bob has seen since before he joined, and a wait that ends by itself.
        events, now = bob.events(before, 0)
        assert [e[0] for e in events] == [1, 0, 0, 0, 0], events
        assert [e[8] for e in events[1:]] == ['one', 'two', 'psst', 'old']
        assert bob.events(now, 100) == [[], now]

        # Unread counts and read markers.
        listed, *_ = bob.call(client262.LIST_CONVERSATIONS, [b'', 10])
        unread = {tuple(c[0]): c[1] for c in listed}
        assert unread == {(ROOM, 'Lobby'): 2, (USER, 'ada'): 1}, unread
        other = cluster.client()
        other.log_in('bob', PASSWORD)
        assert other.call(client262.MARK_READ, [[USER, 'ada'], direct[0][1]]) == []
        events, now = bob.events(now, 700)
        assert [e[0] for e in events] == [3] and events[0][2] == [USER, 'ada'], events
        listed, *_ = bob.call(client262.LIST_CONVERSATIONS, [b'', 10])
        assert {tuple(c[0]): c[1] for c in listed}[(USER, 'ada')] == 0

        # Sessions: where they are, and the end of one.
        phone = cluster.client()
        phone.log_in('bob', PASSWORD, 'a phone\x1b')
        listed = bob.sessions()
        assert len(listed) == 3 and [s[5] for s in listed].count(True) == 1, listed
        assert sorted(s[0] for s in listed) == [s[0] for s in listed]
        found = [s for s in listed if s[4] == 'a phone\ufffd']
        assert len(found) == 1 and found[0][3].startswith('127.') and not found[0][5], listed
        assert found[0][2] - found[0][1] == 30 * 24 * 3600 * 1000, found
        refused(31, ada.call, client262.END_SESSION, [found[0][0]])
        assert bob.call(client262.END_SESSION, [found[0][0]]) == []
        refused(20, phone.events)
        assert len(bob.sessions()) == 2
        refused(31, bob.call, client262.END_SESSION, [found[0][0]])
        refused(21, stranger.call, client262.RESET_PASSWORD,
                ['bob', '00000-00000-00000-00000', PASSWORD])

        # Leaving, other sessions, a new password, the end of an account.
        assert bob.call(client262.LEAVE_ROOM, ['lobby']) == []
        refused(27, bob.call, client262.LEAVE_ROOM, ['lobby'])
        events, now = ada.events(now, 700)
        assert [e[0] for e in events if e[0] == 2] == [2], events
        refused(21, bob.call, client262.CHANGE_PASSWORD, ['wrong wrong', 'another horse'])
        assert bob.call(client262.CHANGE_PASSWORD, [PASSWORD, 'another horse']) == []
        refused(20, other.call, client262.LIST_CONVERSATIONS, [b'', 10])
        bob.call(client262.LIST_CONVERSATIONS, [b'', 10])
        refused(21, bob.call, client262.DELETE_ACCOUNT, [PASSWORD])
        assert bob.call(client262.DELETE_ACCOUNT, ['another horse']) == []
        refused(20, bob.call, client262.LIST_CONVERSATIONS, [b'', 10])
        refused(22, stranger.register, 'bob', PASSWORD)
        refused(25, ada.send_user, 'bob', 'hello?')
        texts = {m[7]: m[6] for m in ada.history([ROOM, 'lobby'])[0]}
        assert texts == {'one': False, '': True, 'old': False}, texts
        assert ada.call(client262.LOG_OUT_ALL, []) == []
        refused(20, ada.events)
        ada.log_in('ada', PASSWORD)
        assert ada.call(client262.LOG_OUT, []) == []
        refused(20, ada.events)
        cluster.settle_and_check()


def retries_and_cursors():
    """A write repeated at another leader is done once; a cursor means the same there."""
    with Cluster() as cluster:
        ada = person(cluster, 'ada')
        ada.create_room('lobby')
        now = ada.events()[1]
        body = [[ROOM, 'lobby'], 'once', None]
        first = ada.call(client262.SEND, body)
        number = ada.number
        assert ada.call(client262.SEND, body, number) == first
        refused(14, ada.call, client262.SEND, [[ROOM, 'lobby'], 'another', None], number)
        login = ada.number + 1
        token = os.urandom(32)
        session = ada.call(client262.LOG_IN, ['ada', PASSWORD, token], login)
        ada.number = login
        for _ in range(2):
            leader = cluster.wait_leader()
            cluster[leader].kill()
            assert ada.call(client262.SEND, body, number) == first
            assert ada.call(client262.LOG_IN, ['ada', PASSWORD, token], login)[:3] == session[:3]
            events, _ = ada.events(now, 0)
            assert [e[8] for e in events] == ['once'], events
            cluster[leader].start()
            cluster.wait_in_sync()
        ada.token = token
        assert [m[7] for m in ada.history([ROOM, 'lobby'])[0]] == ['once']
        cluster.settle_and_check()


CASES = {f.__name__: f for f in (every_operation, retries_and_cursors)}

if __name__ == '__main__':
    harness.main(CASES)

"""A network split that both sides survive, and what people see when it is healed.

Needs root, for network namespaces; skips without it.
"""
import json
import os
import subprocess
import threading

import harness
from client262 import ROOM, USER
from namespaces import SplitCluster

PASSWORD = 'correct horse battery'
RENAMED, UNDELIVERED = 4, 5


class Tail:
    """`chat262 tail` of one session, on one side of the split: what it printed so far."""

    def __init__(self, cluster, host, name, *options):
        session = os.path.join(cluster.folder, f'{name}-{host.number}.session')
        self.servers = ['--cluster', cluster.file, '--session', session]
        subprocess.run([harness.program('chat262'), 'login', name, *self.servers,
                        '--password-stdin'], input=PASSWORD + '\n', text=True, check=True,
                       timeout=30, stdout=subprocess.DEVNULL, preexec_fn=host.enter)
        self.lines = []
        self.process = subprocess.Popen(
            [harness.program('chat262'), 'tail', *self.servers, *options], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=host.enter)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip('\n'))

    def events(self, kind):
        found = [json.loads(line) for line in list(self.lines)]
        return [event for event in found if event['event'] == kind]

    def shows(self, *words):
        return any(all(word in line for word in words) for line in list(self.lines))

    def close(self):
        self.process.kill()
        self.process.wait()


def heard(tail):
    return [event['text'] for event in tail.events('message') if event['text'] != 'before']


def session_anywhere(cluster, side):
    """The same session, of a client that knows all servers."""
    client = cluster.client()
    client.token, client.account, client.room = side.token, side.account, side.room
    return client


def events_of(client):
    """All events of the session from the very beginning, all pages."""
    found, since = [], b''
    while True:
        page, since = client.events(since, 0, 200)
        if not page:
            return found
        found += page


def both_sides_go_on():
    with SplitCluster() as cluster:
        network = cluster.network
        left_desk, right_desk = cluster.add_client_host(), cluster.add_client_host()
        start = cluster.client()
        for name in ('bob', 'eve'):
            start.register(name, PASSWORD)
        bob = Tail(cluster, left_desk, 'bob', '--json')
        bob_too = Tail(cluster, right_desk, 'bob')
        harness.wait_until(lambda: bob.events('ready'), 'the first tail is ready')
        start.log_in('bob', PASSWORD)
        # A tail for people does not say when it is ready: it shows what comes from then on.
        harness.wait_until(lambda: start.send_user('bob', 'before') and bob_too.shows('before'),
                           'the second tail is ready', every=0.2)
        cluster.wait_in_sync()

        # Both sides go on: somebody registers as ann on each, a room is called tea on each.
        network.split([0, left_desk.number], [1, 2, right_desk.number])
        left, right = cluster.client_of(0), cluster.client_of(1, 2)
        for side, name in ((left, 'left'), (right, 'right')):
            side.account = side.register('ann', f'{name} password')
            side.log_in('ann', f'{name} password')
            side.send_user('bob', f'hello from the {name}')
            side.room = side.create_room('tea')
        # Eve is deleted here, and written to there.
        eve = cluster.client_of(0)
        eve.log_in('eve', PASSWORD)
        eve.call(harness.client262.DELETE_ACCOUNT, [PASSWORD])
        sent = right.send_user('eve', 'are you there?')[0]
        assert cluster.leader(but=[1, 2]) == 0 and cluster.leader(but=[0]) in (1, 2), cluster.brief()
        harness.wait_until(lambda: any('left' in e['text'] for e in bob.events('message')),
                           'bob hears his side')
        harness.wait_until(lambda: bob_too.shows('hello from the right'), 'bob hears the other')

        network.heal()
        cluster.settle_and_check()
        left, right = session_anywhere(cluster, left), session_anywhere(cluster, right)

        # Each ann keeps account, session and password; one of them has another name.
        names = {}
        for side, name in ((left, 'left'), (right, 'right')):
            page = side.call(harness.client262.LIST_CONVERSATIONS, [b'', 100])
            names[name] = page[2]
            again = cluster.client()
            again.log_in('ann', f'{name} password')
            assert again.session[:2] == [side.account, page[2]], again.session
            own = [event for event in events_of(side) if event[0] == RENAMED and event[5]]
            assert bool(own) == (page[2] != 'ann'), (own, page[2])
            if own:
                assert own[0][3:5] == [[USER, 'ann'], page[2]], own
        assert sorted(names.values())[0] == 'ann', names
        late = max(names, key=lambda side: len(names[side]))
        assert names[late].startswith('ann~') and len(names[late]) == 8, names
        print(f'the side that was merged: {late}; its ann is {names[late]} now')
        rooms = {room[0]: room[1] for room in left.call(33, ['tea*', '', 100])[0]}
        assert rooms.keys() == {left.room, right.room} and 'tea' in rooms.values(), rooms

        # Bob, at both desks, has both messages once, and knows which came late.
        harness.wait_until(lambda: len(heard(bob)) >= 2, bob.lines)
        harness.wait_until(lambda: bob_too.shows('hello from the left') and
                           bob_too.shows('hello from the right'), bob_too.lines)
        assert sorted(heard(bob)) == ['hello from the left', 'hello from the right'], bob.lines
        history = cluster.client()
        history.log_in('bob', PASSWORD)
        for name in ('left', 'right'):
            messages, _ = history.history([USER, names[name]])
            assert [m[7] for m in messages] == [f'hello from the {name}'], messages
            assert messages[0][8] == (name == late), messages
        harness.wait_until(lambda: [event for event in bob.events('renamed')
                                    if event['name'] == names[late]], bob.lines)
        harness.wait_until(lambda: bob_too.shows('@ann', names[late]), bob_too.lines)

        # Who wrote to the deleted account is told, whichever side was merged.
        told = [event for event in events_of(right) if event[0] == UNDELIVERED]
        assert [event[3] for event in told] == [sent], told
        messages, _ = right.history([USER, 'eve'])
        assert [m[9] for m in messages] == [True], messages
        for tail in (bob, bob_too):
            tail.close()


def one_way_cut():
    """One direction between two servers is lost: the cluster goes on, and is whole afterwards."""
    with SplitCluster() as cluster:
        writers = harness.start_writers(cluster)
        leader = cluster.wait_leader()
        cluster.network.cut_one_way((leader + 1) % 3, leader)
        harness.more(writers, 50)
        cluster.network.heal()
        harness.more(writers, 50)
        harness.finish(writers)
        cluster.settle_and_check(writers)


CASES = {f.__name__: f for f in (both_sides_go_on, one_way_cut)}

if __name__ == '__main__':
    harness.main(CASES)

"""The lines between: relays that flip bits of what passes."""
import random
import re
import socket
import threading

import zmq

import attacker
import client262
import harness
from attacker import Lives, PLAIN, Unit, size
from harness import CLIENT_PORT, PEER_PORT, Cluster

RELAY_PORT = 26363  # of a relay before a server's port


class Relay:
    """A TCP relay that flips a bit of one in `every` pieces that pass, while it is told to."""

    def __init__(self, host, port, to_host, to_port, every, dice):
        self.to, self.every, self.dice = (to_host, to_port), every, dice
        self.flipping, self.flipped, self.sockets = False, 0, []
        self.listener = socket.create_server((host, port))
        self.start(self._accept)

    @staticmethod
    def start(run, *arguments):
        threading.Thread(target=run, args=arguments, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.to, 5)
            except OSError:
                if self.listener.fileno() < 0:
                    return
                near.close()
                continue
            self.sockets += (near, far)
            self.start(self._pass, near, far)
            self.start(self._pass, far, near)

    def _pass(self, source, target):
        try:
            while data := source.recv(65536):
                if self.flipping and self.dice.randrange(self.every) == 0:
                    data = bytearray(data)
                    data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
                    self.flipped += 1
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            one.close()

    def close(self):
        self.listener.close()
        for one in self.sockets:
            one.close()


def bytes_flipped_to_clients():
    """A relay between clients and the servers flips bits in both directions (full: 1,000), without
    keys. Expected: garbage is refused or the connection breaks, and a client gets through as soon
    as nothing is flipped; no server ends, and other clients lose nothing. (A text flipped on the
    way cannot be told from another text.)"""
    flip_to_clients(size(40, 1000), PLAIN)


def bytes_flipped_to_encrypted_clients():
    """The same with keys (full: 200). Expected: a flipped bit costs the connection and nothing
    else: no answer is wrong, and the log holds no text that was not sent so."""
    flip_to_clients(size(40, 200), {})


def flip_to_clients(goal, kind):
    with Cluster(**kind) as cluster:
        lives, writers = Lives(cluster), harness.start_writers(cluster)
        relays = start_relays(cluster, CLIENT_PORT, 6)
        over, odd, token = threading.Event(), [], writers[0].client.token
        threads = [threading.Thread(target=talk, args=(cluster, token, n, over, odd))
                   for n in range(8)]
        for thread in threads:
            thread.start()
        try:
            flip(relays, goal)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        clean = client262.Client([(host, RELAY_PORT) for host in cluster.hosts], timeout=30.0)
        clean.token = writers[0].client.token
        clean.send_room(harness.ROOM, 'and whole again')
        clean.close()
        harness.more(writers)
        lives.check()
        attacker.settle(cluster, *writers)
        if not kind:
            assert not odd, odd[:5]
            sent = re.compile(r'through the relay \d+ \d+|w\d \d+|and whole again')
            wrong = [m['text'] for m in harness.export(cluster[0]) if not sent.fullmatch(m['text'])]
            assert not wrong, wrong[:5]


def start_relays(cluster, port, every):
    """One before each server's port."""
    dice = random.Random()
    for host in cluster.hosts:
        key = client262.keys.get((host, CLIENT_PORT))
        if key:
            client262.keys[host, RELAY_PORT] = key
    return [Relay(host, RELAY_PORT, host, port, every, dice) for host in cluster.hosts]


def flip(relays, goal):
    """Bits of what passes the relays until so many were flipped."""
    flipped = lambda: sum(relay.flipped for relay in relays)  # noqa: E731
    for relay in relays:
        relay.flipping = True
    harness.wait_until(lambda: flipped() >= goal, lambda: f'{flipped()} of {goal} flipped',
                       size(60, 600))
    for relay in relays:
        relay.flipping = False
    print(f'{flipped()} bits flipped')


def talk(cluster, token, name, over, odd):
    """Sends through the relays until it is over; notes answers of which nothing can be made."""
    client = client262.Client([(host, RELAY_PORT) for host in cluster.hosts])
    client.token, number = token, 0
    while not over.is_set():
        number += 1
        server = number % 3
        # What came may be no answer to this socket's request.
        client.servers[server].setsockopt(zmq.RCVTIMEO, 200)
        body = [[client262.ROOM, harness.ROOM], f'through the relay {name} {number}', None]
        answer = None
        try:
            answer = client.exchange(server, client.pack(client262.SEND, body, number), 200)
        except zmq.Again:
            pass
        except Exception as error:  # pylint: disable=broad-except
            odd.append(error)
        if not answer:  # libzmq does not try again after a handshake that failed
            client.connect(server, (cluster.hosts[server], RELAY_PORT))
    client.close()


def files_with_relays(cluster):
    """A cluster file for each server, in which the others' peer ports are a relay's."""
    path = cluster.file
    with open(path, encoding='utf-8') as file:
        whole = file.read()
    for server in cluster.servers:
        parts = re.split(r'(?=\[\[server\]\])', whole)
        other = [part if f'id = {server.number}\n' in part
                 else part.replace(f'peer_port = {PEER_PORT}', f'peer_port = {RELAY_PORT}')
                 for part in parts]
        own = f'{path}.{server.number}'
        with open(own, 'w', encoding='utf-8') as file:
            file.write(''.join(other))
        command = [own if part == path else part for part in server.command()]
        server.command = lambda command=command: command


def bytes_flipped_between_servers():
    """Relays between all servers flip bits of what they say (full: 500), without keys. Expected:
    messages that make no sense and entries whose hash does not fit are dropped and sent again,
    broken connections are made anew; a server that ends is started again by its unit. When it is
    over all logs are equal and hold what was acknowledged, whole."""
    flip_between_servers(PLAIN)


def bytes_flipped_between_encrypted_servers():
    """The same with keys. Expected: a flipped bit costs the connection: no server ends, or hears a
    message that it has to drop; all logs are equal in the end and hold what was acknowledged."""
    flip_between_servers({})


def flip_between_servers(kind):
    with Cluster(start=False, **kind) as cluster:
        files_with_relays(cluster)
        relays = start_relays(cluster, PEER_PORT, 60)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        writers = harness.start_writers(cluster)
        with Unit(cluster) as unit:
            flip(relays, size(40, 500))
            harness.more(writers, 20, 90)
            print(f'ended: {unit.ended}')
            attacker.settle(cluster, *writers)
            if not kind:
                assert not unit.ended
                for server in cluster.servers:
                    with open(server.log, encoding='utf-8') as file:
                        assert 'was dropped' not in file.read()
        for relay in relays:
            relay.close()


CASES = (bytes_flipped_to_clients, bytes_flipped_to_encrypted_clients,
         bytes_flipped_between_servers, bytes_flipped_between_encrypted_servers)

if __name__ == '__main__':
    attacker.main(CASES)

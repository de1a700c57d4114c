"""A chat262 client written from protocol/PROTOCOL.md alone: no code of the project is used.

It shows that the document is enough, and drives the cluster tests.
"""
import os
import random
import time
import tomllib

import msgpack
import zmq
import zmq.utils.z85

VERSION = 1
HELLO, STATUS = 0, 1
REGISTER, LOG_IN, LOG_OUT, LOG_OUT_ALL, CHANGE_PASSWORD, DELETE_ACCOUNT = 10, 11, 12, 13, 14, 15
LIST_SESSIONS, END_SESSION, RESET_PASSWORD = 16, 17, 18
SEARCH_ACCOUNTS, LIST_CONVERSATIONS = 20, 21
CREATE_ROOM, JOIN_ROOM, LEAVE_ROOM, LIST_ROOMS, LIST_MEMBERS = 30, 31, 32, 33, 34
SEND, HISTORY, EVENTS, MARK_READ = 40, 41, 42, 43
USER, ROOM = 0, 1
OK, NOT_LEADER, UNAVAILABLE, BUSY, TOO_MANY = 0, 1, 2, 3, 4
POLL_MS = 1000

STATUS_FIELDS = ('software', 'cluster', 'server', 'role', 'health', 'leader', 'epoch', 'promised',
                 'in_sync', 'lost_disk', 'view', 'last', 'last_hash', 'commit', 'applied',
                 'log_bytes', 'table_bytes', 'uptime_ms', 'starts', 'waiting_for', 'waiting_why',
                 'heard', 'policy', 'forced', 'scrub_passes', 'scrubbed', 'scrub_entries',
                 'damage_found', 'damage_repaired', 'damage')


class Refused(Exception):
    """The service answered with a status that is not ok."""

    def __init__(self, status, body):
        super().__init__(f'status {status}: {body}')
        self.status, self.body = status, body


class NoAnswer(Exception):
    """No server answered within the deadline; a write may or may not be done."""


# Public keys of servers, by host and port, as cluster files name them.
keys = {}


def read_cluster_file(path):
    """Connections to its servers are encrypted from now on, if it names keys."""
    with open(path, 'rb') as file:
        for server in tomllib.load(file)['server']:
            place = server['host'], server.get('client_port', 26262)
            keys.pop(place, None)
            if 'key' in server:
                keys[place] = server['key'].encode()


def _socket(host, port, key=None, source=None):
    socket = zmq.Context.instance().socket(zmq.REQ)
    key = key or keys.get((host, port))
    if key:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = key
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.REQ_RELAXED, 1)
    socket.setsockopt(zmq.REQ_CORRELATE, 1)
    if ':' in host:
        socket.setsockopt(zmq.IPV6, 1)
        host = f'[{host}]'
    socket.connect(f'tcp://{source}:0;{host}:{port}' if source else f'tcp://{host}:{port}')
    return socket


def unpack(frame):
    return msgpack.unpackb(frame, raw=False, strict_map_key=False)


class Client:
    """One user's connection: a request at a time, to whichever server leads. `source`: the address
    that it comes from."""

    def __init__(self, servers, timeout=10.0, source=None):
        self.servers = [_socket(host, port, source=source) for host, port in servers]
        self.given, self.told = list(servers), {}
        self.id, self.number = os.urandom(16), 0
        self.token, self.session = b'', None
        self.timeout, self.at = timeout, 0

    def close(self):
        for socket in self.servers:
            socket.close()

    def pack(self, operation, body, number):
        token = b'' if operation in (HELLO, STATUS, REGISTER, LOG_IN, RESET_PASSWORD) else self.token
        return msgpack.packb([VERSION, operation, self.id, number, token, body], use_bin_type=True)

    def exchange(self, server, frame, wait_ms=POLL_MS):
        """One try at one server: (status, number, body), or None if it does not answer in time."""
        socket = self.servers[server]
        try:
            socket.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return None
        if not socket.poll(wait_ms, zmq.POLLIN):
            return None
        version, status, number, body = unpack(socket.recv())[:4]
        assert version == VERSION, version
        return status, number, body

    def look_elsewhere(self, server, pointer):
        """`pointer` says that `server` leads, and that one does not answer: it may be elsewhere, or
        have another key. What was given and what is told are tried in turn."""
        place = self.given[server]
        if server not in self.told:
            answer = self.exchange(pointer, self.pack(HELLO, [], 0), 200)
            found = [s for s in answer[2][5] if s[0] == server] if answer and not answer[0] else []
            if not found:
                return
            endpoint, key = found[0][1], found[0][2]
            host, port = endpoint.removeprefix('tcp://').rsplit(':', 1)
            place = host.strip('[]'), int(port), zmq.utils.z85.encode(key) if key else None
            self.told[server] = place
        else:
            del self.told[server]
        self.connect(server, place)

    def connect(self, server, place):
        """Anew: to this host and port, with this key if there is one."""
        self.servers[server].close()
        self.servers[server] = _socket(*place)

    def call(self, operation, body, number=None):
        """Until answered or the deadline, by the table "Which server to ask": the same request,
        with the same number, to one server after the other. Raises Refused or NoAnswer."""
        if number is None:
            self.number += 1
            number = self.number
        frame, give_up = self.pack(operation, body, number), time.monotonic() + self.timeout
        server, failed, pause_ms, last = self.at, set(), 50, None
        pointer = None
        while time.monotonic() < give_up:
            answer = self.exchange(server, frame)
            if answer is not None and answer[1] == number:
                status, _, result = answer
                tells_at_once = operation in (REGISTER, LOG_IN, RESET_PASSWORD)
                if status == OK or status >= 10 or (status == TOO_MANY and tells_at_once):
                    self.at = server
                    if status == OK:
                        return result
                    raise Refused(status, result)
                last = Refused(status, result)
                if status in (BUSY, TOO_MANY):
                    self.pause(result[2] + random.randrange(20))
                    continue
                if status == NOT_LEADER and result[1] is not None:
                    if result[1] in failed or result[1] == pointer:  # or they name each other
                        self.pause(50)
                    pointer, server = server, result[1]
                    failed.discard(server)
                    continue
            elif pointer is not None:
                self.look_elsewhere(server, pointer)
                pointer = None
            failed.add(server)
            server = (server + 1) % len(self.servers)
            if len(failed) == len(self.servers):
                self.pause(pause_ms / 2 + random.random() * pause_ms / 2)
                pause_ms, failed = min(2 * pause_ms, 1000), set()
        raise NoAnswer(f'operation {operation} number {number}: {last}')

    @staticmethod
    def pause(wait_ms):
        """Before the next try. Nothing comes unasked, so there is nothing to wait for but time."""
        zmq.Poller().poll(wait_ms)

    # ---- operations

    def hello(self):
        return self.call(HELLO, [])

    def register(self, name, password, invitation=None):
        body = [name, password] + ([invitation] if invitation else [])
        return self.call(REGISTER, body)[0]

    def log_in(self, name, password, describe=None):
        token = os.urandom(32)
        self.session = self.call(LOG_IN, [name, password, token] + ([describe] if describe else []))
        self.token = token
        return token

    def sessions(self):
        """All of one's own, as [id, created, expires, address, client, current]."""
        found, more = [], True
        while more:
            page, more = self.call(LIST_SESSIONS, [found[-1][0] if found else b'', 100])
            found += page
        return found

    def create_room(self, name):
        return self.call(CREATE_ROOM, [name])[0]

    def join_room(self, name):
        return self.call(JOIN_ROOM, [name])[0]

    def send_room(self, name, text):
        return self.call(SEND, [[ROOM, name], text, None])

    def send_user(self, name, text):
        return self.call(SEND, [[USER, name], text, None])

    def history(self, target, start=None, newer=False, limit=50):
        return self.call(HISTORY, [target, start, newer, limit])

    def events(self, since=None, wait_ms=0, limit=100):
        return self.call(EVENTS, [since, wait_ms, limit])


def status_of(host, port, wait_ms=POLL_MS):
    """What one server says of itself, as a dictionary; None if it does not answer."""
    client = Client([(host, port)])
    try:
        answer = client.exchange(0, client.pack(STATUS, [], 0), wait_ms)
    finally:
        client.close()
    if answer is None or answer[0] != OK:
        return None
    found = dict(zip(STATUS_FIELDS, answer[2]))
    found['last'] = found['last'][-1]
    return found

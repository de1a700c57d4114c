"""Clusters whose network can be cut: each server in a network namespace of its own, all on a bridge.

Needs root, and skips without it. The test's own process moves into a fresh namespace, which holds
the bridge, so nothing of this is seen by the machine, and all of it is gone when the test ends,
however it ends. (Call `Network()` before anything else opens a socket or starts a thread.)

A cut from A to B is a wrong neighbour entry in A's namespace: what A sends to B goes to a hardware
address that nobody has, and is lost in silence, as on a cable that is cut. It needs neither nft nor
tc, and works one way, between two hosts, or between groups. The test's process itself reaches
everybody all the time.
"""
import contextlib
import ctypes
import itertools
import os
import subprocess

import zmq

import harness

CLONE_NEWNET = 0x40000000
NOBODY = '02:00:00:00:00:ff'  # a hardware address that nobody has
HUB = '10.62.0.254'
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _ip(*arguments, within=None):
    done = subprocess.run(['ip', *arguments], capture_output=True, text=True, check=False,
                          preexec_fn=within.enter if within else None)
    if done.returncode != 0:
        raise AssertionError(f'ip {" ".join(arguments)}: {done.stderr.strip()}')


class Host:
    """A namespace with one address on the bridge. `enter` is a preexec_fn for what runs in it."""

    def __init__(self, number):
        self.number, self.address = number, f'10.62.0.{number + 1}'
        self.holder = subprocess.Popen(['unshare', '--net', 'sleep', 'infinity'],
                                       stdin=subprocess.DEVNULL,
                                       preexec_fn=harness.die_with_parent)
        own = os.readlink('/proc/self/ns/net')
        path = f'/proc/{self.holder.pid}/ns/net'
        harness.wait_until(lambda: os.readlink(path) != own, 'a namespace of its own')
        self.namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        _ip('link', 'add', f'port{number}', 'type', 'veth', 'peer', 'name', 'net0', 'netns',
            str(self.holder.pid))
        _ip('link', 'set', f'port{number}', 'master', 'hub', 'up')
        _ip('link', 'set', 'lo', 'up', within=self)
        _ip('address', 'add', f'{self.address}/24', 'dev', 'net0', within=self)
        _ip('link', 'set', 'net0', 'up', within=self)

    def enter(self):
        harness.die_with_parent()
        _check(_libc.setns(self.namespace, CLONE_NEWNET), 'setns')

    def loses(self, other):
        """From now on nothing that this host sends to `other` arrives."""
        _ip('neighbour', 'replace', other.address, 'lladdr', NOBODY, 'nud', 'permanent', 'dev',
            'net0', within=self)

    def reaches(self, other):
        _ip('neighbour', 'replace', other.address, 'lladdr', NOBODY, 'nud', 'failed', 'dev',
            'net0', within=self)
        _ip('neighbour', 'delete', other.address, 'dev', 'net0', within=self)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        os.close(self.namespace)


class Network:
    """The bridge, its hosts, and which of them are cut from which."""

    def __init__(self):
        if os.geteuid() != 0:
            harness.skip('cutting the network needs root')
        # Its thread would stay where it is: the next socket gets a new one.
        zmq.Context.instance().destroy(linger=0)
        try:
            _check(_libc.unshare(CLONE_NEWNET), 'unshare')
            _ip('link', 'set', 'lo', 'up')
            _ip('link', 'add', 'hub', 'type', 'bridge')
        except (OSError, AssertionError) as error:
            harness.skip(f'no network namespaces here: {error}')
        _ip('address', 'add', f'{HUB}/24', 'dev', 'hub')
        _ip('link', 'set', 'hub', 'up')
        self.hosts, self.cuts = [], set()

    def add_host(self):
        self.hosts.append(Host(len(self.hosts)))
        return self.hosts[-1]

    def cut_one_way(self, sender, receiver):
        """What host `sender` sends to host `receiver` is lost. Hosts are named by their number."""
        self.hosts[sender].loses(self.hosts[receiver])
        self.cuts.add((sender, receiver))

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def split(self, *sides):
        """Each side (host numbers) hears only itself. Hosts of no side hear everybody."""
        for one, other in itertools.combinations(sides, 2):
            for pair in itertools.product(one, other):
                self.cut(*pair)

    def isolate(self, host):
        """From all other hosts there are."""
        self.split([host], [other.number for other in self.hosts if other.number != host])

    def heal(self):
        """Every cut."""
        for sender, receiver in sorted(self.cuts):
            self.hosts[sender].reaches(self.hosts[receiver])
        self.cuts.clear()

    def close(self):
        for host in self.hosts:
            host.close()


class SidedClient(harness.client262.Client):
    """Knows all servers; of those that are not in `side` it hears nothing, as if its own machine was
    on that side of the split."""

    side = None  # numbers of servers; None: all

    def exchange(self, server, frame, wait_ms=harness.client262.POLL_MS):
        if self.side is None or server in self.side:
            answer = super().exchange(server, frame, wait_ms)
            if self.side is None or server in self.side:
                return answer
        else:
            self.pause(wait_ms)
        return None


class SplitCluster(harness.Cluster):
    """A cluster on a network of its own: server n is on host n. `add_client_host` makes more."""

    def __init__(self, servers=3, start=True, plain=False):
        self.network = Network()
        hosts = [self.network.add_host() for _ in range(servers)]
        super().__init__(servers, start, [host.address for host in hosts], plain)
        if plain:  # not the loopback interface, so the servers ask whether it is to be trusted
            self.arguments = ['--insecure', *self.arguments]
        for server, host in zip(self.servers, hosts):
            server.before_exec = host.enter

    def add_client_host(self):
        return self.network.add_host()

    def client_of(self, *servers, timeout=20.0):
        """A client of the test's own process that knows these servers only."""
        return harness.client262.Client(
            [(self.hosts[n], harness.CLIENT_PORT) for n in servers], timeout=timeout)

    def sided_client(self, timeout=20.0):
        return SidedClient([(host, harness.CLIENT_PORT) for host in self.hosts], timeout=timeout)

    def __exit__(self, kind, value, trace):
        with contextlib.closing(self.network):
            super().__exit__(kind, value, trace)

"""The systemd unit: a server under it needs no system call that it forbids, and it is as closed as
systemd's own judge asks for. Skipped where systemd-analyze or strace is missing.
"""
import os
import re
import shutil
import subprocess

import harness
from harness import Cluster

UNIT = os.path.join(harness.HERE, '..', '..', 'broker', 'doc', 'chat262d@.service.in')
EXPOSURE_MAX = 1.5


def need(*programs):
    for name in programs:
        if not shutil.which(name):
            harness.skip(f'{name} is not installed')


def members(name):
    """The system calls of one of systemd's sets, and of those that are in it; or this one call."""
    if not name.startswith('@'):
        return {name}
    printed = subprocess.run(['systemd-analyze', 'syscall-filter', name], text=True,
                             capture_output=True, check=True).stdout
    found = set()
    for line in printed.splitlines()[1:]:
        word = line.split('#')[0].strip()
        if word.startswith('@'):
            found |= members(word)
        elif word:
            found.add(word)
    return found


def allowed():
    """What the unit's SystemCallFilter lines, in their order, leave."""
    left = set()
    with open(UNIT, encoding='utf-8') as unit:
        for value in re.findall(r'^SystemCallFilter=(.*)$', unit.read(), re.MULTILINE):
            names = set().union(*(members(name) for name in value.lstrip('~').split()))
            left = left - names if value.startswith('~') else left | names
    assert left, 'the unit has no SystemCallFilter'
    return left


def strace_server(cluster, number):
    """That server's system calls go to the file that is returned."""
    server, path = cluster[number], os.path.join(cluster.folder, 'strace')
    command = server.command
    server.command = lambda: ['strace', '-D', '-f', '-o', path, *command()]
    return path


def trace_of(path, pid):
    """The trace, if the process has come to its end in it."""
    with open(path, encoding='utf-8', errors='replace') as file:
        text = file.read()
    return text if re.search(rf'^{pid} +\+\+\+ exited', text, re.MULTILINE) else None


def system_calls():
    need('systemd-analyze', 'strace')
    fine = allowed()
    with Cluster(start=False) as cluster:
        path = strace_server(cluster, 0)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync(seconds=60)
        writers = harness.start_writers(cluster)
        cluster[1].kill()
        cluster[1].start()
        harness.more(writers)
        harness.run('chat262ctl', 'verify', '--data', cluster[0].data)
        harness.run('chat262ctl', 'backup', '--data', cluster[0].data,
                    os.path.join(cluster.folder, 'backup'))
        harness.finish(writers)
        cluster.settle_and_check(writers)
        pid = cluster[0].process.pid
        cluster[0].stop(seconds=20)
        text = harness.wait_until(lambda: trace_of(path, pid), 'the end of the trace')
        used = set(re.findall(r'^\d+ +([a-z_0-9]+)\(', text, re.MULTILINE))
    assert {'fdatasync', 'accept4', 'clone3'} & used, f'that is no server: {sorted(used)}'
    # Asked for once at the start, for as many descriptors as there may be; it may be refused.
    forbidden = used - fine - {'prlimit64'}
    assert not forbidden, f'the unit forbids what a server calls: {sorted(forbidden)}'
    print(f'{len(used)} system calls, none of them forbidden')


def exposure():
    need('systemd-analyze')
    with open(UNIT, encoding='utf-8') as unit:
        text = unit.read().replace('@bindir@', '/usr/bin')
    with Cluster(start=False) as cluster:
        path = os.path.join(cluster.folder, 'chat262d@0.service')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        done = subprocess.run(['systemd-analyze', 'security', '--offline=true', path], text=True,
                              capture_output=True, check=False)
    found = re.search(r'Overall exposure level .*: ([0-9.]+)', done.stdout)
    assert found, done.stdout + done.stderr
    print(found.group(0))
    assert float(found.group(1)) <= EXPOSURE_MAX, done.stdout


CASES = {'system_calls': system_calls, 'exposure': exposure}

if __name__ == '__main__':
    harness.main(CASES)

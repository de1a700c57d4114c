"""What lies on the disk and around the processes: open directories, links, foreign files, cluster
files from a stranger, secrets in places where they do not belong."""
import contextlib
import glob
import os
import resource
import shutil
import signal
import stat
import subprocess
import time

import attacker
import directory
import harness
from attacker import PLAIN
from harness import Cluster

HEAD = 'id = "5b6ef1a3c02d4e8f97a1b2c3d4e5f607"\n'
SERVER = '[[server]]\nid = 0\nhost = "127.0.0.1"\n'


def modes(path):
    """{path: mode} of all that is not the owner's alone."""
    found = {}
    for folder, folders, files in os.walk(path):
        for name in ['.', *folders, *files]:
            one = os.path.join(folder, name)
            mode = stat.S_IMODE(os.lstat(one).st_mode)
            if mode & 0o077:
                found[one] = oct(mode)
    return found


def open_directory():
    """The data directory was made by somebody with mode 0777, and the server runs with umask 0.
    Expected: it closes the directory to others and says so in its log; nothing that it makes in it
    can be opened by others."""

    def before_exec():
        harness.die_with_parent()
        os.umask(0)

    with Cluster(start=False, **PLAIN) as cluster:
        for server in cluster.servers:
            server.before_exec = before_exec
            os.mkdir(server.data)
            os.chmod(server.data, (0o777, 0o755, 0o700)[server.number])
            server.start()
        cluster.wait_in_sync()
        writers = harness.start_writers(cluster)
        for server in cluster.servers:
            assert stat.S_IMODE(os.stat(server.data).st_mode) == 0o700, server.data
            assert not modes(server.data), modes(server.data)
            said = 'open to others' in server.words()
            assert said == (server.number != 2), server.words()
        attacker.settle(cluster, *writers)


def links_in_the_directory():
    """Files of the data directory are symbolic links to a file that others need: lock, ballast,
    control, replaced.new. Expected: the server refuses to start (lock), or puts its own file in the
    link's place; the other file stays as it is, in content and mode."""
    with Cluster(start=False, **PLAIN) as cluster:
        precious = os.path.join(cluster.folder, 'precious')
        with open(precious, 'w', encoding='ascii') as file:
            file.write('precious')
        os.chmod(precious, 0o644)
        for server, name in zip(cluster.servers, ('lock', 'ballast', 'control')):
            os.mkdir(server.data, 0o700)
            os.symlink(precious, os.path.join(server.data, name))
        os.symlink(precious, os.path.join(cluster[1].data, 'replaced.new'))
        said = directory.refused(cluster[0].command(), 'lock')
        assert 'symbolic link' in said or 'symbolic links' in said, said
        os.unlink(os.path.join(cluster[0].data, 'lock'))
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        found = os.lstat(os.path.join(cluster[2].data, 'control'))
        assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
        for server in cluster.servers:
            server.stop()
        with open(precious, encoding='ascii') as file:
            assert file.read() == 'precious'
        assert stat.S_IMODE(os.stat(precious).st_mode) == 0o644
        assert os.stat(precious).st_size == 8


def cluster_file_of_everybody():
    """The cluster file can be written by everybody. Expected: the server starts, and says so in its
    log."""
    with Cluster(start=False, **PLAIN) as cluster:
        path = cluster.file
        os.chmod(path, 0o666)
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        said = f'{path} can be changed by everybody'
        harness.wait_until(lambda: said in cluster[0].words(), 'a warning')
        os.chmod(path, 0o664)
        cluster[0].stop()
        os.unlink(cluster[0].log)
        cluster[0].start()
        cluster.wait_in_sync()
        assert said not in cluster[0].words()


def damage(server, name, how):
    path = os.path.join(server.data, name)
    kind, amount = how
    with open(path, 'r+b') as file:
        count = os.path.getsize(path)
        if kind == 'cut':
            file.truncate(int(count * amount))
        elif kind == 'garbage':
            file.write(os.urandom(min(count, amount)))
        else:
            with open(amount, 'rb') as other:
                file.truncate(0)
                file.write(other.read(1 << 20))


WHAT = (('cut', 0.5), ('cut', 0), ('cut', 0.01), ('garbage', 8192), ('garbage', 1 << 30),
        ('foreign', '/bin/sh'), ('foreign', '/usr/bin/python3'))


def truncated_and_foreign_files():
    """A server's log, tables and small files are cut, overwritten with garbage, or another
    program's. Expected: the server starts and is brought up to date, or ends with status 1 and says
    which file it is about, never by a signal and never with wrong data; without that directory it
    learns all anew. The others go on."""
    with Cluster(**PLAIN) as cluster:
        writers = harness.start_writers(cluster)
        harness.more(writers, 100)
        victim = cluster[2]
        outcomes = {}
        for name in ('log/data.mdb', 'tables/data.mdb', 'ballast', 'lock', 'log/lock.mdb',
                     'replaced'):
            for how in WHAT if name.endswith('data.mdb') else WHAT[3:6:2]:
                victim.stop()
                path = os.path.join(victim.data, name)
                if name == 'replaced':
                    with open(path, 'w', encoding='ascii') as file:
                        file.write('chat262-replaced 1\n0 x y z\n')
                if not os.path.exists(path):
                    victim.start()
                    cluster.wait_in_sync()
                    continue
                damage(victim, name, how)
                victim.start()
                outcomes[name, *how] = outcome(cluster, victim, name)
        for key, found in outcomes.items():
            print(*key, ':', found)
        attacker.settle(cluster, *writers)


def outcome(cluster, victim, name):
    """What became of a server with a damaged file; it is in-sync again in the end."""
    def over():
        status = victim.status()
        return not victim.runs or (status and status['in_sync'])

    harness.wait_until(over, lambda: f'an outcome: {victim.words()}')
    if victim.runs:
        return 'goes on'
    code = victim.wait_end()
    said = victim.words().splitlines()[-1]
    assert code == 1, (code, said)
    assert victim.data in victim.words(), said
    shutil.rmtree(victim.data)
    victim.start()
    cluster.wait_in_sync()
    return f'ends: {said[-120:]}'


def two_servers_on_one_directory():
    """A second server is started on a directory that is in use. Expected: it ends and names the
    process that has it; the first one goes on."""
    directory.second_server_on_the_same_directory()


def hostile_toml():
    """Cluster files made to break a parser: nesting without an end, 64 KiB and a gigabyte, numbers
    of a thousand digits, keys given twice, NUL and other bytes that are no UTF-8, endless strings,
    escapes in keys. Expected: within 2 s an error that names the file, and the line where there is
    one; exit status 2, never a signal."""
    bombs = {
        'arrays': HEAD + 'x = ' + '[' * 30_000,
        'closed arrays': HEAD + 'x = ' + '[' * 20_000 + ']' * 20_000,
        'inline tables': HEAD + 'x = ' + '{a=' * 15_000,
        'dotted key': HEAD + 'a.' * 30_000 + 'a = 1',
        'dotted table': HEAD + '[' + 'a.' * 30_000 + 'a]\n',
        'array of tables': HEAD + ('[[a' + '.a' * 100 + ']]\n') * 300,
        'many keys': HEAD + ''.join(f'k{n} = 1\n' for n in range(6000)),
        'many servers': HEAD + SERVER * 1500,
        'long number': HEAD + 'x = ' + '9' * 60_000,
        'long float': HEAD + 'x = 1e' + '9' * 60_000,
        'hex': HEAD + 'x = 0x' + 'f' * 60_000,
        'port': HEAD + SERVER + 'client_port = 99999999999999999999\n',
        'negative port': HEAD + SERVER + 'client_port = -1\n',
        'id twice': HEAD + HEAD + SERVER,
        'server twice': HEAD + SERVER + SERVER,
        'nul': HEAD + SERVER + 'x\0y = 1\n',
        'nul in a string': HEAD + '[[server]]\nid = 0\nhost = "a\0b"\n',
        'escaped nul': HEAD + '[[server]]\nid = 0\nhost = "a\\u0000b"\n',
        'escape in a key': HEAD + SERVER + '"\\u001b[31mevil" = 1\n',
        'bidi in a key': HEAD + SERVER + '"\\u202e" = 1\n', 'raw escape': HEAD + 'x = "\x1b[2J"\n',
        'surrogate': HEAD + 'x = "\\ud800"\n', 'big point': HEAD + 'x = "\\UFFFFFFFF"\n',
        'open string': HEAD + 'x = "' + 'a' * 60_000, 'open text': HEAD + 'x = """' + 'a' * 60_000,
        'date': HEAD + 'x = 9999-99-99T99:99:99Z\n', 'crlf': HEAD.replace('\n', '\r') + SERVER,
        'too large': HEAD + SERVER + '#' * 70_000, 'empty': '', 'comment': '#' * 60_000,
        'wrong types': 'id = [1]\nserver = 5\n', 'server is a string': HEAD + 'server = "x"\n',
        'limits is an array': HEAD + 'limits = []\n' + SERVER,
        'limit too large': HEAD + SERVER + '[limits]\npage_items = 99999999999\n',
    }
    raw = {'not utf-8': b'\xff\xfe' * 100, 'overlong': HEAD.encode() + b'x = "\xc0\x80"\n',
           'utf-16': (HEAD + SERVER).encode('utf-16'), 'noise': os.urandom(60_000),
           'an executable': open('/bin/sh', 'rb').read(60_000)}
    raw.update({what: text.encode() for what, text in bombs.items()})
    with Cluster(1, start=False, **PLAIN) as cluster:
        path = os.path.join(cluster.folder, 'bomb.toml')
        for what, data in raw.items():
            with open(path, 'wb') as file:
                file.write(data)
            judge(path, what)
        with open(path, 'wb') as file:
            file.truncate(1 << 30)
        judge(path, 'a gigabyte of nothing')
        os.unlink(path)
        os.mkdir(path)
        judge(path, 'a directory')
        judge('/dev/zero', 'a device without an end')
        if attacker.FULL:
            noise(cluster, path)


def judge(path, what):
    for command in (['chat262d', '--id', '0', '--data', path + '.data', '--cluster', path],
                    ['chat262ctl', 'status', '--cluster', path],
                    ['chat262', 'users', '*', '--cluster', path]):
        begin = time.monotonic()
        done = harness.run(*command, check=False, timeout=20)
        took = time.monotonic() - begin
        said = done.stdout + done.stderr
        assert done.returncode == 2, (what, command[0], done.returncode, said[:500])
        assert path in said, (what, said[:500])
        bad = [c for c in said if (ord(c) < 32 and c not in '\n\t') or 0x7f <= ord(c) < 0xa0]
        assert not bad and '\u202e' not in said, (what, said[:500])
        assert len(said) < 2000, (what, len(said), said[:300])
        assert took < 2, (what, took)
    assert not os.path.exists(path + '.data'), what


def noise(cluster, path):
    """A good file with a byte changed at each place: an error or a start, never a signal."""
    with open(cluster.file, 'rb') as file:
        good = file.read()
    for place in range(len(good)):
        with open(path if os.path.isfile(path) else path + '.one', 'wb') as file:
            file.write(good[:place] + bytes([good[place] ^ 0x20]) + good[place + 1:])
        done = harness.run('chat262ctl', 'cluster', '--cluster', file.name, check=False)
        assert done.returncode in (0, 1, 2), (place, done)


def secrets_where_they_do_not_belong():
    """Passwords and tokens are looked for in the servers' logs at their most talkative level, in
    command lines and environments while a client runs, in what programs print, and in a core file
    after an abort. Expected: none is found anywhere; there is no core file, unless --core-dumps
    asks for one."""
    password = 'hunter2-' + os.urandom(8).hex()

    def before_exec():
        harness.die_with_parent()
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        os.chdir(folder)

    with Cluster(start=False, **PLAIN) as cluster:
        folder = os.path.join(cluster.folder, 'cores')
        os.mkdir(folder)
        for server in cluster.servers:
            command = server.command()
            extra = ['--log-level', 'trace'] + (['--core-dumps'] if server.number == 2 else [])
            server.command = lambda c=command, e=extra: c + e
            server.before_exec = before_exec
            server.start()
        cluster.wait_in_sync()
        session = os.path.join(cluster.folder, 'session')
        common = ['--servers', ','.join(cluster.hosts), '--session', session, '--password-stdin']
        printed = ''
        for verb, stdin in (('register', password), ('login', password), ('login', password + 'x'),
                            ('register', password)):
            child = subprocess.Popen([harness.program('chat262'), verb, 'ada', *common], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, preexec_fn=harness.die_with_parent)
            child.stdin.write(stdin + '\n')
            child.stdin.flush()
            harness.wait_until(harness.elapsed(0.05), 'a moment')
            for name in ('cmdline', 'environ'):
                with contextlib.suppress(OSError), open(f'/proc/{child.pid}/{name}', 'rb') as file:
                    assert password.encode() not in file.read(), f'the password is in {name}'
            printed += child.communicate(timeout=30)[0]
        assert stat.S_IMODE(os.stat(session).st_mode) == 0o600
        with open(session, encoding='utf-8') as file:
            token = max(file.read().replace('"', ' ').split(), key=len)
        assert password not in printed and token not in printed, printed
        cluster.push_commit()
        for server in cluster.servers:
            server.process.send_signal(signal.SIGABRT)
            assert server.wait_end() == -signal.SIGABRT
        for path in [server.log for server in cluster.servers] + \
                [server.log + '.err' for server in cluster.servers]:
            with open(path, 'rb') as file:
                text = file.read()
            for secret in (password, token, harness.PASSWORD, bytes.fromhex(token)
                           if len(token) == 64 else token):
                raw = secret if isinstance(secret, bytes) else secret.encode()
                assert raw not in text, f'a secret in {path}'
        cores = glob.glob(os.path.join(folder, 'core*'))
        with open('/proc/sys/kernel/core_pattern', encoding='ascii') as file:
            pattern = file.read()
        print(f'{len(cores)} core file (of the server that was asked for one)')
        assert len(cores) <= 1, cores
        if pattern.startswith('core') and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
            assert len(cores) == 1, 'the server with --core-dumps leaves a core file'


CASES = (open_directory, links_in_the_directory, cluster_file_of_everybody,
         truncated_and_foreign_files, two_servers_on_one_directory, hostile_toml,
         secrets_where_they_do_not_belong)

if __name__ == '__main__':
    attacker.main(CASES)

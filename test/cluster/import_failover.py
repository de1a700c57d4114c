"""IRC logs are imported while the leader is killed a third of the way through and the next leader
at two thirds; both come back before the end. Afterwards every message is there exactly once, in
order, in each server's own log.

The logs are in the folder that CHAT262_IRC_LOGS names, or beside the checkout in
../shared/data/ubuntu-irc. Without them the test is skipped.
"""
import glob
import json
import os
import subprocess
import time

import harness
from harness import Cluster

HERE = os.path.dirname(os.path.abspath(__file__))
LOGS = os.environ.get('CHAT262_IRC_LOGS') or os.path.normpath(
    os.path.join(HERE, '..', '..', '..', 'shared', 'data', 'ubuntu-irc'))
ACCOUNT, PASSWORD = 'importer', 'a password to import with'


def find_logs():
    files = sorted(path for path in glob.glob(os.path.join(LOGS, '*'))
                   if os.path.basename(path)[:1].isdigit())
    if not files:
        harness.skip(f'no IRC logs in {LOGS}; CHAT262_IRC_LOGS names another folder')
    return files


def count_messages(files):
    """Lines that begin as a message does. The importer's own count is what is verified."""
    total = 0
    for path in files:
        with open(path, encoding='utf-8', errors='replace') as file:
            total += sum(line.startswith('[') for line in file)
    return total


def start_import(cluster, files, more=()):
    password = os.path.join(cluster.folder, 'password')
    with open(password, 'w', encoding='utf-8') as file:
        file.write(PASSWORD + '\n')
    return subprocess.Popen(
        [harness.program('chat262-replay'), 'import', '--room', 'ubuntu', '--as', ACCOUNT,
         '--password-file', password, '--json', '--quiet', '--cluster', cluster.file, *more,
         *files],
        stdout=subprocess.PIPE, text=True, preexec_fn=harness.die_with_parent)


def committed(cluster):
    return max([s['commit'] for s in cluster.statuses().values() if s] or [0])


def verify(cluster, files):
    data = [word for server in cluster.servers for word in ('--data', server.data)]
    return harness.run('chat262-replay', 'verify', '--room', 'ubuntu', '--json', '--quiet', *data,
                       *files, check=False)


def check(cluster, files, report):
    cluster.wait_in_sync()
    cluster.push_commit()
    states = cluster.wait_equal(60)
    print('chain hash at', states[0]['last'], {s['last_hash'].hex() for s in states})
    found = verify(cluster, files)
    print(found.stdout.strip())
    assert found.returncode == 0, found.stdout + found.stderr
    assert report['complete'] is True if 'complete' in report else True
    harness.check_logs(cluster, [])


def two_leaders_killed():
    files = find_logs()
    total = count_messages(files)
    with Cluster() as cluster:
        begin = time.monotonic()
        importer = start_import(cluster, files)
        killed = []
        for share in (1 / 3, 2 / 3):
            harness.wait_until(lambda share=share: committed(cluster) >= total * share,
                               lambda: f'{share:.0%} of {total}; now {cluster.brief()}', 600)
            leader = cluster.wait_leader()
            cluster[leader].kill()
            killed.append(leader)
            print(f'killed leader {leader} at {share:.0%}, {time.monotonic() - begin:.1f} s')
        harness.wait_until(lambda: committed(cluster) >= total * 0.75, '75 %', 600)
        for leader in killed:
            cluster[leader].start()
        cluster.wait_in_sync(seconds=60)
        assert importer.poll() is None, 'the import was over before both were back'
        out, _ = importer.communicate(timeout=900)
        print(out.strip(), f'in {time.monotonic() - begin:.1f} s')
        assert importer.returncode == 0, out
        report = json.loads(out)
        # One write waits at most this long when a process is killed.
        longest = max((value for key, value in report.items()
                       if key.startswith('wait') and key.endswith('max')), default=None)
        if longest is not None:
            assert longest <= 1500, f'a write waited {longest} ms'
        check(cluster, files, report)


def importer_killed():
    """The importer itself is killed at any moment and simply run again: nothing is doubled."""
    files = find_logs()[:6]
    total = count_messages(files)
    with Cluster() as cluster:
        for share in (0.1, 0.3, 0.5, 0.8):
            importer = start_import(cluster, files)
            harness.wait_until(lambda share=share: committed(cluster) >= total * share,
                               lambda: f'{share:.0%} of {total}; now {cluster.brief()}', 120)
            importer.kill()
            importer.wait()
            cluster[cluster.wait_leader()].kill()
            for server in cluster.servers:
                if not server.process:
                    server.start()
            cluster.wait_in_sync()
        importer = start_import(cluster, files)
        out, _ = importer.communicate(timeout=300)
        print(out.strip())
        assert importer.returncode == 0, out
        check(cluster, files, json.loads(out))


CASES = {'two_leaders_killed': two_leaders_killed, 'importer_killed': importer_killed}

if __name__ == '__main__':
    harness.main(CASES)

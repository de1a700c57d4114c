"""The disk of one server fails (EIO): the process says so and ends, the others go on; started again
on a disk that works, it is brought up to date. strace makes the errors."""
import shutil
import subprocess

import harness
from harness import Cluster


def break_disk(cluster, number):
    """From now on every fdatasync of the server fails."""
    tool = shutil.which('strace')
    if not tool:
        harness.skip('strace is not installed')
    trace = subprocess.Popen(
        [tool, '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e',
         'inject=fdatasync:error=EIO', '-p', str(cluster[number].process.pid)],
        stderr=subprocess.PIPE, text=True, preexec_fn=harness.die_with_parent)

    def attached():
        if not cluster[number].runs:
            return True  # it has met the error already
        if trace.poll() is not None:
            harness.skip(f'strace cannot attach here: {trace.stderr.read().strip()}')
        with open(f'/proc/{cluster[number].process.pid}/status', encoding='ascii') as file:
            return f'TracerPid:\t{trace.pid}\n' in file.read()

    harness.wait_until(attached, 'strace is attached')
    return trace


def broken(role):
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        leader = cluster.wait_leader()
        victim = leader if role == 'leader' else (leader + 1) % 3
        trace = break_disk(cluster, victim)
        code = cluster[victim].wait_end(20)
        assert code != 0, 'a failed disk is no clean end'
        trace.wait(10)
        said = cluster[victim].words()
        assert 'Input/output error' in said or 'EIO' in said or 'I/O' in said, said
        harness.more(writers)
        cluster[victim].start()
        cluster.wait_in_sync()
        harness.more(writers)
        harness.finish(writers)
        cluster.settle_and_check(writers)


CASES = {'follower': lambda: broken('follower'), 'leader': lambda: broken('leader')}

if __name__ == '__main__':
    harness.main(CASES)

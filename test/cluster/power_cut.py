"""Power cuts: a server's data is on a disk image, which is copied while the server writes. From the
copy everything is gone that was never synced. Nothing acknowledged may be gone from the cluster.

A round cuts one server in turn, or (every third round) all at once. The process is stopped while its
image is copied, so that the copy is of one moment.

CHAT262_ROUNDS (3): how many.
"""
import os
import shutil
import subprocess

import harness
from harness import Cluster

ROUNDS = int(os.environ.get('CHAT262_ROUNDS', '3'))
IMAGE_BYTES = 256 << 20


class Disk:
    """An ext4 in a file, mounted at a server's data directory."""

    def __init__(self, cluster, number):
        self.image = os.path.join(cluster.folder, f'disk-{number}')
        self.at = cluster[number].data
        os.makedirs(self.at)
        with open(self.image, 'wb') as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', self.image], check=True)
        self.mount()
        cluster.mounts.append(self.at)

    def mount(self):
        done = subprocess.run(['mount', '-o', 'loop', self.image, self.at], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            harness.skip(f'no image can be mounted here: {done.stderr.strip()}')

    def copy(self):
        subprocess.run(['cp', '--sparse=always', self.image, self.image + '.cut'], check=True)

    def back_to_copy(self):
        subprocess.run(['umount', self.at], check=True)
        os.replace(self.image + '.cut', self.image)
        self.mount()


def cut_power(cluster, disks, numbers):
    for number in numbers:
        cluster[number].pause()
    for number in numbers:
        disks[number].copy()
    for number in numbers:
        cluster[number].kill()
        disks[number].back_to_copy()


def power_cut():
    if os.geteuid() != 0 or not shutil.which('mkfs.ext4'):
        harness.skip('mounting a disk image needs root and mkfs.ext4')
    with Cluster(start=False) as cluster:
        disks = [Disk(cluster, number) for number in range(3)]
        for server in cluster.servers:
            server.start()
        cluster.wait_in_sync()
        writers = harness.start_writers(cluster, count=4, pace=0.001)
        for n in range(ROUNDS):
            leader = cluster.wait_leader()
            everybody = n % 3 == 2
            numbers = range(3) if everybody else [(leader + n) % 3]
            # Not where a write has just been answered: somewhere in the middle.
            writers[n % len(writers)].wait_more(1 + 7 * n % 40)
            cut_power(cluster, disks, numbers)
            if not everybody:
                harness.more(writers)
            for number in numbers:
                cluster[number].start()
            harness.more(writers)
            cluster.wait_in_sync(seconds=60)
        harness.finish(writers)
        cluster.settle_and_check(writers, seconds=60)
        print(f'{ROUNDS} power cuts')


CASES = {'power_cut': power_cut}

if __name__ == '__main__':
    harness.main(CASES)

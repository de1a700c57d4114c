"""Clients in a closed loop, three servers on this machine, disk writes on: acknowledged writes a
second, p50 and p99, of one client and of 64. Group commit makes the difference.

Usage: closed_loop.py [SECONDS [LEAST RATIO]]
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cluster'))
import harness  # noqa: E402
from harness import Cluster  # noqa: E402


def measure(cluster, clients, seconds):
    done = harness.run('test/bench/load', '--clients', clients, '--seconds', seconds, '--name',
                       f'loop{clients}', '--cluster', cluster.file, timeout=seconds + 120)
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{clients:3} clients: {found['per_second']:8.0f} writes/s, "
          f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms, max {found['max_ms']:.1f} ms", flush=True)
    return found['per_second']


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    least = float(sys.argv[2]) if len(sys.argv) > 2 else 8
    with Cluster() as cluster:
        measure(cluster, 4, 0.5)  # warm up
        one, many = measure(cluster, 1, seconds), measure(cluster, 64, seconds)
        print(f'64 clients write {many / one:.1f} times as much as one')
        cluster.settle_and_check()
        assert many >= least * one, f'less than {least} times the rate of one client'


if __name__ == '__main__':
    main()

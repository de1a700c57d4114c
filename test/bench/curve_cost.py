"""What encryption costs: acknowledged writes a second of a plain and of an encrypted cluster of three
servers on this machine, in turn, for one client and for 64; the medians of all rounds and their ratio.

Usage: curve_cost.py [SECONDS [ROUNDS]]
"""
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cluster'))
import harness  # noqa: E402
from harness import Cluster  # noqa: E402


def measure(cluster, clients, seconds, name):
    done = harness.run('test/bench/load', '--clients', clients, '--seconds', seconds, '--name', name,
                       '--cluster', cluster.file, timeout=seconds + 120)
    return json.loads(done.stdout.splitlines()[-1])['per_second']


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    found = {(kind, clients): [] for kind in ('plain', 'encrypted') for clients in (1, 64)}
    with Cluster(plain=True) as plain, Cluster() as encrypted:
        clusters = {'plain': plain, 'encrypted': encrypted}
        for cluster in clusters.values():
            measure(cluster, 4, 0.5, 'warm-up')
        for n in range(rounds):
            for clients in (1, 64):
                for kind in sorted(clusters, reverse=n % 2 == 0):
                    rate = measure(clusters[kind], clients, seconds, f'round{n}-{clients}')
                    found[kind, clients].append(rate)
                    print(f'round {n + 1}: {clients:2} clients, {kind:9} {rate:8.0f} writes/s',
                          flush=True)
    for clients in (1, 64):
        plain_rate, encrypted_rate = (statistics.median(found[kind, clients])
                                      for kind in ('plain', 'encrypted'))
        print(f'{clients:2} clients: plain {plain_rate:.0f}, encrypted {encrypted_rate:.0f} '
              f'writes/s: {encrypted_rate / plain_rate:.2f} of it')


if __name__ == '__main__':
    main()

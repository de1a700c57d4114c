"""Which check finds which deliberate defect (mutants.txt), after how many seeds.

Usage: mutants.py BUILD [--table] [MUTANT...]
       mutants.py --check SOURCES

BUILD is a build folder configured with -Dmutants=true. Each mutant is switched on in turn; the
simulation runs seed after seed, regime after regime, then the explorer goes through the bounds of the
test suite, until something fails. `--table` prints Markdown. Exit code 1 if a mutant is not found.
`--check`: the list names just those mutants that the sources have.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REGIMES = ('crashes', 'majority', 'split', 'parted', 'proof', 'disks', 'mixed', 'single')
ROUNDS = ((1, 100), (101, 1150))  # first seed, how many; each in every regime: as the suite does
SECONDS_MAX = 900  # of one run


def mutants():
    with open(os.path.join(HERE, 'mutants.txt'), encoding='utf-8') as file:
        lines = [line.rstrip('\n') for line in file if line.strip() and not line.startswith('#')]
    return [tuple(re.split(r'\s{2,}', line, maxsplit=1)) for line in lines]


def run(command, mutant):
    environment = {**os.environ, 'CHAT262_MUTANT': mutant}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False,
                              timeout=SECONDS_MAX, errors='replace')
    except subprocess.TimeoutExpired:
        return f'no end within {SECONDS_MAX} s'
    if done.returncode == 0:
        return None
    return done.stdout + done.stderr


def why(output):
    """The first line that says what is wrong, without the seed and the names of what it met."""
    for line in output.splitlines():
        found = re.match(r'seed \d+ \(\w+\): (.*)', line)
        if found:
            return found.group(1)
        found = re.match(r'\s*=> (.*)', line)
        if found:
            return found.group(1)
        if 'CHAT262_CHECK' in line or 'check failed' in line:
            return line.strip()
    return output.strip().splitlines()[0] if output.strip() else 'it ended without a word'


def explorations(build):
    """(name, command) of the model suite's tests that must pass."""
    listed = subprocess.run(['meson', 'introspect', '--tests', build], capture_output=True, text=True,
                            check=True)
    tests = [test for test in json.loads(listed.stdout) if test['suite'] == ['chat262:model']]
    return [(test['name'], test['cmd']) for test in tests
            if '--must-break' not in test['cmd'] and '--without' not in test['cmd']]


def check(sources):
    """Each mutant stands once in the sources and once in the list."""
    found = []
    for folder in ('protocol', 'store', 'broker', 'client'):
        for path, _, files in os.walk(os.path.join(sources, folder)):
            for name in files:
                if name.endswith(('.cpp', '.hpp')):
                    with open(os.path.join(path, name), encoding='utf-8') as file:
                        found += re.findall(r'mutant\("([^"]+)"\)', file.read())
    listed = [name for name, _ in mutants()]
    wrong = {name for name in found + listed if name not in found or listed.count(name) != 1}
    for name in sorted(wrong):
        print(f'{name}: {found.count(name)} times in the sources, {listed.count(name)} in the list')
    return 1 if wrong or len(listed) < 20 else 0


def hunt(build, mutant):
    """(who found it, seeds walked or None, what it said), or None."""
    simulation = os.path.join(build, 'test', 'simulation', 'simulation')
    walked = 0
    for first, count in ROUNDS:
        for regime in REGIMES:
            output = run([simulation, '--seeds', str(first), str(count), '--regime', regime], mutant)
            if output is not None:
                seed = re.search(r'seed (\d+)', output)
                walked += int(seed.group(1)) - first + 1 if seed else count
                return f'simulation, {regime}', walked, why(output)
            walked += count
    for name, command in explorations(build):
        output = run(command, mutant)
        if output is not None:
            return f'explorer, {name}', None, why(output)
    return None


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('build')
    options.add_argument('--check', action='store_true')
    options.add_argument('--table', action='store_true')
    options.add_argument('mutants', nargs='*')
    arguments = options.parse_args()
    if arguments.check:
        return check(arguments.build)
    wanted = [m for m in mutants() if not arguments.mutants or m[0] in arguments.mutants]
    unknown = set(arguments.mutants) - {name for name, _ in wanted}
    if unknown:
        sys.exit(f'no such mutant: {", ".join(sorted(unknown))}')
    missed = []
    if arguments.table:
        print('| mutant | found by | seeds | what it saw |\n| --- | --- | --- | --- |')
    for name, _ in wanted:
        begin = time.monotonic()
        found = hunt(arguments.build, name)
        if found is None:
            missed.append(name)
            found = ('NOT FOUND', None, '')
        finder, seeds, words = found
        line = (name, finder, '' if seeds is None else str(seeds), words)
        print('| ' + ' | '.join(line) + ' |' if arguments.table else
              f'{name}: {finder}, {seeds} seeds, {time.monotonic() - begin:.1f} s: {words}',
              flush=True)
    print(f'{len(wanted) - len(missed)} of {len(wanted)} mutants found', file=sys.stderr)
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())

"""Prints what the attacks did: a table of attack, what was expected, result and seconds.

Usage: attack_table.py TESTLOG.json...

The cases are functions of test/cluster/attack_*.py; their docstrings say what is done and,
behind "Expected:", what must come of it. Prints nothing if no attack was run.
"""
import ast
import glob
import json
import os
import sys
import textwrap

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cluster')
WIDTHS = (30, 48, 48, 7, 7)
RESULTS = {'OK': 'passed', 'SKIP': 'skipped', 'FAIL': 'FAILED', 'TIMEOUT': 'TIMEOUT'}


def documented():
    """{'attack_x case': (attack, expected)}"""
    found = {}
    for path in sorted(glob.glob(os.path.join(CASES, 'attack_*.py'))):
        with open(path, encoding='utf-8') as file:
            tree = ast.parse(file.read())
        name = os.path.splitext(os.path.basename(path))[0]
        for node in tree.body:
            text = isinstance(node, ast.FunctionDef) and ast.get_docstring(node)
            if text and 'Expected' in text:
                attack, _, expected = ' '.join(text.split()).partition('Expected')
                found[f'{name} {node.name}'] = (attack.strip(), expected.lstrip(',: '))
    return found


def results(paths):
    for path in paths:
        with open(path, encoding='utf-8') as file:
            for line in file:
                test = json.loads(line)
                yield test['name'].split('/')[-1].strip(), test['result'], test['duration']


def print_row(*cells):
    columns = [textwrap.wrap(cell, width) or [''] for cell, width in zip(cells, WIDTHS)]
    for n in range(max(map(len, columns))):
        parts = [(column[n] if n < len(column) else '').ljust(width)
                 for column, width in zip(columns, WIDTHS)]
        print('  '.join(parts).rstrip())


def main():
    cases = documented()
    rows = [(name, result, seconds) for name, result, seconds in results(sys.argv[1:])
            if name in cases]
    if not rows:
        return
    print()
    print_row('case', 'attack', 'expected', 'result', 'seconds')
    for name, result, seconds in rows:
        print_row('-' * WIDTHS[0])
        print_row(name.replace('_', ' '), *cases[name], RESULTS.get(result, result),
                  f'{seconds:.1f}')
    print()


if __name__ == '__main__':
    main()

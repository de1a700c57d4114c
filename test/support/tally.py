"""Says how many of Meson's tests passed, failed and were skipped.

Usage: tally.py TESTLOG.json...   (several runs are added up)

Reads what Meson wrote down about the tests that really ran. The last line is `N passed, N failed`,
with `, N skipped` if any were. Exit code 1 if any failed or none ran.
"""
import json
import sys

PASSED = {'OK', 'EXPECTEDFAIL'}
SKIPPED = {'SKIP'}


def tally(paths):
    passed, failed, skipped = 0, [], []
    for path in paths:
        try:
            lines = open(path, encoding='utf-8').read().splitlines()
        except OSError as error:
            sys.exit(f'tally: {error}')
        for line in lines:
            test = json.loads(line)
            if test['result'] in PASSED:
                passed += 1
            elif test['result'] in SKIPPED:
                skipped.append(test['name'])
            else:
                failed.append(f"{test['name']} ({test['result']})")
    return passed, failed, skipped


def main():
    passed, failed, skipped = tally(sys.argv[1:])
    for name in skipped:
        print(f'skipped: {name}')
    for name in failed:
        print(f'failed: {name}')
    line = f'{passed} passed, {len(failed)} failed'
    if skipped:
        line += f', {len(skipped)} skipped'
    print(line)
    sys.exit(1 if failed or passed == 0 else 0)


if __name__ == '__main__':
    main()

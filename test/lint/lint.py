"""Checks the tree. Usage: lint.py ROOT CHECK   (see CHECKS, or `format`, `documents`, `all`)"""
import glob
import os
import re
import shutil
import subprocess
import sys

import rules

SKIP = 77  # Meson's exit code for a test that could not run


def sources(root):
    """Every C++ file of the project's folders: {path from the root: text}."""
    files = {}
    for folder in ('protocol', 'store', 'broker', 'client', 'test'):
        for directory, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if name.endswith(('.cpp', '.hpp', '.h', '.cc')):
                    path = os.path.join(directory, name)
                    with open(path, encoding='utf-8') as file:
                        files[os.path.relpath(path, root)] = file.read()
    return files


def documents(root):
    """Files that the documents name exist. A `*` stands for any name; DIR/ and the like are not
    ours to check: only paths that begin with a folder of the house."""
    paths = [p for pattern in ('*.md', '*/*.md', '*/*/*.md')
             for p in glob.glob(os.path.join(root, pattern))
             if not os.path.relpath(p, root).startswith(('build', 'subprojects'))]
    if not paths:
        yield root, 1, 'no documents found'
    house = r'(?:protocol|store|broker|client|test|subprojects|\.ci)/[\w./*{}-]*'
    root_file = r'(?:[A-Z]+\.md|meson\.build|meson_options\.txt|dev|\.clang-\w+)'
    for path in paths:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        short = os.path.relpath(path, root)
        for found in re.finditer(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', text):
            target = found.group(1)
            if '://' not in target and not target.startswith('mailto:'):
                if not os.path.exists(os.path.join(os.path.dirname(path), target)):
                    yield short, rules.line_of(text, found.start()), f'link to {target}: no file'
        for found in re.finditer(rf'`(?:\./)?({house}|{root_file})`', text):
            target = found.group(1)
            beside = os.path.join(os.path.dirname(path), target)
            if not glob.glob(os.path.join(root, target)) and not os.path.exists(beside):
                yield short, rules.line_of(text, found.start()), f'names {target}: no such file'


def formatting(root, files):
    tool = shutil.which('clang-format')
    if not tool:
        print('skipped: clang-format is not installed')
        sys.exit(SKIP)
    paths = sorted(files)
    for start in range(0, len(paths), 50):
        run = subprocess.run([tool, '--dry-run', '-Werror', *paths[start:start + 50]], cwd=root,
                             capture_output=True, text=True, check=False)
        first = {}
        for found in re.finditer(r'^(.+?):(\d+):\d+: error:', run.stderr, re.M):
            first.setdefault(found.group(1), int(found.group(2)))
        for path, line in first.items():
            yield path, line, 'not as clang-format has it: run ./dev format'
        if run.returncode and not run.stderr:
            yield '.', 0, f'clang-format failed with {run.returncode}'


def main():
    root, wanted = os.path.abspath(sys.argv[1]), sys.argv[2]
    files = sources(root)
    if not files:
        sys.exit(f'lint: no sources below {root}')
    checks = {name: lambda check=check: check(files) for name, check in rules.CHECKS.items()}
    checks['documents'] = lambda: documents(root)
    checks['format'] = lambda: formatting(root, files)
    failures = 0
    for name in (checks if wanted == 'all' else [wanted]):
        for path, line, what in checks[name]():
            print(f'{path}:{line}: {what}')
            failures += 1
    print(f'{wanted}: {failures} found in {len(files)} files')
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()

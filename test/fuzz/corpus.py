"""Makes a folder of seeds for a fuzz target.

Usage: corpus.py FOLDER [--prefix N] [--seeds FOLDER] [--random N] [VECTORS...]

Every vector of the files (protocol/vectors/*.txt) becomes a file of its bytes; with --prefix N
(a target whose first byte is a choice) N files, one for each first byte. Every file of the
--seeds folder is copied. --random adds N files of bytes that are drawn, the same each time: for a
target that takes every byte as a choice.
"""
import argparse
import os
import random
import re
import shutil


def vectors(path):
    """{name: bytes}; the form is described in test/unit/protocol/vectors.hpp."""
    found = {}
    with open(path, encoding='utf-8') as file:
        for block in re.split(r'\n\s*\n', file.read()):
            name = re.search(r'^vector +(\S+)', block, re.M)
            digits = re.search(r'^hex +((?:[0-9a-f]{2}\s*)+)', block, re.M)
            if name and digits:
                found[name.group(1)] = bytes.fromhex(''.join(digits.group(1).split()))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('folder')
    parser.add_argument('--prefix', type=int, default=0)
    parser.add_argument('--seeds')
    parser.add_argument('--random', type=int, default=0)
    parser.add_argument('files', nargs='*')
    arguments = parser.parse_intermixed_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    os.makedirs(arguments.folder)
    prefixes = [bytes([n]) for n in range(arguments.prefix)] or [b'']
    for path in arguments.files:
        kind = os.path.splitext(os.path.basename(path))[0]
        blocks = vectors(path)
        if not blocks:
            raise SystemExit(f'corpus: no vectors in {path}')
        for name, content in blocks.items():
            for prefix in prefixes:
                target = os.path.join(arguments.folder, f'{kind}-{name}-{prefix.hex()}')
                with open(target.rstrip('-'), 'wb') as file:
                    file.write(prefix + content)
    source = random.Random(1)
    for n in range(arguments.random):
        with open(os.path.join(arguments.folder, f'random-{n:03}'), 'wb') as file:
            file.write(source.randbytes(source.randint(50, 500)))
    if arguments.seeds and os.path.isdir(arguments.seeds):
        for name in sorted(os.listdir(arguments.seeds)):
            shutil.copy(os.path.join(arguments.seeds, name), arguments.folder)


if __name__ == '__main__':
    main()

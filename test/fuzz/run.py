"""Runs one fuzz target for a while, or shows what came of several.

Usage: run.py TARGET PROGRAM SEEDS --work FOLDER --max-len N --dict FILE     (Meson calls it)
       run.py --table FOLDER [TARGET...]

CHAT262_FUZZ_SECONDS says for how long (5). The corpus grows in FOLDER/corpus/TARGET and is where the
next run goes on; what broke a promise is in FOLDER/findings/TARGET, and PROGRAM FILE shows it
again. Exit code 1 if there was a finding.
"""
import argparse
import glob
import json
import os
import re
import subprocess
import sys

RSS_MB = 2048
INPUT_SECONDS = 10  # one input that takes longer is a finding


def figures(log):
    """Executions, seconds, edges and findings of a run, as libFuzzer printed them."""
    executions = [int(n) for n in re.findall(r'^#(\d+)\t', log, re.M)]
    executions += [int(n) for n in re.findall(r'^stat::number_of_executed_units: (\d+)', log, re.M)]
    edges = [int(n) for n in re.findall(r'\bcov: (\d+)', log)]
    return {'executions': max(executions, default=0), 'edges': max(edges, default=0)}


def run(arguments):
    seconds = int(os.environ.get('CHAT262_FUZZ_SECONDS', '5'))
    corpus = os.path.join(arguments.work, 'corpus', arguments.target)
    findings = os.path.join(arguments.work, 'findings', arguments.target)
    results = os.path.join(arguments.work, 'results')
    for folder in (corpus, findings, results):
        os.makedirs(folder, exist_ok=True)
    before = set(os.listdir(findings))
    command = [arguments.program, f'-max_total_time={seconds}', f'-max_len={arguments.max_len}',
               f'-dict={arguments.dict}',
               f'-rss_limit_mb={RSS_MB}', f'-timeout={INPUT_SECONDS}', '-print_final_stats=1',
               f'-artifact_prefix={findings}/', corpus, arguments.seeds]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    log = process.stdout.decode(errors='replace')
    new = sorted(set(os.listdir(findings)) - before)
    result = {'target': arguments.target, 'seconds': seconds, 'findings': len(new), **figures(log)}
    if process.returncode != 0 and not new:
        result['findings'] = 1  # it did not even come to an input
    with open(os.path.join(results, arguments.target + '.json'), 'w', encoding='utf-8') as file:
        json.dump(result, file)
    if process.returncode != 0 or new:
        print(log[-8000:])
        for name in new:
            print(f'finding: {arguments.program} {os.path.join(findings, name)}')
        sys.exit(1)
    if result['executions'] == 0:
        sys.exit(f'fuzz: {arguments.target} executed nothing')
    print(result)


def table(folder, targets):
    print(f"{'target':<16}{'executions':>12}{'seconds':>9}{'findings':>10}{'edges':>8}")
    findings = 0
    for path in sorted(glob.glob(os.path.join(folder, 'results', '*.json'))):
        with open(path, encoding='utf-8') as file:
            result = json.load(file)
        if targets and result['target'] not in targets:
            continue
        findings += result['findings']
        print(f"{result['target']:<16}{result['executions']:>12}{result['seconds']:>9}"
              f"{result['findings']:>10}{result['edges']:>8}")
    sys.exit(1 if findings else 0)


def main():
    if len(sys.argv) > 2 and sys.argv[1] == '--table':
        table(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser()
    parser.add_argument('target')
    parser.add_argument('program')
    parser.add_argument('seeds')
    parser.add_argument('--work', required=True)
    parser.add_argument('--max-len', type=int, required=True)
    parser.add_argument('--dict', required=True)
    run(parser.parse_args())


if __name__ == '__main__':
    main()

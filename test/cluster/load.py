"""The load program (test/bench/load.cpp) against a cluster, and what it had acknowledged."""
import json
import os
import subprocess
import threading

import harness


class Load:
    """The load program (test/bench/load.cpp) against a cluster: a C++ client library's closed loop,
    with a line of progress twenty times a second."""

    def __init__(self, cluster, *arguments):
        self.cluster = cluster
        self.texts = os.path.join(cluster.folder, f'acknowledged-{id(self)}')
        self.stop_file = self.texts + '.stop'
        command = [harness.program('test/bench/load'), '--progress', '--acknowledged', self.texts,
                   '--stop-file', self.stop_file, '--cluster', cluster.file,
                   *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=harness.die_with_parent)
        self.total, self.longest_ms, self.report = 0, 0.0, None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            found = json.loads(line)
            if 'per_second' in found:
                self.report = found
            else:
                self.total += found['acknowledged']
                self.longest_ms = max(self.longest_ms, found['longest_ms'])

    def wait_more(self, count, seconds=60.0):
        goal = self.total + count

        def enough():
            assert self.process.poll() is None or self.report, 'the load program ended'
            return self.total >= goal

        harness.wait_until(enough, lambda: f'{goal} acknowledged, has {self.total}', seconds)

    def finish(self):
        with open(self.stop_file, 'wb'):
            pass
        self.process.wait(90)
        self.thread.join(10)
        assert self.report and not self.report['failures'], self.report
        with open(self.texts, encoding='utf-8') as file:
            texts = file.read().splitlines()
        return [LoadTexts(name, list(group)) for name, group in _by_client(texts).items()]


def _by_client(texts):
    groups = {}
    for text in texts:
        groups.setdefault(text.rsplit(' ', 1)[0], []).append(text)
    return groups


class LoadTexts:
    """What one client of the load program had acknowledged, as check_logs wants it."""

    def __init__(self, name, acknowledged):
        self.name, self.acknowledged = name, acknowledged

"""The interactive session of chat262, at a terminal that the test holds the other end of."""
import os
import pty
import re
import subprocess
import termios
import threading

import harness
from harness import Cluster


class Terminal:
    """A program with a terminal; `screen` is all that it ever wrote."""

    def __init__(self, *command, lines=24, columns=80):
        self.end, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (lines, columns))
        self.process = subprocess.Popen(command, stdin=theirs,
                                        stdout=theirs, stderr=theirs, start_new_session=True,
                                        env={**os.environ, 'TERM': 'xterm'},
                                        preexec_fn=harness.die_with_parent)
        os.close(theirs)
        self.screen = ''
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = os.read(self.end, 65536)
            except OSError:
                return
            if not data:
                return
            self.screen += data.decode('utf-8', 'replace')

    def type(self, text):
        os.write(self.end, text.encode())

    def wait(self, pattern, seconds=20.0):
        return harness.wait_until(lambda: re.search(pattern, self.screen),
                                  lambda: f'{pattern!r} on the screen: {self.screen[-2000:]!r}',
                                  seconds)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.end)


def outbox_is_bounded():
    """What is typed while no server answers waits, but not without end; what was said to be not
    sent is not sent, and the rest arrives in its order."""
    with Cluster(1) as cluster:
        harness.make_room(cluster)
        session = os.path.join(cluster.folder, 'session')
        harness.run('chat262', 'login', *cluster.arguments, '--session', session,
                    harness.USER, '--password-stdin', stdin=harness.PASSWORD + '\n')
        terminal = Terminal(harness.program('chat262'), '--session', session, *cluster.arguments)
        try:
            terminal.wait('>')
            terminal.type(f'/room {harness.ROOM}\n')
            terminal.wait(f'#{harness.ROOM}')
            cluster[0].pause()
            for number in range(1, 231):
                terminal.type(f'line {number}\n')
            terminal.wait('200 requests wait for a server already: not sent')
            harness.wait_until(lambda: terminal.screen.count('not sent') >= 29,
                               'the end of what was typed is refused')
            cluster[0].resume()

            def texts():
                return [message['text'] for message in harness.export(cluster[0])]

            found = harness.wait_until(lambda: (t := texts()) and len(t) >= 200 and t,
                                       'the texts that were taken', 60)
            assert found == [f'line {n}' for n in range(1, len(found) + 1)], found[-5:]
            assert len(found) in (200, 201), len(found)  # one was under way
        finally:
            terminal.close()


CASES = {'outbox_is_bounded': outbox_is_bounded}

if __name__ == '__main__':
    harness.main(CASES)

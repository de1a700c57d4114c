"""`./dev demo` at a terminal, as README shows it: two people chat while leaders are killed."""
import os
import subprocess

import harness
from terminal import Terminal

DEV = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'dev')
SERVERS, ADA, BOB = 0, 1, 2  # panes


def at_a_terminal():
    terminal = Terminal(DEV, 'demo', '--base', f'{harness.NETWORK}.0.1', lines=50, columns=160)
    tmux = ['tmux', '-L', f'chat262-demo-{terminal.process.pid}']

    def run(*arguments):
        return subprocess.run([*tmux, *arguments], capture_output=True, text=True, timeout=20,
                              check=False).stdout

    def shows(pane, text, seconds=60.0):
        def screen():
            return run('capture-pane', '-p', '-t', f'demo.{pane}')

        harness.wait_until(lambda: text in screen(),
                           lambda: f'{text!r} in pane {pane}: {screen()}\n{terminal.screen[-500:]}',
                           seconds, every=0.2)

    def types(pane, text):
        run('send-keys', '-t', f'demo.{pane}', '-l', text)
        run('send-keys', '-t', f'demo.{pane}', 'Enter')

    try:
        for pane, name in ((ADA, 'ada'), (BOB, 'bob')):
            shows(pane, '[l/r]', 100)
            types(pane, 'r')
            shows(pane, 'name:')
            types(pane, name)
            shows(pane, 'password:')
            types(pane, harness.PASSWORD)
            shows(pane, 'again')
            types(pane, harness.PASSWORD)
            shows(pane, f'registered {name}')
        types(ADA, '/to bob')
        types(ADA, 'before the first kill')
        shows(BOB, 'before the first kill')
        for number in (0, 1):
            types(SERVERS, f'kill {number}')
            shows(SERVERS, f'server {number} killed')
            types(ADA, f'{number} is dead')
            shows(BOB, f'{number} is dead')
        for number in (0, 1):
            types(SERVERS, f'restart {number}')
            shows(SERVERS, f'server {number} started')
        types(SERVERS, 'wait')
        shows(SERVERS, '\nready\n')
        types(SERVERS, 'quit')
        assert terminal.process.wait(60) == 0
    finally:
        run('kill-server')
        terminal.close()


if __name__ == '__main__':
    harness.main({'at_a_terminal': at_a_terminal})

"""A tour of the demo cluster for a terminal that nobody sits at: two people chat while the leader
is killed, then the next one; both come back; every acknowledged message is there, once, in order,
on all three servers. Everything is done with the programs that a person would use.

Usage: tour.py [--build FOLDER] [--base ADDRESS]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

PASSWORD = 'correct horse battery'
PEOPLE = ('ada', 'bob')


def say(text=''):
    print(text, flush=True)


class Tour:
    def __init__(self, build, base):
        self.build, self.base = os.path.abspath(build), base
        self.folder = tempfile.mkdtemp(prefix='chat262-tour-')
        self.file = os.path.join(self.folder, 'demo', 'cluster.toml')
        net, first = base.rsplit('.', 1)
        self.servers = [f'{net}.{int(first) + n}' for n in range(3)]
        self.acknowledged = {name: [] for name in PEOPLE}
        self.longest, self.failure = 0.0, None
        self.enough = threading.Event()
        self.demo = None

    def program(self, name):
        folder = {'chat262': 'client/terminal', 'chat262ctl': 'client/control',
                  'chat262-replay': 'client/replay'}[name]
        return os.path.join(self.build, folder, name)

    def run(self, name, *arguments, stdin=''):
        done = subprocess.run([self.program(name), *arguments], input=stdin, text=True,
                              capture_output=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError(f'{name} {" ".join(arguments)} ended with {done.returncode}: '
                               f'{done.stderr or done.stdout}')
        return done.stdout

    def chat262(self, who, verb, *arguments, stdin=''):
        return self.run('chat262', verb, '--cluster', self.file, '--session',
                        os.path.join(self.folder, who), *arguments, stdin=stdin)

    def command(self, text):
        """Typed at the prompt of `chat262ctl demo`."""
        say(f'demo> {text}')
        self.demo.stdin.write(text + '\n')
        self.demo.stdin.flush()

    def rows(self):
        found = subprocess.run([self.program('chat262ctl'), 'status', '--json', '--cluster', self.file],
                               capture_output=True, text=True, timeout=30, check=False).stdout
        rows = json.loads(found) if found.strip() else []
        return rows['servers'] if isinstance(rows, dict) else rows

    def wait(self, what, condition, seconds=30):
        give_up, pause = time.monotonic() + seconds, threading.Event()
        while True:
            answer = condition(self.rows())
            if answer is not None and answer is not False:
                return answer
            if self.failure:
                raise RuntimeError(self.failure)
            if time.monotonic() > give_up:
                raise RuntimeError(f'not within {seconds} s: {what}')
            pause.wait(0.1)

    def wait_leader(self, but=()):
        def leader(rows):
            return next((row['id'] for row in rows
                         if row.get('role') == 'leader' and row['id'] not in but), None)
        return self.wait('somebody leads', leader)

    def wait_in_sync(self):
        self.wait('all servers are in-sync',
                  lambda rows: len(rows) == 3 and all(row.get('in_sync') for row in rows))

    def wait_chat(self, count=10):
        goal = {name: len(texts) + count for name, texts in self.acknowledged.items()}
        self.wait(f'{count} more messages of each',
                  lambda rows: all(len(self.acknowledged[n]) >= goal[n] for n in PEOPLE))

    def talk(self, who):
        try:
            while not self.enough.is_set():
                text = f'{who} says {len(self.acknowledged[who]) + 1}'
                begin = time.monotonic()
                self.chat262(who, 'send', '--to', 'room:lobby', text)
                self.longest = max(self.longest, time.monotonic() - begin)
                self.acknowledged[who].append(text)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = f'{who}: {error}'

    def table(self):
        shown = subprocess.run([self.program('chat262ctl'), 'status', '--cluster', self.file],
                               capture_output=True, text=True, timeout=30, check=False)
        say(shown.stdout.rstrip())
        say()

    def show(self):
        say(f'Three servers on {", ".join(self.servers)}:')
        self.demo = subprocess.Popen(
            [self.program('chat262ctl'), 'demo', '--base', self.base, '--dir',
             os.path.join(self.folder, 'demo')],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.wait_in_sync()
        self.table()

        say('ada and bob register, make a room and begin to chat.')
        for who in PEOPLE:
            self.chat262(who, 'register', who, '--password-stdin', stdin=PASSWORD + '\n')
            self.chat262(who, 'login', who, '--password-stdin', stdin=PASSWORD + '\n')
        self.chat262('ada', 'create', 'lobby')
        self.chat262('bob', 'join', 'lobby')
        talkers = [threading.Thread(target=self.talk, args=(who,), daemon=True) for who in PEOPLE]
        for talker in talkers:
            talker.start()
        self.wait_chat()

        killed = []
        for word in ('the leader', 'the next leader'):
            leader = self.wait_leader(but=killed)
            said = sum(map(len, self.acknowledged.values()))
            self.longest = 0.0
            say(f'Server {leader} leads. {said} messages so far. Killing {word} (SIGKILL):')
            self.command(f'kill {leader}')
            killed.append(leader)
            self.wait_leader(but=killed)
            self.wait_chat()
            say(f'The chat goes on; the longest wait for one message was {self.longest:.2f} s.')
            say()
        self.table()

        say('Both come back, while ada and bob still chat.')
        for server in killed:
            self.command(f'restart {server}')
        self.wait_in_sync()
        self.wait_chat()
        self.enough.set()
        for talker in talkers:
            talker.join(60)
        if self.failure:
            raise RuntimeError(self.failure)
        say('What bob reads last:')
        say(self.chat262('bob', 'read', '--to', 'room:lobby', '--last', '4').rstrip())
        say('Both log out.')
        for who in PEOPLE:
            self.chat262(who, 'logout')
        self.wait('equal logs', lambda rows: len({(r['last'], r['commit'], r['last_hash'])
                                                  for r in rows}) == 1)
        say()
        self.table()
        self.check()

    def check(self):
        """Every acknowledged message once, in order, in each server's own log."""
        total = sum(map(len, self.acknowledged.values()))
        for server in range(3):
            out = os.path.join(self.folder, f'{server}.jsonl')
            self.run('chat262-replay', 'export', '--all', '--quiet', '--data',
                     os.path.join(self.folder, 'demo', f'server-{server}'), '--to', out)
            with open(out, encoding='utf-8') as file:
                texts = [json.loads(line)['text'] for line in file]
            for who in PEOPLE:
                held = [text for text in texts if text.startswith(f'{who} says ')]
                if held != self.acknowledged[who]:
                    raise RuntimeError(f'server {server} does not hold what {who} said: {held}')
            say(f"server {server}'s own log: all {total} acknowledged messages, each once, "
                'in order')

    def end(self):
        self.enough.set()
        if self.demo:
            try:
                self.demo.communicate('quit\n', timeout=20)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                self.demo.kill()
                self.demo.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description='A tour of the demo cluster.')
    parser.add_argument('--build', default=os.environ.get('CHAT262_BUILD', 'build'))
    parser.add_argument('--base', default='127.0.0.1', help='address of server 0')
    arguments = parser.parse_args()
    tour = Tour(arguments.build, arguments.base)
    try:
        tour.show()
    except RuntimeError as error:
        sys.exit(f'tour: {error}')
    finally:
        tour.end()


if __name__ == '__main__':
    main()

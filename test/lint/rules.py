"""The rules of the house: who may include what, and what no file may call.

Each check takes {path: text} and yields (path, line, what is wrong), so that it can be tried on
planted mistakes (selftest.py) as well as on the tree (lint.py).
"""
import re

CLIENT = ('zmq', 'json', 'cli', 'fmt', 'sodium', 'utf8proc')

# Longest prefix first. What a folder may include of the project, and of the libraries.
HOUSE = [
    # folder              project prefixes                                  libraries
    ('client/include/',   (),                                               ()),
    ('client/replay/',    ('client/', 'chat262/', 'protocol/', 'store/'),   CLIENT),
    ('client/control/',   ('client/', 'chat262/', 'protocol/', 'store/'),   CLIENT),
    ('client/example/',   ('chat262/',),                                    ()),
    ('client/',           ('client/', 'chat262/', 'protocol/'),             CLIENT + ('edit',)),
    ('broker/replica/',   ('broker/replica/', 'protocol/'),                 ()),
    ('broker/',           ('broker/', 'store/', 'protocol/'),               ('zmq', 'spdlog', 'fmt', 'sodium', 'cli', 'json')),
    ('store/',            ('store/', 'protocol/'),                          ('lmdb', 'sodium')),
    ('protocol/',         ('protocol/',),                                   ('msgpack', 'toml', 'sodium', 'utf8proc')),
    ('test/',             ('',),                                            None),
]

LIBRARIES = {  # library: how its headers are named
    'zmq': r'zmq.*\.hp?p?$', 'msgpack': r'msgpack', 'lmdb': r'lmdb\.h$', 'sodium': r'sodium',
    'toml': r'toml\+\+', 'utf8proc': r'utf8proc', 'spdlog': r'spdlog/', 'fmt': r'fmt/',
    'cli': r'CLI/', 'json': r'nlohmann/', 'edit': r'histedit|editline|readline',
    'catch': r'catch2/', 'curses': r'n?curses',
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def line_of(text, at):
    return text.count('\n', 0, at) + 1


def code_only(text):
    """The text with comments, strings and characters blanked; lines stay where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                         r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)
    return pattern.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def library_of(header):
    for name, pattern in LIBRARIES.items():
        if re.match(pattern, header):
            return name
    return None


def include_direction(files):
    """Includes run one way: protocol <- store <- broker, protocol <- client."""
    for path, text in files.items():
        rule = next((r for r in HOUSE if path.startswith(r[0])), None)
        if rule is None:
            yield path, 1, 'code outside protocol, store, broker, client and test'
            continue
        folder, projects, libraries = rule
        for found in INCLUDE.finditer(text):
            header, line = found.group(2), line_of(text, found.start())
            if found.group(1) == '"':
                if header.startswith('test/') and not path.startswith('test/'):
                    yield path, line, f'includes a test file: {header}'
                elif '..' in header.split('/'):
                    yield path, line, f'{header}: name files from the root'
                elif not any(header.startswith(p) for p in projects):
                    yield path, line, f'{folder} must not include {header}'
                continue
            library = library_of(header)
            if header.startswith('chat262/'):
                if 'chat262/' not in projects and folder not in ('test/', 'client/include/'):
                    yield path, line, f'{folder} must not include <{header}>'
            elif library and libraries is not None and library not in libraries:
                yield path, line, f'{folder} must not include {library} (<{header}>)'


# A library whose exceptions or handles must not spread: the files that may include it.
WRAPPED = {
    'lmdb': (r'store/\w+\.(cpp|hpp)$', 1),
    'msgpack': (r'protocol/(codec\w*|msgpack_\w+)\.(cpp|hpp)$', None),
    'toml': (r'protocol/cluster_file\w*\.cpp$', 1),
    'edit': (r'client/terminal/\w+\.(cpp|hpp)$', 1),
}


def wrapped_libraries(files):
    """One file (or one family of files) includes lmdb.h, msgpack, toml++ and libedit."""
    users = {}
    for path, text in files.items():
        if path.startswith('test/'):
            continue
        for found in INCLUDE.finditer(text):
            library = library_of(found.group(2))
            if library in WRAPPED:
                pattern, _ = WRAPPED[library]
                line = line_of(text, found.start())
                if not re.match(pattern, path):
                    yield path, line, f'only files like {pattern} may include {library}'
                users.setdefault(library, {}).setdefault(path, line)
    for library, paths in users.items():
        most = WRAPPED[library][1]
        if most is not None and len(paths) > most:
            for path, line in paths.items():
                yield path, line, f'{library} is included by more than {most} file: {sorted(paths)}'


DETERMINISTIC = re.compile(r'broker/replica/|store/apply|client/retry')
NOT_DETERMINISTIC = {
    r'\b(system|steady|high_resolution|utc|file)_clock\b': 'a clock',
    r'\b(clock_gettime|gettimeofday|localtime|gmtime)\b|\btime\s*\(\s*(0|nullptr|NULL|&)': 'a clock',
    r'\bCLOCK_[A-Z]+\b': 'a clock',
    r'\brandom_device\b|\brandombytes|\bs?rand\s*\(|\bgetrandom\b|\bmt19937': 'randomness',
    r'\b\w+_distribution\b': 'a distribution (differs between libraries)',
    r'\bunordered_(multi)?(map|set)\b': 'an unordered container',
    r'\b(float|double)\b': 'floating point',
    r'\bstd::(j?thread|mutex|atomic|condition_variable|async|future|shared_ptr)\b':
        'threads or shared ownership',
    r'\b(sleep_for|sleep_until|usleep|nanosleep)\b': 'waiting',
    r'\breinterpret_cast<\s*(std::)?u?intptr_t': 'an address as a number',
    r'\b(fopen|ifstream|ofstream|fstream|socket)\b': 'input or output',
}
NOT_DETERMINISTIC_HEADERS = re.compile(
    r'(random|thread|mutex|atomic|future|condition_variable|fstream|iostream|ctime|time\.h'
    r'|unordered_map|unordered_set|stop_token|semaphore|filesystem|sys/.*|unistd\.h)$')


def determinism(files):
    """The replication core, `apply` and the client's retry logic give the same for the same."""
    for path, text in files.items():
        if not DETERMINISTIC.match(path):
            continue
        for found in INCLUDE.finditer(text):
            if NOT_DETERMINISTIC_HEADERS.match(found.group(2)):
                yield path, line_of(text, found.start()), f'includes <{found.group(2)}>'
        code = code_only(text)
        for pattern, what in NOT_DETERMINISTIC.items():
            for found in re.finditer(pattern, code):
                yield path, line_of(code, found.start()), f'{what}: {found.group().strip()}'


FORBIDDEN = {
    r'\bZMQ_HEARTBEAT_\w+|\bheartbeat_(ivl|timeout|ttl)\b':
        'can abort a process when a peer dies (libzmq #3937); heartbeats are messages of ours',
    r'\bZMQ_(IDENTITY|ROUTING_ID|CONNECT_ROUTING_ID)\b|sockopt::(connect_)?routing_id\b':
        'chosen routing ids starve other clients or abort a ROUTER',
    r'\bMDB_WRITEMAP\b': 'a full disk becomes SIGBUS',
    r'\bMDB_MAPASYNC\b|\bMDB_NOLOCK\b': 'unsafe with readers of other processes',
    r'\bMDB_DUPSORT\b|\bMDB_DUPFIXED\b': 'has bugs that only later versions fix',
    r'\bactive_poller_t\b|\bzmq::poller_t\b': 'draft API, not in Debian\'s libzmq',
    r'#\s*include\s*<(format|print|source_location)>': 'not in GCC 12 or Clang 14',
    r'\bstd::(ranges::)?views::': 'Clang 14 with libstdc++ 12 refuses it',
    r'\b(strcpy|strcat|sprintf|vsprintf|gets|tmpnam|mktemp)\s*\(': 'unbounded',
    r'(?<![\w.:>])(::)?(std::)?system\s*\(': 'a shell',
}
NO_SLEEP = re.compile(r'\b(sleep_for|sleep_until|usleep|nanosleep)\b|\btime\.sleep\(')


def forbidden(files):
    """What has bitten others: see the reasons."""
    for path, text in files.items():
        code = code_only(text)
        for pattern, why in FORBIDDEN.items():
            source = text if 'include' in pattern else code
            for found in re.finditer(pattern, source):
                yield path, line_of(code, found.start()), f'{found.group().strip()}: {why}'
        if path.startswith('test/'):
            for found in NO_SLEEP.finditer(code):
                yield path, line_of(code, found.start()), 'tests wait on conditions, not on time'


LINES_MAX = 450


def sizes(files):
    """Files are split by subject before they grow past reading."""
    for path, text in files.items():
        lines = text.count('\n')
        if lines > LINES_MAX:
            yield path, lines, f'{lines} lines, more than {LINES_MAX}: split it by subject'
        if path.endswith('.hpp') and '#pragma once' not in text:
            yield path, 1, 'no #pragma once'


CHECKS = {
    'includes': include_direction,
    'wrapped': wrapped_libraries,
    'determinism': determinism,
    'forbidden': forbidden,
    'sizes': sizes,
}

"""Plants a mistake of every kind and sees that the rules find it, and leave good code alone."""
import sys

import rules

PLANTED = [  # check, path, text
    ('includes', 'protocol/a.cpp', '#include "store/log.hpp"\n'),
    ('includes', 'store/a.cpp', '#include "broker/gateway.hpp"\n'),
    ('includes', 'store/a.cpp', '#include <zmq.hpp>\n'),
    ('includes', 'broker/replica/a.cpp', '#include "store/log.hpp"\n'),
    ('includes', 'broker/replica/a.cpp', '#include <fmt/core.h>\n'),
    ('includes', 'broker/a.cpp', '#include "client/caller.hpp"\n'),
    ('includes', 'broker/a.cpp', '#include <chat262/client.hpp>\n'),
    ('includes', 'client/a.cpp', '#include "broker/gateway.hpp"\n'),
    ('includes', 'client/a.cpp', '#include "store/log.hpp"\n'),
    ('includes', 'client/include/chat262/a.hpp', '#include "protocol/ids.hpp"\n'),
    ('includes', 'broker/a.cpp', '#include "test/support/catch.hpp"\n'),
    ('includes', 'broker/a.cpp', '#include "broker/../client/caller.hpp"\n'),
    ('includes', 'tools/a.cpp', '\n'),
    ('wrapped', 'broker/a.cpp', '#include <lmdb.h>\n'),
    ('wrapped', 'store/a.cpp', '#include <msgpack.hpp>\n'),
    ('wrapped', 'protocol/names.cpp', '#include <toml++/toml.h>\n'),
    ('determinism', 'broker/replica/a.cpp', 'auto now = std::chrono::steady_clock::now();\n'),
    ('determinism', 'broker/replica/a.cpp', '#include <random>\n'),
    ('determinism', 'broker/replica/a.hpp', 'std::unordered_map<int, int> m;\n'),
    ('determinism', 'store/apply.cpp', 'double mean = 0;\n'),
    ('determinism', 'client/retry.cpp', 'std::uniform_int_distribution<int> d;\n'),
    ('determinism', 'client/retry.cpp', 'std::thread t;\n'),
    ('forbidden', 'broker/a.cpp', 'socket.set(zmq::sockopt::heartbeat_ivl, 1);\n'),
    ('forbidden', 'broker/a.cpp', 'zmq_setsockopt(s, ZMQ_ROUTING_ID, "x", 1);\n'),
    ('forbidden', 'store/a.cpp', 'mdb_env_open(env, path, MDB_WRITEMAP, 0644);\n'),
    ('forbidden', 'store/a.cpp', 'mdb_dbi_open(txn, n, MDB_CREATE | MDB_DUPSORT, &dbi);\n'),
    ('forbidden', 'client/a.cpp', '#include <format>\n'),
    ('forbidden', 'client/a.cpp', 'std::system("ls");\n'),
    ('forbidden', 'test/unit/a.cpp', 'std::this_thread::sleep_for(1s);\n'),
    ('sizes', 'store/a.cpp', '\n' * (rules.LINES_MAX + 1)),
    ('sizes', 'store/a.hpp', '\n'),
]
GOOD = {
    'protocol/a.hpp': '#pragma once\n#include <vector>\n#include "protocol/ids.hpp"\n',
    'protocol/codec.cpp': '#include <msgpack.hpp>\n#include "protocol/codec.hpp"\n',
    'store/lmdb_env.cpp': '#include <lmdb.h>\n#include "protocol/entry.hpp"\n',
    'store/apply.cpp': '// no steady_clock here, no double\nconst char* s = "random_device";\n',
    'broker/a.cpp': '#include <zmq.hpp>\n#include "broker/replica/io.hpp"\n#include "store/log.hpp"\n',
    'broker/replica/a.cpp': '#include <map>\nstd::map<int, int> m; long big = 1\'000\'000;\n',
    'client/replay/a.cpp': '#include "store/log.hpp"\n#include "chat262/client.hpp"\n',
    'client/a.cpp': 'auto t = std::chrono::steady_clock::now(); filesystem(x); file.system(y);\n',
    'test/unit/a.cpp': '#include "broker/gateway.hpp"\n#include <catch2/catch.hpp>\n',
}


def main():
    missed = 0
    for check, path, text in PLANTED:
        if not list(rules.CHECKS[check]({path: text})):
            print(f'{check} does not see: {path}: {text.strip()[:80]}')
            missed += 1
    two = {'store/a.cpp': '#include <lmdb.h>\n', 'store/b.cpp': '#include <lmdb.h>\n'}
    if not list(rules.wrapped_libraries(two)):
        print('wrapped does not see a second file that includes lmdb.h')
        missed += 1
    for name, check in rules.CHECKS.items():
        for path, line, what in check(GOOD):
            print(f'{name} refuses good code: {path}:{line}: {what}')
            missed += 1
    seen = {check for check, _, _ in PLANTED}
    for name in set(rules.CHECKS) - seen:
        print(f'no mistake is planted for {name}')
        missed += 1
    sys.exit(1 if missed else 0)


if __name__ == '__main__':
    main()

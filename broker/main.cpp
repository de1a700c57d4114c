// chat262d: one server of a chat262 cluster.
#include <fmt/format.h>
#include <signal.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <variant>

#include "broker/config.hpp"
#include "broker/journal.hpp"
#include "broker/reactor.hpp"

namespace {

using namespace chat262;
using namespace chat262::broker;

// Blocked in all threads, read from a descriptor. -1: failed.
int take_signals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return -1;
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

// One descriptor a client.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A core file would hold messages, passwords and keys. The sanitizers look into their own process,
// which this would forbid too.
void forbid_core_dumps() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

int run(const Config& config) {
  if (!config.core_dumps) forbid_core_dumps();
  const int signals = take_signals();
  if (signals < 0) {
    std::perror("chat262d: signalfd");
    return exit_failure;
  }
  raise_descriptor_limit();
  if (sodium_init() < 0) {
    fmt::print(stderr, "chat262d: libsodium cannot be used on this machine\n");
    return exit_failure;
  }
  auto journal = Journal::open(config.self, config.log_level, config.log_file);
  if (!journal) {
    fmt::print(stderr, "chat262d: {}\n", journal.error().text);
    return exit_failure;
  }
  int code = exit_failure;
  {
    auto reactor = Reactor::open(config, **journal, signals);
    if (reactor) {
      code = (*reactor)->run();
      if (code != exit_ok) {
        // Nothing more may be written: after a failed write the next one may seem to succeed.
        (*journal)->flush();
        std::_Exit(code);
      }
    } else {
      (*journal)->critical(reactor.error().text);
      if (!config.log_file.empty()) fmt::print(stderr, "chat262d: {}\n", reactor.error().text);
    }
  }
  (*journal)->flush();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto config = read_command_line(argc, argv);
    if (const auto* code = std::get_if<ExitCode>(&config)) return code->value;
    return run(std::get<Config>(config));
  } catch (const std::exception& error) {
    fmt::print(stderr, "chat262d: {}\n", error.what());
    return exit_failure;
  }
}

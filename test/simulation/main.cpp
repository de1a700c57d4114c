// simulation --seed S [--regime R] [--trace]     one walk
// simulation --seeds FROM COUNT [--regime R]     many
// simulation --twice FROM COUNT                  each walk twice: the same trace hash
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "test/simulation/walk.hpp"

namespace chat262::test {

namespace {

struct Options {
  std::uint64_t from = 1;
  std::uint64_t count = 1;
  std::string regime;  // empty: each seed in every regime
  std::string without;
  bool trace = false;
  bool twice = false;
  bool keep_going = false;
};

char replay_command[256];  // for a handler, which must not allocate

std::string command_for(std::uint64_t seed, const Regime& regime, const std::string& without) {
  return "simulation --seed " + std::to_string(seed) + " --regime " + regime.name +
         (without.empty() ? "" : " --without " + without) + " --trace";
}

void remember(std::uint64_t seed, const Regime& regime, const std::string& without) {
  const std::string text = "replay with: " + command_for(seed, regime, without) + "\n";
  std::strncpy(replay_command, text.c_str(), sizeof replay_command - 1);
}

extern "C" void say_replay(int signal) {
  const auto written = write(STDERR_FILENO, replay_command, std::strlen(replay_command));
  static_cast<void>(written);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

bool run_one(std::uint64_t seed, const Regime& regime, const Options& options, Time& total,
             std::size_t& acknowledged) {
  remember(seed, regime, options.without);
  std::function<void(const std::string&)> told;
  // An abort must not swallow the end of it.
  if (options.trace) told = [](const std::string& line) { std::cout << line << std::endl; };
  const WalkResult result = walk(seed, regime, options.without, told);
  total += result.virtual_time;
  acknowledged += result.acknowledged;
  if (result.failed) {
    std::cout << "seed " << seed << " (" << regime.name << "): " << result.why
              << "\n  replay with: " << command_for(seed, regime, options.without) << std::endl;
    return false;
  }
  if (options.trace) {
    std::cout << "passed, trace hash " << std::hex << result.trace_hash << std::dec << "\n";
  }
  if (options.twice) {
    const WalkResult again = walk(seed, regime, options.without, {});
    if (again.trace_hash != result.trace_hash) {
      std::cout << "seed " << seed << " (" << regime.name << "): two runs differ" << std::endl;
      return false;
    }
  }
  return true;
}

int run(const Options& options) {
  Time total = 0;
  std::size_t acknowledged = 0;
  std::uint64_t walks = 0;
  std::uint64_t failures = 0;
  for (std::uint64_t seed = options.from; seed < options.from + options.count; ++seed) {
    for (const Regime& regime : regimes) {
      if (!options.regime.empty() && options.regime != regime.name) continue;
      ++walks;
      if (run_one(seed, regime, options, total, acknowledged)) continue;
      ++failures;
      if (!options.keep_going) return 1;
    }
  }
  std::cout << walks << " walks, " << total / 1'000'000 << " virtual seconds, " << acknowledged
            << " acknowledged writes, " << failures << " failures" << std::endl;
  return failures == 0 ? 0 : 1;
}

int usage() {
  std::cerr << "simulation [--seed S | --seeds FROM COUNT | --twice FROM COUNT] [--regime NAME]\n"
               "           [--without RULES] [--trace] [--keep-going]\n";
  for (const Regime& regime : regimes) {
    std::cerr << "  " << regime.name << ": " << regime.what << "\n";
  }
  return 2;
}

}  // namespace

}  // namespace chat262::test

int main(int argc, char* argv[]) {
  using namespace chat262::test;
  Options options;
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto number = [&words, &i] {
      return ++i < words.size() ? std::strtoull(words[i].c_str(), nullptr, 10) : 0ULL;
    };
    const std::string word = words[i];
    if (word == "--seed") {
      options.from = number();
    } else if (word == "--seeds" || word == "--twice") {
      options.twice = word == "--twice";
      options.from = number();
      options.count = number();
    } else if (word == "--regime" && i + 1 < words.size()) {
      options.regime = words[++i];
    } else if (word == "--without" && i + 1 < words.size()) {
      options.without = words[++i];
    } else if (word == "--trace") {
      options.trace = true;
    } else if (word == "--keep-going") {
      options.keep_going = true;
    } else {
      return usage();
    }
  }
  std::signal(SIGABRT, say_replay);
  std::signal(SIGSEGV, say_replay);
  return run(options);
}

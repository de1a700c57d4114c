// simulation: runs of the simulated cluster, each all from its seed.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <malloc.h>
#include <unistd.h>

#include "test/simulation/clients.hpp"
#include "test/simulation/run.hpp"
#include "test/simulation/shrink.hpp"

namespace chat262::test {

namespace {

struct Arguments {
  Options options;
  std::uint64_t count = 1;
  bool every_regime = true;
  bool trace = false;
  bool twice = false;
  bool keep_going = false;
  bool shrinks = false;
  std::string list;  // a file of runs
};

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  Time virtual_time = 0;
  std::uint64_t unknown = 0;
  std::map<std::string, std::uint64_t> faults;
  std::map<std::string, std::uint64_t> calls;
};

char replay_command[256];  // for a handler, which must not allocate

void remember(const Options& options) {
  const std::string text = "replay with: simulation " + command_of(options) + " --trace\n";
  std::strncpy(replay_command, text.c_str(), sizeof replay_command - 1);
}

extern "C" void say_replay(int signal) {
  const auto written = write(STDERR_FILENO, replay_command, std::strlen(replay_command));
  static_cast<void>(written);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::string label_of(const Options& options) {
  return "seed " + std::to_string(options.seed) + " (" + options.regime->name + ")";
}

void add(Totals& totals, const RunResult& result) {
  ++totals.runs;
  totals.virtual_time += result.virtual_time;
  totals.unknown += result.unknown;
  for (const Fault& fault : result.faults) ++totals.faults[name_of(fault.kind)];
  for (const auto& [kind, count] : result.calls) totals.calls[kind] += count;
}

bool run_one(const Options& options, const Arguments& arguments, Totals& totals) {
  remember(options);
  std::function<void(const std::string&)> told;
  // An abort must not swallow the end of it.
  if (arguments.trace) told = [](const std::string& line) { std::cout << line << std::endl; };
  const RunResult result = run(options, told);
  add(totals, result);
  if (result.failed()) {
    std::cout << label_of(options) << ": " << result.why << "\n  faults:";
    for (const Fault& fault : result.faults) std::cout << "\n    " << text_of(fault);
    std::cout << "\n  replay with: simulation " << command_of(options) << " --trace" << std::endl;
    if (arguments.shrinks) {
      const Options least =
          shrink(options, [](const std::string& line) { std::cout << "  " << line << std::endl; });
      std::cout << "  smaller: simulation " << command_of(least) << " --trace" << std::endl;
    }
    return false;
  }
  if (arguments.trace) {
    std::cout << "passed, trace hash " << std::hex << result.trace_hash << std::dec << "\n";
  }
  if (!arguments.twice) return true;
  // The same once more, and once with its faults as a list.
  Options listed = options;
  listed.faults = result.faults;
  for (const Options& again : {options, listed}) {
    if (run(again, {}).trace_hash == result.trace_hash) continue;
    std::cout << label_of(options) << ": two runs differ"
              << (again.faults ? ", the second with its faults as a list" : "")
              << "\n  compare: simulation " << command_of(options)
              << " --trace\n  with: simulation " << command_of(again) << " --trace" << std::endl;
    return false;
  }
  return true;
}

void print(const Totals& totals, double seconds) {
  const auto list = [](const char* title, const std::map<std::string, std::uint64_t>& counts) {
    std::cout << title;
    for (const auto& [name, count] : counts) std::cout << " " << name << " " << count;
    std::cout << "\n";
  };
  const double virtual_seconds = static_cast<double>(totals.virtual_time) / 1e6;
  std::cout << totals.runs << " runs, " << totals.failures << " failures, " << std::fixed
            << std::setprecision(0) << virtual_seconds << " virtual seconds in "
            << std::setprecision(1) << seconds << " s of CPU (" << std::setprecision(0)
            << virtual_seconds / seconds << " times as fast, "
            << static_cast<double>(totals.runs) / seconds << " runs/s)\n";
  list("faults:", totals.faults);
  list("calls answered:", totals.calls);
  std::cout << "calls given up: " << totals.unknown << std::endl;
}

int run_all(const Arguments& arguments) {
  Totals totals;
  const std::clock_t began = std::clock();
  const std::uint64_t from = arguments.options.seed;
  for (std::uint64_t seed = from; seed < from + arguments.count; ++seed) {
    for (const Regime& regime : regimes) {
      if (!arguments.every_regime && arguments.options.regime != &regime) continue;
      Options options = arguments.options;
      options.seed = seed;
      options.regime = &regime;
      if (run_one(options, arguments, totals)) continue;
      ++totals.failures;
      if (!arguments.keep_going) return 1;
    }
  }
  print(totals, static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC);
  return totals.failures == 0 ? 0 : 1;
}

// A file of runs, one a line, `#` starts a comment.
int run_list(const Arguments& arguments);

int usage() {
  std::cerr << "simulation [--seed S | --seeds FROM COUNT | --twice FROM COUNT] [--regime NAME]\n"
               "           [--without RULES] [--trace] [--keep-going]\n"
               "           [--clients LIST] [--until MS] [--faults LIST] [--falsify HOW]\n"
               "           [--shrink] [--list FILE]\n";
  for (const Regime& regime : regimes) {
    std::cerr << "  " << regime.name << ": " << regime.what << "\n";
  }
  return 2;
}

std::optional<unsigned> read_clients(const std::string& text) {
  unsigned mask = 0;
  if (text == "none") return mask;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    const unsigned long number = std::strtoul(part.c_str(), nullptr, 10);
    if (number >= clients_max) return std::nullopt;
    mask |= 1U << number;
  }
  return mask;
}

// False: not understood.
bool read(const std::vector<std::string>& words, Arguments& arguments) {
  Options& options = arguments.options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto next = [&words, &i] { return ++i < words.size() ? words[i] : std::string(); };
    const auto number = [&next] { return std::strtoull(next().c_str(), nullptr, 10); };
    if (word == "--seed") {
      options.seed = number();
    } else if (word == "--seeds" || word == "--twice") {
      arguments.twice = word == "--twice";
      options.seed = number();
      arguments.count = number();
    } else if (word == "--regime") {
      options.regime = regime_named(next());
      arguments.every_regime = false;
      if (options.regime == nullptr) return false;
    } else if (word == "--without") {
      options.without = next();
    } else if (word == "--clients") {
      const auto mask = read_clients(next());
      if (!mask) return false;
      options.clients = *mask;
    } else if (word == "--until") {
      options.until = static_cast<Time>(number()) * milliseconds;
    } else if (word == "--faults") {
      options.faults = read_faults(next());
      if (!options.faults) return false;
    } else if (word == "--trace") {
      arguments.trace = true;
    } else if (word == "--falsify") {
      options.falsehood = next();
    } else if (word == "--list") {
      arguments.list = next();
    } else if (word == "--shrink") {
      arguments.shrinks = true;
    } else if (word == "--keep-going") {
      arguments.keep_going = true;
    } else {
      return false;
    }
  }
  return true;
}

// Words as a shell splits them, as far as command_of() needs it: '..' keeps spaces.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words;
  bool quoted = false;
  bool inside = false;
  for (const char c : line) {
    if (c == '#' && !quoted) break;
    if (c == '\'') {
      quoted = !quoted;
      if (quoted && !inside) words.emplace_back();
      inside = true;
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

int run_list(const Arguments& arguments) {
  std::ifstream file(arguments.list);
  if (!file) {
    std::cerr << "cannot read " << arguments.list << "\n";
    return 2;
  }
  int result = 0;
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> words = split(line);
    if (words.empty()) continue;
    Arguments one;
    if (!read(words, one)) {
      std::cerr << "not understood: " << line << "\n";
      return 2;
    }
    if (run_all(one) != 0) result = 1;
  }
  return result;
}

}  // namespace

}  // namespace chat262::test

int main(int argc, char* argv[]) {
  using namespace chat262::test;
  Arguments arguments;
  if (!read({argv + 1, argv + argc}, arguments)) return usage();
  // An LMDB environment asks for 2 MB of zeros at every start of a server: fresh pages are cheaper.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  std::signal(SIGABRT, say_replay);
  std::signal(SIGSEGV, say_replay);
  return arguments.list.empty() ? run_all(arguments) : run_list(arguments);
}

// scenario FILE.scn [--without RULES] [--print] [--story]
//
// Plays the script; it must pass. If its head names a rule, it is played once more, in a process
// of its own, with that rule switched off; then it must fail, be it by an abort.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string>

#include "test/scenario/player.hpp"

namespace chat262::test {

namespace {

struct Options {
  std::string path;
  std::string without;
  bool print = false;
  bool story = false;
};

// Empty: it passed.
std::string play(const Script& script, const std::string& without, const Options& options) {
  std::string why;
  try {
    Player player(script, without, options.print);
    try {
      player.play();
    } catch (const Violation& violation) {
      why = violation.what();
    }
    if (options.story) {
      for (const std::string& line : player.story()) std::cout << "  " << line << "\n";
    }
  } catch (const std::exception& error) {
    why = error.what();
  }
  return why;
}

// How it fails with the rule switched off; empty: it passes all the same.
std::string fails_without(const Script& script) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return "";
  const pid_t child = fork();
  if (child < 0) return "";
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    const std::string why = play(script, script.rule, {});
    const std::string text = why.substr(0, why.find('\n'));
    const auto written = write(ends[1], text.data(), text.size());
    static_cast<void>(written);
    _exit(why.empty() ? 0 : 1);
  }
  close(ends[1]);
  std::string why;
  std::array<char, 1024> buffer{};
  for (ssize_t size = 0; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    why.append(buffer.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return why.empty() ? "it ended by a signal" : why;
}

int run(const Options& options) {
  const auto script = read_script(options.path);
  if (!script) {
    std::cerr << script.error().text << "\n";
    return 2;
  }
  const std::string why = play(*script, options.without, options);
  if (!why.empty()) {
    std::cout << why << "\nplay it with: scenario " << options.path << " --print\n";
    return 1;
  }
  if (script->rule.empty() || !options.without.empty()) return 0;
  const std::string without = fails_without(*script);
  if (without.empty()) {
    std::cout << options.path << " passes without rule " << script->rule << " too\n";
    return 1;
  }
  std::cout << "without rule " << script->rule << ": " << without << "\n";
  return 0;
}

}  // namespace

}  // namespace chat262::test

int main(int argc, char* argv[]) {
  chat262::test::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--print") {
      options.print = true;
    } else if (word == "--story") {
      options.story = true;
    } else if (word == "--without" && i + 1 < argc) {
      options.without = argv[++i];
    } else {
      options.path = word;
    }
  }
  return chat262::test::run(options);
}

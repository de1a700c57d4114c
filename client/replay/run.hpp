// What the subcommands share: how they end, and how they are interrupted.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace chat262::replay {

enum class Exit : int {
  ok = 0,
  differs = 1,    // done, but something was refused, missing, doubled or out of order
  usage = 2,      // wrong arguments, or a file that cannot be read or written
  no_answer = 3,  // not done within --timeout
  refused = 4,    // the cluster refuses: wrong password, no such room, ...
  interrupted = 130
};

// Ends the run; main() prints the text.
struct Failure {
  Exit code;
  std::string text;
};

// From now on SIGINT and SIGTERM ask the run to end; a second one ends it at once.
void catch_interrupts();
[[nodiscard]] bool interrupted();

// The time that is left for a whole run.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  Deadline() = default;  // none
  explicit Deadline(std::chrono::milliseconds from_now) : end_(Clock::now() + from_now) {}
  // Throws Failure if the run was interrupted or the time is over. `doing` completes "while ...".
  void check(const std::string& doing) const;

 private:
  std::optional<Clock::time_point> end_;
};

}  // namespace chat262::replay

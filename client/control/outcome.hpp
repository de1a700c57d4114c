// How chat262ctl ends.
#pragma once

#include <string>

namespace chat262::control {

enum class Exit : int {
  ok = 0,
  degraded = 1,  // status: somebody answers, but not all is well; other commands: failed
  usage = 2,
  no_answer = 3  // no server answers
};

// Ends the command; main() prints the text.
struct Failure {
  Exit code;
  std::string text;
};

}  // namespace chat262::control

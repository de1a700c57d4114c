#include "client/replay/run.hpp"

#include <csignal>
#include <cstdlib>

namespace chat262::replay {
namespace {

volatile std::sig_atomic_t asked_to_end = 0;

extern "C" void note_signal(int number) {
  asked_to_end = 1;
  std::signal(number, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, note_signal);
  std::signal(SIGTERM, note_signal);
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupted() {
  return asked_to_end != 0;
}

void Deadline::check(const std::string& doing) const {
  if (interrupted()) throw Failure{Exit::interrupted, "interrupted while " + doing};
  if (end_ && Clock::now() >= *end_) {
    throw Failure{Exit::no_answer, "the time given with --timeout is over while " + doing};
  }
}

}  // namespace chat262::replay

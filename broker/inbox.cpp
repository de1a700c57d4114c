#include "broker/inbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace chat262::broker {

Inbox::Inbox() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) {
    std::perror("chat262d: eventfd");
    std::abort();
  }
}

Inbox::~Inbox() {
  close(fd_);
}

void Inbox::push(Completion completion) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(std::move(completion));
  }
  if (!first) return;
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reactor is being woken already.
  [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void Inbox::take(std::vector<Completion>& completions) {
  completions.clear();
  std::uint64_t count = 0;
  // The counter first: what is pushed from here on wakes the reactor again.
  [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
  const std::lock_guard lock(mutex_);
  waiting_.swap(completions);
}

}  // namespace chat262::broker

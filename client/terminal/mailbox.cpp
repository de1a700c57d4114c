#include "client/terminal/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace chat262::client {
namespace {

int make_eventfd() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

void raise_eventfd(int fd) {
  const std::uint64_t one = 1;
  const ssize_t written = ::write(fd, &one, sizeof one);
  static_cast<void>(written);  // full means raised already
}

void lower_eventfd(int fd) {
  std::uint64_t count = 0;
  const ssize_t read = ::read(fd, &count, sizeof count);
  static_cast<void>(read);  // empty is fine
}

// All that a signal handler touches.
std::atomic<int> signal_fd{-1};
std::atomic<bool> interrupt_seen{false};
std::atomic<bool> quit_seen{false};
std::atomic<bool> resize_seen{false};
constexpr std::array<int, 4> caught{SIGINT, SIGTERM, SIGHUP, SIGWINCH};
std::array<struct sigaction, caught.size()> before{};

void on_signal(int signal) {
  const int saved = errno;
  if (signal == SIGINT) {
    interrupt_seen = true;
  } else if (signal == SIGWINCH) {
    resize_seen = true;
  } else {
    quit_seen = true;
  }
  if (signal_fd >= 0) raise_eventfd(signal_fd);
  errno = saved;
}

}  // namespace

Mailbox::Mailbox() : fd_(make_eventfd()) {}
Mailbox::~Mailbox() {
  ::close(fd_);
}

void Mailbox::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  raise_eventfd(fd_);
}

void Mailbox::run_all() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    lower_eventfd(fd_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

Signals::Signals() {
  signal_fd = make_eventfd();
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (std::size_t i = 0; i < caught.size(); ++i) sigaction(caught[i], &action, &before[i]);
}

Signals::~Signals() {
  for (std::size_t i = 0; i < caught.size(); ++i) sigaction(caught[i], &before[i], nullptr);
  ::close(signal_fd.exchange(-1));
}

int Signals::fd() const {
  return signal_fd;
}

Signals::Seen Signals::take() {
  lower_eventfd(signal_fd);
  return {.interrupt = interrupt_seen.exchange(false),
          .quit = quit_seen.exchange(false),
          .resize = resize_seen.exchange(false)};
}

}  // namespace chat262::client

#include "client/terminal/tail.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <optional>

#include "client/terminal/json.hpp"
#include "client/terminal/show.hpp"
#include "protocol/names.hpp"

namespace chat262::client {
namespace {

// SIGINT and SIGTERM as a descriptor, for as long as it lives.
class StopSignals {
 public:
  StopSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before_);
    fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
  }
  ~StopSignals() {
    if (fd_ >= 0) ::close(fd_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  sigset_t before_{};
  int fd_ = -1;
};

// What the events thread and the waiting main thread share.
class Printer {
 public:
  explicit Printer(const Arguments& arguments)
      : json_(arguments.json),
        left_(arguments.count),
        limited_(arguments.count > 0),
        transcript_(Style{.colour = Style::wants_colour(1)}),
        end_fd_(eventfd(0, EFD_CLOEXEC)) {}
  ~Printer() { ::close(end_fd_); }
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  void on_event(const Event& event) {
    if (limited_ && left_ == 0) return;
    if (json_) {
      fmt::print("{}\n", one_line(json_of(event)));
    } else {
      for (const std::string& line : transcript_.lines(event)) fmt::print("{}\n", line);
    }
    const bool broken = std::fflush(stdout) != 0;  // whoever read us is gone
    if ((limited_ && --left_ == 0) || broken) end();
  }
  void on_end(const Refused& refused) {
    {
      const std::lock_guard lock(mutex_);
      refused_ = refused;
    }
    end();
  }
  [[nodiscard]] int end_fd() const { return end_fd_; }
  [[nodiscard]] std::optional<Refused> refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  void end() const {
    const std::uint64_t one = 1;
    const ssize_t written = ::write(end_fd_, &one, sizeof one);
    static_cast<void>(written);  // an eventfd takes it
  }

  bool json_;
  std::uint64_t left_;
  bool limited_;
  Transcript transcript_;
  int end_fd_;
  std::mutex mutex_;
  std::optional<Refused> refused_;
};

ExitCode report(const Refused& refused, bool json) {
  if (json) fmt::print("{}\n", one_line(json_of(refused)));
  fmt::print(stderr, "chat262: {}\n", printable(refused.text));
  return exit_code_of(refused);
}

}  // namespace

ExitCode tail_events(Client& client, const Arguments& arguments) {
  const StopSignals stop;
  std::optional<Cursor> since = arguments.after;
  if (!since) {
    const auto now = client.events(std::nullopt, Milliseconds{0}, 1);
    if (!now) return report(*now.refused(), arguments.json);
    since = now.value().next;
  }
  if (arguments.json) {
    // From here on nothing is missed: scripts may wait for this line.
    const nlohmann::json ready = {{"event", "ready"}, {"cursor", hex(*since)}};
    fmt::print("{}\n", one_line(ready));
    std::fflush(stdout);
  }
  Printer printer(arguments);
  std::function<void(const Progress&)> on_progress;
  if (::isatty(STDERR_FILENO) == 1) {
    on_progress = [](const Progress& progress) {
      if (progress.kind == Progress::Kind::moved || progress.kind == Progress::Kind::trying) return;
      fmt::print(stderr, "chat262: {}\n", printable(progress.text));
    };
  }
  client.subscribe(
      since, [&](const Event& event, const Cursor&) { printer.on_event(event); }, on_progress,
      [&](const Refused& refused) { printer.on_end(refused); });
  pollfd ends[] = {{.fd = stop.fd(), .events = POLLIN, .revents = 0},
                   {.fd = printer.end_fd(), .events = POLLIN, .revents = 0}};
  while (::poll(ends, 2, -1) < 0 && errno == EINTR) {
  }
  client.unsubscribe();
  if (const auto refused = printer.refused()) return report(*refused, arguments.json);
  return ExitCode::ok;
}

}  // namespace chat262::client

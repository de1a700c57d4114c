// Work for the one thread that owns the screen, from any thread; and signals, as a descriptor.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace chat262::client {

class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // From any thread.
  void post(std::function<void()> task);
  // Readable while something is posted.
  [[nodiscard]] int fd() const { return fd_; }
  // On the owner's thread: does what was posted, in order.
  void run_all();

 private:
  int fd_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
};

// Catches SIGINT, SIGTERM, SIGHUP and SIGWINCH for as long as it lives. One at a time.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Readable when a signal has come.
  [[nodiscard]] int fd() const;
  struct Seen {
    bool interrupt = false;
    bool quit = false;
    bool resize = false;
  };
  // What has come since the last call.
  Seen take();
};

}  // namespace chat262::client

// One chat262d as a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace chat262::control {

class ServerProcess {
 public:
  // `command`: program and arguments. Its output is appended to `log`.
  ServerProcess(unsigned id, std::vector<std::string> command, std::filesystem::path log)
      : id_(id), command_(std::move(command)), log_(std::move(log)) {}

  // It is killed when this process ends in whatever way. Throws Failure.
  void start();
  void send(int signal);
  // Looks whether it has ended, without waiting. True once for each end.
  bool has_ended();
  // Waits for its end; false if it did not come in time.
  bool wait_end(std::chrono::milliseconds at_most);

  [[nodiscard]] unsigned id() const { return id_; }
  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  // How it ended last, e.g. "killed by signal 9".
  [[nodiscard]] const std::string& ending() const { return ending_; }

 private:
  void ended(int wait_status);

  unsigned id_;
  std::vector<std::string> command_;
  std::filesystem::path log_;
  pid_t pid_ = 0;
  bool paused_ = false;
  std::string ending_;
};

// The program chat262d: beside this one, where a build has it, or in PATH. Throws Failure.
[[nodiscard]] std::filesystem::path find_server_program();

}  // namespace chat262::control

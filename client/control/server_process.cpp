#include "client/control/server_process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "client/control/outcome.hpp"

namespace chat262::control {
namespace {

// In the child, between fork and exec: nothing here allocates or locks.
[[noreturn]] void become_server(char** arguments, int log, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Not in the terminal's foreground: Ctrl-C is for the one who typed it.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close_range(3, ~0U, 0);
  execv(arguments[0], arguments);
  _exit(127);
}

bool is_program(const std::filesystem::path& path) {
  return access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
}

}  // namespace

void ServerProcess::start() {
  const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    throw Failure{Exit::degraded, "cannot write " + log_.string() + ": " + std::strerror(errno)};
  }
  std::vector<char*> arguments;
  for (auto& word : command_) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) become_server(arguments.data(), log, parent);
  close(log);
  if (child < 0) throw Failure{Exit::degraded, std::string("fork: ") + std::strerror(errno)};
  pid_ = child;
  paused_ = false;
}

void ServerProcess::send(int signal) {
  if (!running()) return;
  kill(pid_, signal);
  if (signal == SIGSTOP) paused_ = true;
  if (signal == SIGCONT) paused_ = false;
}

bool ServerProcess::has_ended() {
  int status = 0;
  if (!running() || waitpid(pid_, &status, WNOHANG) != pid_) return false;
  ended(status);
  return true;
}

bool ServerProcess::wait_end(std::chrono::milliseconds at_most) {
  if (!running()) return true;
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd wait{process, POLLIN, 0};
  const int over = process < 0 ? 0 : poll(&wait, 1, static_cast<int>(at_most.count()));
  if (process >= 0) close(process);
  return over > 0 && has_ended();
}

void ServerProcess::ended(int wait_status) {
  pid_ = 0;
  paused_ = false;
  ending_ = WIFSIGNALED(wait_status)
                ? "killed by signal " + std::to_string(WTERMSIG(wait_status))
                : "ended with code " + std::to_string(WEXITSTATUS(wait_status));
}

std::filesystem::path find_server_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto folder = self.parent_path();
  for (const auto& path : {folder / "chat262d", folder / "../../broker/chat262d"}) {
    if (is_program(path)) return std::filesystem::canonical(path);
  }
  const char* paths = std::getenv("PATH");
  std::istringstream list(paths == nullptr ? "" : paths);
  for (std::string one; std::getline(list, one, ':');) {
    const auto path = std::filesystem::path(one) / "chat262d";
    if (is_program(path)) return path;
  }
  throw Failure{Exit::degraded, "the program chat262d is neither beside this one nor in PATH"};
}

}  // namespace chat262::control

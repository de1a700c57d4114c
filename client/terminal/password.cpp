#include "client/terminal/password.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>

#include "client/terminal/files.hpp"

namespace chat262::client {
namespace {

constexpr std::size_t line_bytes_max = 4096;

class Terminal {
 public:
  Terminal() : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}
  ~Terminal() {
    if (fd_ >= 0) ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// Echo is off while it lives. Signals that would end or stop the program wait meanwhile, so that
// the terminal is never left without echo.
class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGHUP, SIGTSTP}) sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, &mask_);
    tcgetattr(fd_, &before_);
    termios quiet = before_;
    // Ctrl-C and Ctrl-D are read as characters and end the question.
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~EchoOff() {
    tcsetattr(fd_, TCSADRAIN, &before_);
    sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

 private:
  int fd_;
  termios before_{};
  sigset_t mask_{};
};

void put(int fd, const std::string& text) {
  const ssize_t written = ::write(fd, text.data(), text.size());
  static_cast<void>(written);  // a terminal that is gone shows in the next read
}

void drop_last_character(std::string& text) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.back());
    text.pop_back();
    if ((byte & 0xc0U) != 0x80U) return;  // was the first byte of a UTF-8 character
  }
}

Result<std::string> line_of_standard_input() {
  std::string line;
  if (!std::getline(std::cin, line)) {
    return fail(Errc::not_found, "standard input ended where a password was expected");
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

}  // namespace

Result<std::string> ask_password(const std::string& prompt) {
  const Terminal terminal;
  if (terminal.fd() < 0) {
    return fail(Errc::not_found,
                "no terminal to ask for the password: use --password-file or --password-stdin");
  }
  const EchoOff echo_off(terminal.fd());
  put(terminal.fd(), prompt);
  std::string typed;
  for (;;) {
    char c = 0;
    const ssize_t n = ::read(terminal.fd(), &c, 1);
    if (n < 0 && errno == EINTR) continue;
    const bool given_up = n <= 0 || c == '\x03' || (c == '\x04' && typed.empty());
    if (given_up || c == '\n' || c == '\r' || c == '\x04') {
      put(terminal.fd(), "\n");
      if (given_up) return fail(Errc::invalid, "no password was given");
      return typed;
    }
    if (c == '\x7f' || c == '\b') {
      drop_last_character(typed);
    } else if (c == '\x15') {  // Ctrl-U
      typed.clear();
    } else if (typed.size() < line_bytes_max) {
      typed += c;
    }
  }
}

Result<std::string> get_password(const Arguments& arguments, PasswordUse use,
                                 const std::string& prompt) {
  if (!arguments.password_file.empty()) return first_line_of(arguments.password_file);
  if (arguments.password_stdin) return line_of_standard_input();
  auto typed = ask_password(prompt + ": ");
  if (!typed || use == PasswordUse::existing) return typed;
  const auto again = ask_password(prompt + " again: ");
  if (!again) return again;
  if (*again != *typed) return fail(Errc::invalid, "the two passwords differ");
  return typed;
}

Result<std::string> get_code(const Arguments& arguments) {
  if (!arguments.code_file.empty()) return first_line_of(arguments.code_file);
  if (arguments.password_stdin) return line_of_standard_input();
  return ask_password("code: ");
}

Result<std::string> get_new_password(const Arguments& arguments) {
  if (!arguments.new_password_file.empty()) return first_line_of(arguments.new_password_file);
  if (arguments.password_stdin) return line_of_standard_input();
  Arguments from_terminal;
  return get_password(from_terminal, PasswordUse::fresh, "new password");
}

}  // namespace chat262::client

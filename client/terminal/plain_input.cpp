#include "client/terminal/plain_input.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "client/terminal/password.hpp"

namespace chat262::client {
namespace {

constexpr int tick_ms = 250;
constexpr std::size_t line_bytes_max = 1024 * 1024;

}  // namespace

PlainInput::PlainInput(Mailbox& mailbox, Signals& signals)
    : mailbox_(mailbox), signals_(signals), terminal_(::isatty(STDIN_FILENO) == 1) {}

Line PlainInput::read_line(const std::string& prompt, bool /*remember*/) {
  prompt_ = terminal_ ? prompt : std::string();
  fmt::print("{}", prompt_);
  std::fflush(stdout);
  reading_ = true;
  stop_ = false;
  Line line;
  while (!take_line(line)) {
    pollfd ready[] = {{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0},
                      {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                      {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
    const int count = ::poll(ready, 3, tick_ms);
    if (on_tick) on_tick();
    mailbox_.run_all();
    const Signals::Seen seen = signals_.take();
    if (stop_ || seen.quit || seen.interrupt) {
      line.kind = seen.quit ? Line::Kind::end
                  : stop_   ? Line::Kind::abandoned
                            : Line::Kind::interrupted;
      break;
    }
    if (count <= 0 || ready[2].revents == 0) continue;
    std::array<char, 4096> chunk{};
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) ended_ = true;
    if (buffer_.size() > line_bytes_max) ended_ = true;
  }
  reading_ = false;
  return line;
}

bool PlainInput::take_line(Line& line) {
  const auto end = buffer_.find('\n');
  if (end == std::string::npos) {
    if (!ended_) return false;
    line.kind = buffer_.empty() ? Line::Kind::end : Line::Kind::text;
    line.text.swap(buffer_);
    return true;
  }
  line.text = buffer_.substr(0, end);
  if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
  buffer_.erase(0, end + 1);
  return true;
}

void PlainInput::set_prompt(const std::string& prompt) {
  if (!terminal_ || prompt == prompt_) return;
  prompt_ = prompt;
  if (reading_) print({});
}

Line PlainInput::read_secret(const std::string& prompt) {
  if (!terminal_) return read_line(prompt, false);
  auto typed = ask_password(prompt);
  if (!typed) return {.kind = Line::Kind::interrupted};
  return {.kind = Line::Kind::text, .text = std::move(*typed)};
}

void PlainInput::print(const std::vector<std::string>& lines) {
  if (reading_ && terminal_) fmt::print("\n");
  for (const std::string& line : lines) fmt::print("{}\n", line);
  if (reading_ && terminal_) fmt::print("{}", prompt_);
  std::fflush(stdout);
}

}  // namespace chat262::client

#include "client/terminal/edit_input.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "client/terminal/password.hpp"
#include "client/terminal/plain_input.hpp"
#include "client/terminal/screen.hpp"
#include "client/terminal/show.hpp"

namespace chat262::client {
namespace {

constexpr int tick_ms = 250;
constexpr int history_lines_max = 500;

}  // namespace

EditInput::EditInput(Mailbox& mailbox, Signals& signals, std::string history_file)
    : mailbox_(mailbox), signals_(signals), history_file_(std::move(history_file)) {
  edit_ = el_init("chat262", stdin, stdout, stderr);
  if (edit_ == nullptr) throw std::runtime_error("the terminal cannot be set up for line editing");
  history_ = history_init();
  el_set(edit_, EL_CLIENTDATA, this);
  el_set(edit_, EL_PROMPT, prompt_of);
  el_set(edit_, EL_EDITOR, "emacs");
  el_set(edit_, EL_SIGNAL, 0);  // ours: see Signals
  el_set(edit_, EL_GETCFN, next_character);
  if (history_ != nullptr) {
    HistEvent event{};
    history(history_, &event, H_SETSIZE, history_lines_max);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!history_file_.empty()) history(history_, &event, H_LOAD, history_file_.c_str());
    el_set(edit_, EL_HIST, history, history_);
  }
  el_source(edit_, nullptr);  // the person's own ~/.editrc
}

EditInput::~EditInput() {
  if (history_ != nullptr) history_end(history_);
  el_end(edit_);
}

Line EditInput::read_line(const std::string& prompt, bool remember) {
  prompt_ = prompt;
  stop_ = false;
  reason_ = Line::Kind::end;
  reading_ = true;
  int count = 0;
  const char* typed = el_gets(edit_, &count);
  reading_ = false;
  if (typed == nullptr || count <= 0) {
    fmt::print("{}\n", reason_ == Line::Kind::interrupted ? "^C" : "");
    std::fflush(stdout);
    return {.kind = reason_, .text = {}};
  }
  Line line{.kind = Line::Kind::text, .text = std::string(typed, static_cast<std::size_t>(count))};
  while (!line.text.empty() && (line.text.back() == '\n' || line.text.back() == '\r')) {
    line.text.pop_back();
  }
  entered_.assign(line.text.size(), L'\0');
  const std::size_t wide = std::mbstowcs(entered_.data(), line.text.c_str(), entered_.size());
  entered_.resize(wide == static_cast<std::size_t>(-1) ? 0 : wide);
  if (remember && !line.text.empty() && history_ != nullptr) {
    HistEvent event{};
    history(history_, &event, H_ENTER, line.text.c_str());
    if (!history_file_.empty()) history(history_, &event, H_SAVE, history_file_.c_str());
  }
  return line;
}

Line EditInput::read_secret(const std::string& prompt) {
  auto typed = ask_password(prompt);
  if (!typed) return {.kind = Line::Kind::interrupted, .text = {}};
  return {.kind = Line::Kind::text, .text = std::move(*typed)};
}

void EditInput::print(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  if (reading_) take_away();
  for (const std::string& line : lines) fmt::print("{}\n", line);
  std::fflush(stdout);
}

void EditInput::set_prompt(const std::string& prompt) {
  if (reading_) take_away();
  prompt_ = prompt;
}

bool EditInput::erase_entered() {
  // After Enter the cursor stands in the row below the last one of the line.
  const std::size_t last_row =
      cursor_row(display_width(prompt_), entered_, entered_.size(), columns());
  fmt::print("{}", erase_sequence(last_row + 1));
  std::fflush(stdout);
  return true;
}

void EditInput::take_away() {
  if (taken_away_) return;
  taken_away_ = true;
  const LineInfoW* line = el_wline(edit_);
  const std::wstring text(line->buffer, line->lastchar);
  const auto cursor = static_cast<std::size_t>(line->cursor - line->buffer);
  fmt::print("{}", erase_sequence(cursor_row(display_width(prompt_), text, cursor, columns())));
}

void EditInput::put_back() {
  if (!taken_away_) return;
  taken_away_ = false;
  el_set(edit_, EL_REFRESH);
}

std::size_t EditInput::columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

char* EditInput::prompt_of(EditLine* edit) {
  EditInput* self = nullptr;
  el_get(edit, EL_CLIENTDATA, &self);
  return self->prompt_.data();
}

int EditInput::next_character(EditLine* edit, wchar_t* character) {
  EditInput* self = nullptr;
  el_get(edit, EL_CLIENTDATA, &self);
  return self->wait_for_character(character);
}

// 1 with a character, 0 if there is none: then reason_ says why.
int EditInput::wait_for_character(wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    pollfd ready[] = {{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0},
                      {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                      {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
    const int count = ::poll(ready, 3, tick_ms);
    if (on_tick) on_tick();
    mailbox_.run_all();
    const Signals::Seen seen = signals_.take();
    if (seen.resize) {
      take_away();
      el_resize(edit_);
    }
    put_back();
    if (stop_ || seen.quit || seen.interrupt) {
      reason_ = seen.quit ? Line::Kind::end
                : stop_   ? Line::Kind::abandoned
                          : Line::Kind::interrupted;
      return 0;
    }
    if (count <= 0 || ready[2].revents == 0) continue;
    char byte = 0;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return 0;
    const std::size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<std::size_t>(-2)) continue;  // more bytes to come
    if (used == static_cast<std::size_t>(-1)) {          // no character: as if it was not typed
      state = {};
      continue;
    }
    return 1;
  }
}

std::unique_ptr<Input> make_input(Mailbox& mailbox, Signals& signals,
                                  const std::string& history_file) {
  const char* term = std::getenv("TERM");
  const bool able = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  if (able && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
    return std::make_unique<EditInput>(mailbox, signals, history_file);
  }
  return std::make_unique<PlainInput>(mailbox, signals);
}

}  // namespace chat262::client

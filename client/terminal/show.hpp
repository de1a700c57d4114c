// Messages and events as lines for people. Text of others is made harmless first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat262/client.hpp"

namespace chat262::client {

struct Style {
  bool colour = false;
  // True if `fd` is a terminal that can show colours and NO_COLOR is not set.
  static bool wants_colour(int fd);
};

[[nodiscard]] std::string clock_text(std::int64_t time_ms);  // HH:MM, local
[[nodiscard]] std::string day_text(std::int64_t time_ms);    // YYYY-MM-DD, local

// A name in the colour that it always has.
[[nodiscard]] std::string shown_name(const std::string& name, const Style& style);
[[nodiscard]] std::string dimmed(const std::string& text, const Style& style);
// "#lobby" or "@alice".
[[nodiscard]] std::string conversation_tag(const Target& target);

// Turns events into lines and puts a line between days.
class Transcript {
 public:
  explicit Transcript(Style style) : style_(style) {}

  // One line a line of the message, ready to print.
  std::vector<std::string> lines(const Message& message);
  std::vector<std::string> lines(const Event& event);

 private:
  void change_day(std::int64_t time_ms, std::vector<std::string>& lines);

  Style style_;
  std::string day_;  // of the last line
};

// Rows as a table: columns as wide as their widest cell, two spaces between.
[[nodiscard]] std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows);

// Sessions as lines: id, when it was opened, from where, by what, and which one this is.
[[nodiscard]] std::vector<std::string> session_lines(const std::vector<Session>& sessions);

// Columns of a terminal that UTF-8 text takes.
[[nodiscard]] std::size_t display_width(const std::string& text);

}  // namespace chat262::client

#include "client/terminal/show.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "protocol/names.hpp"

namespace chat262::client {
namespace {

std::string local_time(std::int64_t time_ms, const char* format) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(printable(text.substr(begin, end - begin)));
    if (end == std::string::npos) return lines;
    begin = end + 1;
  }
}

}  // namespace

bool Style::wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  if (term == nullptr || *term == '\0' || std::string_view(term) == "dumb") return false;
  return ::isatty(fd) == 1;
}

std::string clock_text(std::int64_t time_ms) {
  return local_time(time_ms, "%H:%M");
}
std::string day_text(std::int64_t time_ms) {
  return local_time(time_ms, "%Y-%m-%d");
}

std::string shown_name(const std::string& name, const Style& style) {
  const std::string safe = printable(name);
  if (!style.colour) return safe;
  static constexpr std::array<int, 6> colours{32, 33, 34, 35, 36, 31};
  std::uint32_t sum = 2166136261U;  // FNV-1a: the same name, the same colour
  for (const char c : name) sum = (sum ^ static_cast<unsigned char>(c)) * 16777619U;
  return fmt::format("\x1b[1;{}m{}\x1b[0m", colours[sum % colours.size()], safe);
}

std::string dimmed(const std::string& text, const Style& style) {
  return style.colour ? "\x1b[2m" + text + "\x1b[0m" : text;
}

std::string conversation_tag(const Target& target) {
  return (target.kind == Target::Kind::room ? "#" : "@") + printable(target.name);
}

std::vector<std::string> Transcript::lines(const Message& message) {
  std::vector<std::string> lines;
  // An imported message shows who wrote it and when, elsewhere. Both are what the sender says, who
  // therefore stands first: behind it the author may be any text, also one that looks like a
  // message.
  const std::int64_t time_ms = message.original ? message.original->time_ms : message.time_ms;
  change_day(time_ms, lines);
  std::string head = dimmed(clock_text(time_ms), style_) + " " +
                     dimmed(conversation_tag(message.conversation), style_) + " ";
  if (message.original) {
    head += dimmed("[by " + printable(message.from) + "] ", style_) +
            shown_name(message.original->author, style_);
  } else {
    head += shown_name(message.from, style_);
  }
  head += ": ";
  if (message.erased) {
    lines.push_back(head + dimmed("(erased: the account was deleted)", style_));
    return lines;
  }
  if (message.late) head += dimmed("(late) ", style_);
  if (message.undelivered) head += dimmed("(not delivered) ", style_);
  const std::vector<std::string> text = split_lines(message.text);
  lines.push_back(head + text.front());
  for (std::size_t i = 1; i < text.size(); ++i) lines.push_back("      " + text[i]);
  return lines;
}

std::vector<std::string> Transcript::lines(const Event& event) {
  if (const auto* message = std::get_if<Message>(&event)) return lines(*message);
  std::vector<std::string> lines;
  const auto moved = [&](std::int64_t time_ms, const std::string& user, const std::string& room,
                         const char* what) {
    change_day(time_ms, lines);
    lines.push_back(dimmed(clock_text(time_ms), style_) + " " +
                    dimmed("#" + printable(room), style_) + " " + shown_name(user, style_) +
                    dimmed(what, style_));
  };
  if (const auto* joined = std::get_if<Joined>(&event)) {
    moved(joined->time_ms, joined->user, joined->room, " joined");
  } else if (const auto* left = std::get_if<Left>(&event)) {
    moved(left->time_ms, left->user, left->room, " left");
  } else if (const auto* renamed = std::get_if<Renamed>(&event)) {
    const std::string now = conversation_tag({renamed->was.kind, renamed->name});
    const std::string what =
        renamed->self ? "somebody else was registered as " + printable(renamed->was.name) +
                            " too: your account is called " + printable(renamed->name) + " now"
                      : "each side had its own " + conversation_tag(renamed->was) +
                            ": one of the two is called " + now + " now";
    lines.push_back(dimmed("-- the network was split, and " + what, style_));
  } else if (const auto* undelivered = std::get_if<Undelivered>(&event)) {
    lines.push_back(dimmed(
        fmt::format("-- a message to {} was not delivered: the account had been deleted on the "
                    "other side of a network split",
                    conversation_tag(undelivered->to)),
        style_));
  }
  return lines;  // that another session of ours read something is no news
}

void Transcript::change_day(std::int64_t time_ms, std::vector<std::string>& lines) {
  std::string day = day_text(time_ms);
  if (day == day_) return;
  day_ = std::move(day);
  lines.push_back(dimmed("--- " + day_ + " ---", style_));
}

std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - display_width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::size_t display_width(const std::string& text) {
  std::size_t width = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t character = 0;
    const utf8proc_ssize_t used = utf8proc_iterate(bytes, left, &character);
    if (used <= 0) {  // no UTF-8: count the byte
      ++width;
      ++bytes;
      --left;
      continue;
    }
    width += static_cast<std::size_t>(std::max(0, utf8proc_charwidth(character)));
    bytes += used;
    left -= used;
  }
  return width;
}

std::vector<std::string> session_lines(const std::vector<Session>& sessions) {
  constexpr std::size_t id_digits = 12;
  std::vector<std::vector<std::string>> rows;
  for (const Session& session : sessions) {
    rows.push_back({session.id.substr(0, id_digits),
                    day_text(session.created_ms) + " " + clock_text(session.created_ms),
                    session.address.empty() ? "-" : printable(session.address),
                    session.client.empty() ? "-" : printable(session.client),
                    session.current ? "this one" : ""});
  }
  return table(rows);
}

}  // namespace chat262::client

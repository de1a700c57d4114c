#include "client/replay/irc_log.hpp"

#include <chrono>

#include "client/replay/clean_text.hpp"

namespace chat262::replay {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The number of `count` digits at `at`, nullopt if other characters stand there.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Takes "[HH:MM]" or "[HH:MM:SS]" from the front of `line`.
std::optional<std::int64_t> take_time(std::string_view& line) {
  const auto hour = digits(line, 1, 2);
  const auto minute = digits(line, 4, 2);
  if (!line.starts_with('[') || !hour || !minute || line[3] != ':') return std::nullopt;
  std::size_t end = 6;
  int second = 0;
  if (line.size() > end && line[end] == ':') {
    const auto given = digits(line, 7, 2);
    if (!given) return std::nullopt;
    second = *given;
    end = 9;
  }
  if (line.size() <= end || line[end] != ']') return std::nullopt;
  if (*hour > 23 || *minute > 59 || second > 60) return std::nullopt;
  line.remove_prefix(end + 1);
  return ((*hour * 60 + *minute) * 60 + second) * std::int64_t{1000};
}

IrcLine message(std::string_view author, std::string text, bool has_text, std::int64_t time) {
  IrcLine line;
  if (author.empty()) return line;
  line.kind = has_text ? IrcLineKind::message : IrcLineKind::wordless;
  line.author = clean_text(author);
  line.text = std::move(text);
  line.time_of_day_ms = time;
  return line;
}

// "<nick> text". Nicks may hold a space ("bur[n] er"), never '>'.
IrcLine parse_said(std::string_view rest, std::int64_t time) {
  const auto end = rest.find('>');
  if (end == std::string_view::npos) return {};
  auto text = rest.substr(end + 1);
  if (!text.empty() && text.front() != ' ') return {};
  if (!text.empty()) text.remove_prefix(1);
  return message(trimmed(rest.substr(1, end - 1)), clean_text(text), !trimmed(text).empty(), time);
}

// "* nick text"
IrcLine parse_action(std::string_view rest, std::int64_t time) {
  rest.remove_prefix(2);
  const auto end = rest.find(' ');
  const auto text = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return message(rest.substr(0, end), "/me " + clean_text(text), !trimmed(text).empty(), time);
}

}  // namespace

IrcLine parse_irc_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return {.kind = IrcLineKind::empty};
  if (line.starts_with("=== ") || line == "===") return {.kind = IrcLineKind::notice};
  const auto time = take_time(line);
  if (!time) return {};
  if (line.starts_with(" <")) return parse_said(line.substr(1), *time);
  if (line.starts_with("  * ")) return parse_action(line.substr(2), *time);
  if (line.starts_with(" * ")) return parse_action(line.substr(1), *time);
  return {};
}

std::optional<std::int64_t> date_in_file_name(std::string_view file_name) {
  namespace chrono = std::chrono;
  for (std::size_t at = 0; at < file_name.size(); ++at) {
    if (at > 0 && is_digit(file_name[at - 1])) continue;
    const auto year = digits(file_name, at, 4);
    if (!year || *year < 1970) continue;
    auto next = at + 4;
    const char separator = next < file_name.size() ? file_name[next] : '\0';
    const bool separated = separator == '-' || separator == '_' || separator == '.';
    if (separated) ++next;
    const auto month = digits(file_name, next, 2);
    next += 2;
    if (separated && (next >= file_name.size() || file_name[next] != separator)) continue;
    if (separated) ++next;
    const auto day = digits(file_name, next, 2);
    next += 2;
    if (!month || !day || (next < file_name.size() && is_digit(file_name[next]))) continue;
    const chrono::year_month_day date{chrono::year{*year},
                                      chrono::month{static_cast<unsigned>(*month)},
                                      chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) continue;
    return chrono::duration_cast<chrono::milliseconds>(chrono::sys_days{date}.time_since_epoch())
        .count();
  }
  return std::nullopt;
}

}  // namespace chat262::replay

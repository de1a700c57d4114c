// Reads lines of an IRC channel's log. Pure: text in, values out.
//
//   [HH:MM] <nick> text       a message          ([HH:MM:SS] too)
//   [HH:MM]  * nick text      an action: its text becomes "/me text"
//   === text                  a notice: joins, leaves, renames, modes; not a message
//
// The date is in the file's name. The time is taken as UTC and as written: such logs often use a
// 12-hour clock without saying which half, so times may step back; the order of lines is the order
// of messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat262::replay {

enum class IrcLineKind {
  message,
  notice,
  empty,     // nothing in it
  wordless,  // a message or an action without a text
  unknown    // none of the forms above
};

struct IrcLine {
  IrcLineKind kind = IrcLineKind::unknown;
  std::string author;               // of a message
  std::string text;                 // of a message; see clean_text()
  std::int64_t time_of_day_ms = 0;  // of a message
};

// One line without its newline; a carriage return at its end is dropped.
[[nodiscard]] IrcLine parse_irc_line(std::string_view line);

// Midnight UTC, in milliseconds since 1970, of the first date in `file_name`: 2005-02-06,
// 2005_02_06 or 20050206, between 1970 and 9999.
[[nodiscard]] std::optional<std::int64_t> date_in_file_name(std::string_view file_name);

}  // namespace chat262::replay

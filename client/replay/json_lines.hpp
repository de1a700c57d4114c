// Messages as JSON Lines: one object a line. Pure: text in, values out. Fields:
//
//   id        32 hexadecimal digits, the message's id            (written; not needed to read)
//   seq       its place in the log                               (written; not needed to read)
//   at        the same as an opaque cursor, hexadecimal          (written; not needed to read)
//   time_ms   when it was sent, milliseconds since 1970, UTC
//   room | to the room, or the user it was sent to               (not needed to read)
//   from      the account that sent it
//   original  {"author": ..., "time_ms": ...} of an imported message, else absent
//   text      what was said; "" if erased
//   erased    true if its author's account was deleted, else absent
//
// Unknown fields are passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "chat262/client.hpp"

namespace chat262::replay {

struct Record {
  std::string id;
  std::uint64_t seq = 0;
  std::string at;  // hexadecimal
  std::int64_t time_ms = 0;
  std::optional<client::Target> conversation;  // room, or the user it was sent to
  std::string from;
  std::optional<client::Original> original;
  std::string text;
  bool erased = false;

  // Who said it and when, wherever it was first said.
  [[nodiscard]] const std::string& author() const { return original ? original->author : from; }
  [[nodiscard]] std::int64_t said_ms() const { return original ? original->time_ms : time_ms; }
};

// With its newline.
[[nodiscard]] std::string to_json_line(const Record& record);

// The error says what is wrong with the line. A record without an author is an error, one without
// a time has time 0.
[[nodiscard]] tl::expected<Record, std::string> parse_json_line(std::string_view line);

}  // namespace chat262::replay

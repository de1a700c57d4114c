// Rules for what people type: names, passwords, texts, patterns. UTF-8 by utf8proc.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace chat262 {

struct Name {
  std::string shown;   // NFC
  std::string folded;  // NFKC case folding: what must be unique
};

// 1 to limits::name_bytes_max bytes of UTF-8; no white space, control or format character, `*`,
// nothing that shows as nothing; not empty after folding. The error's text says which rule is
// broken. Used for rooms too.
[[nodiscard]] Result<Name> parse_name(std::string_view typed);

// Folding alone, for patterns and look-ups; invalid UTF-8 is Errc::invalid.
[[nodiscard]] Result<std::string> fold(std::string_view text);

// Length limits; valid UTF-8.
[[nodiscard]] Result<void> check_password(std::string_view password);

// Not empty, valid UTF-8, at most limits::text_bytes_max, no control character but tab and newline.
[[nodiscard]] Result<void> check_text(std::string_view text);

// Both folded. `*` stands for any run of characters, also none.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

// For showing one line of text of others on a terminal: control, format and bidi characters
// (newline too, so split lines before) become U+FFFD, a tab a space; joiners of letters and emoji
// stay.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace chat262

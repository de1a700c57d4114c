// Bytes of unknown origin made into text that a server accepts.
#pragma once

#include <string>
#include <string_view>

namespace chat262::replay {

// Valid UTF-8 without control characters but tab and newline. A text that is not valid UTF-8 as a
// whole is read as Latin-1; each other control character becomes U+FFFD. Equal for equal input, so
// a file gives the same messages each time it is read.
[[nodiscard]] std::string clean_text(std::string_view raw);

// `text` without white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace chat262::replay

// IRC logs: each line of the input is read as a line of a log, and as a file's name.
#include "client/replay/irc_log.hpp"

#include "client/replay/clean_text.hpp"
#include "protocol/names.hpp"
#include "protocol/utf8.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

void check_line(std::string_view line) {
  const auto parsed = replay::parse_irc_line(line);
  if (parsed.kind == replay::IrcLineKind::message) {
    check(!parsed.author.empty(), "a message has an author");
    check(check_text(parsed.text).has_value(), "a server accepts an imported text");
    check(detail::valid_utf8(parsed.author), "an author is UTF-8");
    check(parsed.time_of_day_ms >= 0 && parsed.time_of_day_ms <= day_ms, "a time is one of a day");
  }
  const std::string clean = replay::clean_text(line);
  check(detail::valid_utf8(clean), "a clean text is UTF-8");
  check(replay::clean_text(clean) == clean, "a clean text stays as it is");
  check(clean.empty() || check_text(clean).has_value(), "a server accepts a clean text");
  const auto trimmed = replay::trimmed(line);
  check(replay::trimmed(trimmed) == trimmed, "a trimmed text stays as it is");
  if (const auto midnight = replay::date_in_file_name(line)) {
    check(*midnight >= 0 && *midnight % day_ms == 0 && *midnight < day_ms * 366 * 8030,
          "a date is a midnight from 1970 to 9999");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(ByteView(data, size));
  while (true) {
    const std::size_t end = text.find('\n');
    // A copy of its own, so that a read past the end of the line is seen.
    check_line(std::string(text.substr(0, end)));
    if (end == std::string_view::npos) return 0;
    text.remove_prefix(end + 1);
  }
}

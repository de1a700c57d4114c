// What people type: names, patterns, texts, and what a terminal shows of them.
#include "protocol/names.hpp"

#include "protocol/limits.hpp"
#include "protocol/utf8.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

void check_name(std::string_view typed) {
  const auto name = parse_name(typed);
  if (!name) return;
  check(!name->shown.empty() && !name->folded.empty(), "a name is not empty");
  check(
      name->shown.size() <= limits::name_bytes_max && name->folded.size() <= limits::name_bytes_max,
      "no name is over the limit");
  const auto twice = parse_name(name->shown);
  check(twice && twice->shown == name->shown && twice->folded == name->folded,
        "a name as shown is the same name");
  const auto folded = fold(typed);
  check(folded && *folded == name->folded, "a name is found as it was typed");
  const auto shown = fold(name->shown);
  check(shown && *shown == name->folded, "a name is found as it is shown");
  const auto again = fold(name->folded);
  check(again && *again == name->folded, "a folded name is its own folded form");
  const auto taken = parse_name(name->folded);
  check(taken && taken->folded == name->folded, "a folded name is a name");
  check(printable(name->shown) == name->shown, "a name is shown as it is");
  check(matches(name->folded, name->folded), "a name matches itself");
}

// The plain way, by its definition.
bool matches_slowly(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '*') {
    return !name.empty() && name.front() == pattern.front() &&
           matches_slowly(pattern.substr(1), name.substr(1));
  }
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (matches_slowly(pattern.substr(1), name.substr(i))) return true;
  }
  return false;
}

void check_pattern(std::string_view both) {
  constexpr std::size_t short_enough = 14;  // the plain way takes exponential time
  const std::size_t middle = both.find('\n');
  if (middle == std::string_view::npos) return;
  const std::string_view pattern = both.substr(0, middle);
  const std::string_view name = both.substr(middle + 1);
  const bool matched = matches(pattern, name);
  if (pattern.size() > short_enough || name.size() > short_enough) return;
  check(matched == matches_slowly(pattern, name), "a pattern matches what it says");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view typed = fuzz::text_of(ByteView(data, size));
  check_name(typed);
  check_pattern(typed);
  const bool valid = detail::valid_utf8(typed);
  const auto folded = fold(typed);
  check(folded.has_value() == valid, "all that is UTF-8 can be folded");
  if (folded) {
    check(detail::valid_utf8(*folded), "a folded text is UTF-8");
    const auto twice = fold(*folded);
    check(twice && *twice == *folded, "a folded text is its own folded form");
  }
  check(!check_text(typed) || valid, "a text is UTF-8");
  check(!check_password(typed) || valid, "a password is UTF-8");
  const std::string shown = printable(typed);
  check(detail::valid_utf8(shown), "what is shown is UTF-8");
  check(printable(shown) == shown, "what is shown is shown as it is");
  check(shown.find_first_of("\x1b\n\r\t\x7f") == std::string::npos,
        "no control character is shown");
  return 0;
}

// What people type: names, patterns, texts, and what a terminal shows of them.
#include "protocol/names.hpp"

#include <vector>

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

// The plain way: which beginnings of the name the pattern has matched so far.
bool matches_plainly(std::string_view pattern, std::string_view name) {
  std::vector<bool> matched(name.size() + 1);
  matched[0] = true;
  for (const char c : pattern) {
    if (c == '*') {
      std::fill(std::find(matched.begin(), matched.end(), true), matched.end(), true);
      continue;
    }
    for (std::size_t i = name.size(); i > 0; --i) matched[i] = matched[i - 1] && name[i - 1] == c;
    matched[0] = false;
  }
  return matched[name.size()];
}

void check_pattern(std::string_view both) {
  const std::size_t middle = both.find('\n');
  if (middle == std::string_view::npos) return;
  const std::string_view pattern = both.substr(0, middle);
  const std::string_view name = both.substr(middle + 1);
  check(matches(pattern, name) == matches_plainly(pattern, name), "a pattern matches what it says");
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

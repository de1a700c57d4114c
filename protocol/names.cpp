// Rules for names, passwords, texts and patterns.
#include "protocol/names.hpp"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "protocol/limits.hpp"
#include "protocol/utf8.hpp"

namespace chat262 {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

// One code point off the front of `text`; nullopt if there is none that is valid.
std::optional<utf8proc_int32_t> front(std::string_view text, std::size_t& bytes) {
  utf8proc_int32_t point = -1;
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t read =
      utf8proc_iterate(data, static_cast<utf8proc_ssize_t>(text.size()), &point);
  if (read <= 0 || point < 0) return std::nullopt;
  bytes = static_cast<std::size_t>(read);
  return point;
}

// Calls f with each code point of valid UTF-8 until it answers false; true if it never did.
template <class F>
bool all_points(std::string_view text, F&& f) {
  while (!text.empty()) {
    std::size_t bytes = 0;
    const auto point = front(text, bytes);
    if (!point || !f(*point)) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

Result<std::string> map(std::string_view text, unsigned options) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t size = utf8proc_map(data, static_cast<utf8proc_ssize_t>(text.size()),
                                             &mapped, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (size < 0) return fail(Errc::invalid, "is not valid UTF-8");
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

// What is wrong with a code point in a name; nullptr if nothing is.
const char* refused_in_names(utf8proc_int32_t point) {
  constexpr utf8proc_int32_t braille_blank = 0x2800;
  if (point == '*') return "holds a `*`";
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return "holds white space";
    case UTF8PROC_CATEGORY_CC:
      return point >= '\t' && point <= '\r' ? "holds white space" : "holds a control character";
    case UTF8PROC_CATEGORY_CF:
      return "holds an invisible format character";
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CN:  // its case folding is not yet known, so it could not stay unique
      return "holds a character that Unicode has not assigned";
    case UTF8PROC_CATEGORY_LO:  // Hangul fillers; marks that show as nothing go with folding
      return utf8proc_get_property(point)->ignorable != 0
                 ? "holds a character that shows as nothing"
                 : nullptr;
    default:
      return point == braille_blank ? "holds a character that shows as nothing" : nullptr;
  }
}

const char* refused_in_names(std::string_view text) {
  const char* why = nullptr;
  all_points(text, [&why](utf8proc_int32_t point) {
    why = refused_in_names(point);
    return why == nullptr;
  });
  return why;
}

bool is_control(utf8proc_int32_t point) {
  return utf8proc_category(point) == UTF8PROC_CATEGORY_CC;
}

bool shown_as_replacement(utf8proc_int32_t point) {
  constexpr utf8proc_int32_t non_joiner = 0x200C;
  constexpr utf8proc_int32_t joiner = 0x200D;
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_CF:  // the bidi controls are among them
      return point != non_joiner && point != joiner;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool detail::valid_utf8(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    std::size_t bytes = 0;
    if (!front(text, bytes)) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

Result<std::string> fold(std::string_view text) {
  constexpr unsigned options =
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
  // Marks are put in order first: case folding makes a letter of one of them (U+0345), behind which
  // the others would stay where they are.
  const auto ordered = map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (!ordered) return ordered;
  auto folded = map(*ordered, options);
  // Composing can make a character that folds once more; what is stored must be a fixed point.
  constexpr int rounds_max = 4;
  for (int round = 0; folded && round < rounds_max; ++round) {
    auto again = map(*folded, options);
    if (!again || *again == *folded) break;
    folded = std::move(again);
  }
  return folded;
}

Result<Name> parse_name(std::string_view typed) {
  // Composing can make a text shorter, at most to a third, so this is no limit of its own.
  constexpr std::size_t typed_bytes_max = 4 * limits::name_bytes_max;
  const std::string too_long =
      "the name is longer than " + std::to_string(limits::name_bytes_max) + " bytes";
  if (typed.empty()) return fail(Errc::invalid, "the name is empty");
  if (typed.size() > typed_bytes_max) return fail(Errc::invalid, too_long);
  if (!detail::valid_utf8(typed)) return fail(Errc::invalid, "the name is not valid UTF-8");
  if (const char* why = refused_in_names(typed)) {
    return fail(Errc::invalid, std::string("the name ") + why);
  }
  auto shown = map(typed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  auto folded = fold(typed);
  if (!shown || !folded) return fail(Errc::invalid, "the name is not valid UTF-8");
  if (folded->empty()) return fail(Errc::invalid, "the name has no visible character");
  if (shown->size() > limits::name_bytes_max) return fail(Errc::invalid, too_long);
  if (folded->size() > limits::name_bytes_max) {
    return fail(Errc::invalid, too_long + " after case folding");
  }
  // A full-width asterisk folds to an asterisk, a lone accent to a space and the accent.
  if (const char* why = refused_in_names(*folded)) {
    return fail(Errc::invalid, std::string("the name ") + why + " after case folding");
  }
  return Name{std::move(*shown), std::move(*folded)};
}

Result<void> check_password(std::string_view password) {
  if (password.size() < limits::password_bytes_min) {
    return fail(Errc::invalid, "the password is shorter than " +
                                   std::to_string(limits::password_bytes_min) + " bytes");
  }
  if (password.size() > limits::password_bytes_max) {
    return fail(Errc::invalid, "the password is longer than " +
                                   std::to_string(limits::password_bytes_max) + " bytes");
  }
  if (!detail::valid_utf8(password)) return fail(Errc::invalid, "the password is not valid UTF-8");
  return {};
}

Result<void> check_text(std::string_view text) {
  if (text.empty()) return fail(Errc::invalid, "the text is empty");
  if (text.size() > limits::text_bytes_max) {
    return fail(Errc::invalid,
                "the text is longer than " + std::to_string(limits::text_bytes_max) + " bytes");
  }
  if (!detail::valid_utf8(text)) return fail(Errc::invalid, "the text is not valid UTF-8");
  const bool clean = all_points(text, [](utf8proc_int32_t point) {
    return point == '\t' || point == '\n' || !is_control(point);
  });
  if (!clean) return fail(Errc::invalid, "the text holds a control character");
  return {};
}

// Each piece between stars is found at its first place behind the piece before: a piece that
// matched is never tried elsewhere, so the time is bounded by the product of both lengths.
bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t first_star = pattern.find('*');
  if (first_star == std::string_view::npos) return pattern == name;
  const std::size_t last_star = pattern.rfind('*');
  const std::string_view head = pattern.substr(0, first_star);
  const std::string_view tail = pattern.substr(last_star + 1);
  if (name.size() < head.size() + tail.size()) return false;
  if (!name.starts_with(head) || !name.ends_with(tail)) return false;
  name.remove_prefix(head.size());
  name.remove_suffix(tail.size());
  std::string_view middle = pattern.substr(first_star, last_star - first_star);
  while (!middle.empty()) {
    middle.remove_prefix(1);  // the star
    const std::string_view piece = middle.substr(0, middle.find('*'));
    const std::size_t found = name.find(piece);
    if (found == std::string_view::npos) return false;
    name.remove_prefix(found + piece.size());
    middle.remove_prefix(piece.size());
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t bytes = 1;
    const auto point = front(text, bytes);
    if (point == '\t') {
      out += ' ';
    } else if (!point || shown_as_replacement(*point)) {
      out += replacement;
    } else {
      out.append(text.substr(0, bytes));
    }
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace chat262

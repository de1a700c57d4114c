#include "client/replay/clean_text.hpp"

#include <utf8proc.h>

#include <cstdint>
#include <optional>

namespace chat262::replay {
namespace {

constexpr std::int32_t replacement = 0xFFFD;

bool is_control(std::int32_t code) {
  if (code == '\t' || code == '\n') return false;
  return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

void append(std::string& to, std::int32_t code) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(is_control(code) ? replacement : code, bytes);
  for (utf8proc_ssize_t i = 0; i < size; ++i) to.push_back(static_cast<char>(bytes[i]));
}

// nullopt if `raw` is not valid UTF-8.
std::optional<std::string> from_utf8(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(raw.data());
  auto left = static_cast<utf8proc_ssize_t>(raw.size());
  while (left > 0) {
    utf8proc_int32_t code = 0;
    const auto used = utf8proc_iterate(at, left, &code);
    if (used <= 0) return std::nullopt;
    append(text, code);
    at += used;
    left -= used;
  }
  return text;
}

}  // namespace

std::string clean_text(std::string_view raw) {
  if (auto text = from_utf8(raw)) return *std::move(text);
  std::string text;
  text.reserve(raw.size() * 2);
  for (const char c : raw) append(text, static_cast<unsigned char>(c));
  return text;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

}  // namespace chat262::replay

#include "protocol/codes.hpp"

#include "protocol/blake2b.hpp"

namespace chat262 {

namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t group = 5;

}  // namespace

std::string code_text(ByteView random) {
  std::string text;
  for (std::size_t i = 0; i < code_digits && i < random.size(); ++i) {
    if (i != 0 && i % group == 0) text += '-';
    text += digits[random[i] & 31U];
  }
  return text;
}

std::optional<Hash> code_hash(std::string_view typed) {
  std::string code;
  for (char c : typed) {
    if (c == ' ' || c == '-') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    if (digits.find(c) == std::string_view::npos || code.size() == code_digits) return std::nullopt;
    code += c;
  }
  if (code.size() != code_digits) return std::nullopt;
  return Hash{detail::Blake2b<32>().text("code").text(code).finish()};
}

}  // namespace chat262

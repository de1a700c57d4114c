#include "protocol/keys.hpp"

#include <sodium.h>

#include <algorithm>

namespace chat262 {

namespace {

constexpr std::string_view digits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::uint32_t base = 85;
constexpr std::size_t text_size = 40;

using KeyBytes = std::array<std::uint8_t, 32>;
static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32);

// Four bytes, big-endian, are five digits, the highest first.
std::string to_z85(const KeyBytes& bytes) {
  std::string text;
  text.reserve(text_size);
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    std::uint32_t value = 0;
    for (std::size_t k = 0; k < 4; ++k) value = value << 8 | bytes[i + k];
    for (std::uint32_t unit = base * base * base * base; unit > 0; unit /= base) {
      text += digits[value / unit % base];
    }
  }
  return text;
}

bool from_z85(std::string_view text, KeyBytes& bytes) {
  if (text.size() != text_size) return false;
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    std::uint64_t value = 0;
    for (std::size_t k = 0; k < 5; ++k) {
      const auto digit = digits.find(text[i / 4 * 5 + k]);
      if (digit == std::string_view::npos) return false;
      value = value * base + digit;
    }
    if (value > 0xffffffffU) return false;
    for (std::size_t k = 4; k-- > 0; value >>= 8) bytes[i + k] = static_cast<std::uint8_t>(value);
  }
  return std::any_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; });
}

}  // namespace

SecretKey::~SecretKey() {
  sodium_memzero(bytes_.data(), bytes_.size());
}

KeyPair new_key_pair() {
  KeyPair pair;
  KeyBytes secret{};
  crypto_box_keypair(pair.key.bytes.data(), secret.data());
  pair.secret = SecretKey(secret);
  sodium_memzero(secret.data(), secret.size());
  return pair;
}

KeyPair pair_of(const SecretKey& secret) {
  KeyPair pair;
  pair.secret = secret;
  crypto_scalarmult_base(pair.key.bytes.data(), secret.bytes().data());
  return pair;
}

std::string key_text(const PublicKey& key) {
  return to_z85(key.bytes);
}

std::string secret_text(const SecretKey& key) {
  return to_z85(key.bytes());
}

std::optional<PublicKey> key_from_text(std::string_view text) {
  PublicKey key;
  if (!from_z85(text, key.bytes)) return std::nullopt;
  return key;
}

std::optional<SecretKey> secret_from_text(std::string_view text) {
  KeyBytes bytes{};
  const bool read = from_z85(text, bytes);
  std::optional<SecretKey> key;
  if (read) key.emplace(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

void wipe(std::string& text) {
  sodium_memzero(text.data(), text.size());
  text.clear();
}

}  // namespace chat262

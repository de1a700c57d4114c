// CURVE keys (Curve25519), and how files and people write them: Z85, 40 characters (ZeroMQ RFC 32).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace chat262 {

// The secret half of a pair. Wiped where it is given up.
class SecretKey {
 public:
  static constexpr std::size_t size = 32;
  SecretKey() = default;
  explicit SecretKey(const std::array<std::uint8_t, size>& bytes) : bytes_(bytes) {}
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
  [[nodiscard]] const std::array<std::uint8_t, size>& bytes() const { return bytes_; }

 private:
  std::array<std::uint8_t, size> bytes_{};
};

struct KeyPair {
  PublicKey key{};
  SecretKey secret;
};

[[nodiscard]] KeyPair new_key_pair();
[[nodiscard]] KeyPair pair_of(const SecretKey& secret);

[[nodiscard]] std::string key_text(const PublicKey& key);
// For a key file only. Wipe it after use.
[[nodiscard]] std::string secret_text(const SecretKey& key);
// nullopt: not 40 characters of Z85, or all zero.
[[nodiscard]] std::optional<PublicKey> key_from_text(std::string_view text);
[[nodiscard]] std::optional<SecretKey> secret_from_text(std::string_view text);
void wipe(std::string& text);

}  // namespace chat262

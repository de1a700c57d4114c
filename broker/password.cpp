#include "broker/password.hpp"

#include <sodium.h>

#include <array>
#include <cstring>

#include "broker/server_limits.hpp"

namespace chat262::broker {

std::string hash_password(const std::string& password) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str(hash.data(), password.data(), password.size(), limits::password_passes,
                        limits::password_memory_bytes) != 0) {
    return {};
  }
  return hash.data();
}

bool verify_password(const std::string& password, const std::string& hash) {
  // libsodium reads the whole buffer's length by strlen; a hash of another length is no hash.
  if (hash.size() >= crypto_pwhash_STRBYTES) return false;
  std::array<char, crypto_pwhash_STRBYTES> text{};
  std::memcpy(text.data(), hash.data(), hash.size());
  return crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0;
}

const std::string& nobodys_hash() {
  static const std::string hash = [] {
    std::array<char, 32> random{};
    randombytes_buf(random.data(), random.size());
    return hash_password(std::string(random.data(), random.size()));
  }();
  return hash;
}

}  // namespace chat262::broker

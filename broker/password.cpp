#include "broker/password.hpp"

#include <sodium.h>

#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace chat262::broker {

std::string hash_password(const std::string& password, const PasswordCost& cost) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str(hash.data(), password.data(), password.size(), cost.passes,
                        std::size_t{cost.memory_mib} << 20U) != 0) {
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

// The string form begins "$argon2id$v=19$m=KIB,t=PASSES,".
bool is_cheaper(const std::string& hash, const PasswordCost& cost) {
  const auto number = [&hash](const char* key) -> std::optional<std::uint64_t> {
    const auto at = hash.find(key);
    if (at == std::string::npos) return std::nullopt;
    std::uint64_t value = 0;
    const char* const from = hash.data() + at + std::strlen(key);
    const auto [end, error] = std::from_chars(from, hash.data() + hash.size(), value);
    if (error != std::errc{} || end == from) return std::nullopt;
    return value;
  };
  const auto kib = number("$m=");
  const auto passes = number(",t=");
  if (!kib || !passes) return false;  // no hash of this kind
  return *kib < std::uint64_t{cost.memory_mib} * 1024 || *passes < cost.passes;
}

// One for each cost that is asked for: a process has one.
const std::string& nobodys_hash(const PasswordCost& cost) {
  static std::map<std::pair<unsigned, unsigned>, std::string> hashes;
  std::string& hash = hashes[{cost.memory_mib, cost.passes}];
  if (hash.empty()) {
    std::array<char, 32> random{};
    randombytes_buf(random.data(), random.size());
    hash = hash_password(std::string(random.data(), random.size()), cost);
  }
  return hash;
}

PasswordResult carry_out(const PasswordJob& job, const PasswordCost& cost) {
  PasswordResult result;
  result.verified = !job.verify || verify_password(job.password, job.hash);
  if (result.verified && job.make) {
    result.hash = hash_password(job.new_password, cost);
  } else if (result.verified && job.renew && is_cheaper(job.hash, cost)) {
    result.hash = hash_password(job.password, cost);
  }
  return result;
}

}  // namespace chat262::broker

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

namespace {

struct HashCost {
  std::uint64_t kib = 0;
  std::uint64_t passes = 0;
};

// The string form begins "$argon2id$v=19$m=KIB,t=PASSES,". nullopt: no hash of this kind.
std::optional<HashCost> cost_of(const std::string& hash) {
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
  if (!kib || !passes) return std::nullopt;
  return HashCost{*kib, *passes};
}

// The time that a wrong password takes must not tell an account whose hash is older than the
// present cost from a name that nobody has. Time goes by the memory that is taken, which costs
// about as much as one and a half passes, and what is written to it in all passes: the rest is made
// up for in one hash.
void take_the_time_of(const PasswordJob& job, const PasswordCost& cost) {
  const auto done = cost_of(job.hash);
  if (!done) return;
  const auto halves = [](std::uint64_t mib, std::uint64_t passes) {
    return mib * (3 + 2 * passes);
  };
  const auto all = halves(cost.memory_mib, cost.passes);
  const auto had = halves(done->kib / 1024, done->passes);
  if (had >= all) return;
  const auto mib = static_cast<unsigned>((all - had) / halves(1, cost.passes));
  if (mib > 0) static_cast<void>(hash_password(job.password, {mib, cost.passes}));
}

}  // namespace

bool is_cheaper(const std::string& hash, const PasswordCost& cost) {
  const auto had = cost_of(hash);
  if (!had) return false;
  return had->kib < std::uint64_t{cost.memory_mib} * 1024 || had->passes < cost.passes;
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
  } else if (!result.verified) {
    take_the_time_of(job, cost);
  }
  return result;
}

}  // namespace chat262::broker

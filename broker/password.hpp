// Password hashes: Argon2id in libsodium's string form. Slow on purpose; never on the reactor.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/cluster_file.hpp"

namespace chat262::broker {

// Empty if there was no memory for it.
[[nodiscard]] std::string hash_password(const std::string& password, const PasswordCost& cost = {});
[[nodiscard]] bool verify_password(const std::string& password, const std::string& hash);
// True if the hash was made with less memory, or fewer passes.
[[nodiscard]] bool is_cheaper(const std::string& hash, const PasswordCost& cost);

// A hash that no password has: verifying against it takes as long as against a real one.
[[nodiscard]] const std::string& nobodys_hash(const PasswordCost& cost = {});

struct PasswordJob {
  std::uint64_t id = 0;
  bool verify = false;  // `password` against `hash`
  std::string password;
  std::string hash;
  unsigned candidate = 0;  // of a log-in: 0 is the name's holder, then who was named so before
  bool make = false;       // then make a hash of `new_password`, if verified
  std::string new_password;
  bool renew =
      false;  // or one of `password`, if verified, where `hash` is cheaper than it should be
};

struct PasswordResult {
  bool verified = false;  // true also if there was nothing to verify
  std::string hash;       // the new one; empty if none was wanted, or it failed
};
[[nodiscard]] PasswordResult carry_out(const PasswordJob& job, const PasswordCost& cost);

class PasswordWorkers {
 public:
  virtual ~PasswordWorkers() = default;
  // The answer comes later, as PasswordDone. False: too many are waiting.
  [[nodiscard]] virtual bool start(PasswordJob job) = 0;
};

}  // namespace chat262::broker

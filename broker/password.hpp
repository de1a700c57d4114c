// Password hashes: Argon2id in libsodium's string form. Slow on purpose; never on the reactor.
#pragma once

#include <cstdint>
#include <string>

namespace chat262::broker {

// Empty if there was no memory for it.
[[nodiscard]] std::string hash_password(const std::string& password);
[[nodiscard]] bool verify_password(const std::string& password, const std::string& hash);

// A hash that no password has: verifying against it takes as long as against a real one.
[[nodiscard]] const std::string& nobodys_hash();

struct PasswordJob {
  std::uint64_t id = 0;
  bool verify = false;  // `password` against `hash`
  std::string password;
  std::string hash;
  unsigned candidate = 0;  // of a log-in: 0 is the name's holder, then who was named so before
  bool make = false;       // then make a hash of `new_password`, if verified
  std::string new_password;
};

class PasswordWorkers {
 public:
  virtual ~PasswordWorkers() = default;
  // The answer comes later, as PasswordDone. False: too many are waiting.
  [[nodiscard]] virtual bool start(PasswordJob job) = 0;
};

}  // namespace chat262::broker

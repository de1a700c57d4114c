// How often something may happen to each of many keys: so many times a second, and after a pause as
// many at once as in `burst_ms`.
//
// Of fixed size, so that no flood of keys makes it grow or forget: keys that meet in one cell share
// a rate, and a secret hash makes nobody meet a chosen victim. One number a cell: when the next
// request would be due if all came evenly (the generic cell rate algorithm of ATM traffic control).
//
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::broker {

// Of keys, secret: which cell a key falls into. 16 random bytes.
using HashSecret = std::array<std::uint8_t, 16>;
[[nodiscard]] HashSecret random_hash_secret();
[[nodiscard]] std::size_t cell_of(std::string_view key, const HashSecret& secret,
                                  std::size_t cells);

struct Rate {
  std::uint32_t times = 1;
  std::int64_t per_ms = 1000;
  std::int64_t burst_ms = 2000;  // worth of it at once
};

class RateLimiter {
 public:
  RateLimiter(const Rate& rate, const HashSecret& secret);

  // nullopt: it may happen, and is counted. Else in how many ms it may.
  [[nodiscard]] std::optional<std::uint32_t> refuses(std::string_view key, replica::Clock now);
  // What happened for a key of this cell was worth so many more.
  void charge(std::size_t cell, std::uint32_t times);

 private:
  const std::int64_t interval_us_;
  const std::int64_t burst_us_;
  const HashSecret secret_;
  std::vector<std::int64_t> due_us_;
};

}  // namespace chat262::broker

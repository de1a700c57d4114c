#include "broker/rate_limiter.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "broker/server_limits.hpp"

namespace chat262::broker {

static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<HashSecret>);

HashSecret random_hash_secret() {
  HashSecret secret{};
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

std::size_t cell_of(std::string_view key, const HashSecret& secret, std::size_t cells) {
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  std::array<std::uint8_t, 1> nothing{};
  const auto* begin =
      key.empty() ? nothing.data() : reinterpret_cast<const std::uint8_t*>(key.data());
  crypto_shorthash(hash.data(), begin, key.size(), secret.data());
  std::uint64_t number = 0;
  std::memcpy(&number, hash.data(), sizeof number);
  return number % cells;
}

RateLimiter::RateLimiter(const Rate& rate, const HashSecret& secret)
    : interval_us_(std::max<std::int64_t>(rate.per_ms * 1000 / rate.times, 1)),
      burst_us_(std::max(rate.burst_ms * 1000, interval_us_)),
      secret_(secret),
      due_us_(limits::rate_cells, 0) {}

std::optional<std::uint32_t> RateLimiter::refuses(std::string_view key, replica::Clock now) {
  auto& due = due_us_[cell_of(key, secret_, due_us_.size())];
  const std::int64_t now_us = now.value * 1000;
  const std::int64_t next = std::max(due, now_us) + interval_us_;
  const std::int64_t early_us = next - now_us - burst_us_;
  if (early_us > 0) return static_cast<std::uint32_t>((early_us + 999) / 1000);
  due = next;
  return std::nullopt;
}

void RateLimiter::charge(std::size_t cell, std::uint32_t times) {
  due_us_[cell] += interval_us_ * times;
}

}  // namespace chat262::broker

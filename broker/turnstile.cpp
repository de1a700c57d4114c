#include "broker/turnstile.hpp"

#include "broker/address_group.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

Turnstile::Turnstile(const ServiceLimits& limits, const HashSecret& secret)
    : limits_(limits),
      secret_(secret),
      addresses_({.times = limits.address_requests_per_s}, secret),
      sessions_({.times = limits.session_requests_per_s}, secret),
      open_(limits::rate_cells, 0) {}

std::optional<Turnstile::Refused> Turnstile::refuses_address(const std::string& address,
                                                             replica::Clock now) {
  const auto key = limited_group(address, limits_.loopback);
  if (key.empty()) return std::nullopt;
  const auto retry_ms = addresses_.refuses(key, now);
  if (!retry_ms) return std::nullopt;
  return Refused{*retry_ms, "too many requests from your address"};
}

std::optional<Turnstile::Refused> Turnstile::refuses_session(ByteView token, replica::Clock now) {
  if (token.empty()) return std::nullopt;
  const auto retry_ms =
      sessions_.refuses({reinterpret_cast<const char*>(token.data()), token.size()}, now);
  if (!retry_ms) return std::nullopt;
  return Refused{*retry_ms, "too many requests of this session"};
}

std::optional<Turnstile::Place> Turnstile::enter(const std::string& address) {
  const auto key = limited_group(address, limits_.loopback);
  if (key.empty()) return nowhere;
  const auto cell = cell_of(key, secret_, open_.size());
  if (open_[cell] >= limits_.address_open_requests) return std::nullopt;
  ++open_[cell];
  return static_cast<Place>(cell);
}

void Turnstile::leave(Place place) {
  if (place != nowhere) --open_[place];
}

}  // namespace chat262::broker

#include "broker/turnstile.hpp"

#include "broker/address_group.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

namespace {

std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

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
  const auto retry_ms = sessions_.refuses(text_of(token), now);
  if (!retry_ms) return std::nullopt;
  return Refused{*retry_ms, "too many requests of this session"};
}

std::optional<Turnstile::Place> Turnstile::enter(const std::string& address, ByteView token) {
  Place place;
  const auto cell = [this](std::string_view key) {
    return static_cast<std::uint32_t>(cell_of(key, secret_, open_.size()));
  };
  if (!token.empty()) place.session = cell(text_of(token));
  const auto key = limited_group(address, limits_.loopback);
  if (key.empty()) return place;
  place.address = cell(key);
  if (open_[place.address] >= limits_.address_open_requests) return std::nullopt;
  ++open_[place.address];
  return place;
}

void Turnstile::leave(const Place& place, std::size_t reply_bytes) {
  const auto more = static_cast<std::uint32_t>(reply_bytes / limits::reply_bytes_per_request);
  if (place.session != nowhere) sessions_.charge(place.session, more);
  if (place.address == nowhere) return;
  addresses_.charge(place.address, more);
  --open_[place.address];
}

}  // namespace chat262::broker

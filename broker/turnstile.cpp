#include "broker/turnstile.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "broker/server_limits.hpp"

namespace chat262::broker {

namespace {

constexpr std::size_t network_bytes = 8;  // of an IPv6 address

bool is_v4_loopback(const std::uint8_t* bytes) {
  return bytes[0] == 127;
}

}  // namespace

std::string limited_address(std::string_view address, bool loopback) {
  const std::string text(address.substr(0, address.find('%')));  // without an interface
  in6_addr v6{};
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    std::array<std::uint8_t, sizeof v4> bytes{};
    std::memcpy(bytes.data(), &v4, sizeof v4);
    if (is_v4_loopback(bytes.data()) && !loopback) return {};
    return {bytes.begin(), bytes.end()};
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return {};
  const auto* bytes = static_cast<const std::uint8_t*>(v6.s6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {  // as a socket for both says it
    const auto* inner = bytes + 12;
    if (is_v4_loopback(inner) && !loopback) return {};
    return {inner, inner + 4};
  }
  if (IN6_IS_ADDR_LOOPBACK(&v6) && !loopback) return {};
  return {bytes, bytes + network_bytes};
}

Turnstile::Turnstile(const ServiceLimits& limits, const HashSecret& secret)
    : limits_(limits),
      secret_(secret),
      addresses_({.times = limits.address_requests_per_s}, secret),
      sessions_({.times = limits.session_requests_per_s}, secret),
      open_(limits::rate_cells, 0) {}

std::optional<Turnstile::Refused> Turnstile::refuses_address(std::string_view address,
                                                             replica::Clock now) {
  const auto key = limited_address(address, limits_.loopback);
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

std::optional<Turnstile::Place> Turnstile::enter(std::string_view address) {
  const auto key = limited_address(address, limits_.loopback);
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

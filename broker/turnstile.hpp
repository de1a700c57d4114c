// Whether a client's request is taken in at all: by where it comes from, by its session, and by how
// many of its address are still unanswered.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/rate_limiter.hpp"
#include "protocol/ids.hpp"
#include "protocol/service_limits.hpp"

namespace chat262::broker {

class Turnstile {
 public:
  Turnstile(const ServiceLimits& limits, const HashSecret& secret);

  struct Refused {
    std::uint32_t retry_ms = 0;
    const char* text = "";
  };
  // Of a frame that came from there, whatever it holds.
  [[nodiscard]] std::optional<Refused> refuses_address(const std::string& address,
                                                       replica::Clock now);
  [[nodiscard]] std::optional<Refused> refuses_session(ByteView token, replica::Clock now);

  // A request of this address and session is open until leave() is called with what enter()
  // returned, and the size of the reply: a large one counts as several requests. nullopt: too many
  // are open.
  struct Place {
    std::uint32_t address = nowhere;
    std::uint32_t session = nowhere;
  };
  [[nodiscard]] std::optional<Place> enter(const std::string& address, ByteView token);
  void leave(const Place& place, std::size_t reply_bytes);

 private:
  static constexpr std::uint32_t nowhere = UINT32_MAX;  // not limited
  const ServiceLimits limits_;
  const HashSecret secret_;
  RateLimiter addresses_;
  RateLimiter sessions_;
  std::vector<std::uint32_t> open_;  // by the address's cell
};

}  // namespace chat262::broker

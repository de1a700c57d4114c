#include "broker/handshakes.hpp"

#include <algorithm>

#include "broker/address_group.hpp"
#include "broker/curve.hpp"

namespace chat262::broker {

Handshakes::Handshakes(const ServiceLimits& limits, const HashSecret& secret, bool encrypted)
    : loopback_(limits.loopback),
      encrypted_(encrypted),
      rate_({.times = limits.address_handshakes_per_s, .per_ms = 1000, .burst_ms = burst_ms},
            secret) {}

Handshakes::Verdict Handshakes::judge(const Request& request, const std::vector<KnownKey>& keys,
                                      replica::Clock now) {
  if (!encrypted_) {
    if (request.domain != clients_domain || request.mechanism != "NULL") return {};
    return {is_too_many(request.address, now) ? Outcome::too_many : Outcome::admitted, {}};
  }
  const bool servers = request.domain == servers_domain;
  if ((!servers && request.domain != clients_domain) || request.mechanism != "CURVE" ||
      !request.key) {
    return {};
  }
  const auto known = std::find_if(keys.begin(), keys.end(),
                                  [&](const KnownKey& each) { return each.key == *request.key; });
  if (servers && known != keys.end() && !known->former) return {Outcome::admitted, known->server};
  if (is_too_many(request.address, now)) return {Outcome::too_many, {}};
  if (!servers) return {Outcome::admitted, {}};
  if (known != keys.end()) return {Outcome::former, known->server};
  return {Outcome::unknown, {}};
}

bool Handshakes::is_too_many(const std::string& address, replica::Clock now) {
  const auto group = limited_group(address, loopback_);
  return !group.empty() && rate_.refuses(group, now).has_value();
}

}  // namespace chat262::broker

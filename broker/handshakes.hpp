// Who is admitted to this server's sockets: decided for every connection, by domain, key and
// address. No sockets and no threads; the clock comes with every call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/rate_limiter.hpp"
#include "protocol/ids.hpp"
#include "protocol/service_limits.hpp"

namespace chat262::broker {

// Of one server of the cluster.
struct KnownKey {
  PublicKey key{};
  ServerId server{};
  bool former = false;  // of a machine that had the server's number before: refused
  bool operator==(const KnownKey&) const = default;
};

class Handshakes {
 public:
  // Of one address only so many are admitted, so that nobody fills the server with connections, of
  // which libzmq can close none. Keys of the cluster's servers do not count. In a cluster without
  // keys (`encrypted` false) that is all there is to decide, and only clients ask.
  Handshakes(const ServiceLimits& limits, const HashSecret& secret, bool encrypted);
  static constexpr std::int64_t burst_ms = 4000;  // worth of them at once

  struct Request {
    std::string domain;
    std::string address;  // IP
    std::string mechanism;
    std::optional<PublicKey> key;  // none: it is none of CURVE's
  };
  enum class Outcome { admitted, unknown, former, too_many, malformed };
  struct Verdict {
    Outcome outcome = Outcome::malformed;
    std::optional<ServerId> server;  // whose key it is
  };
  [[nodiscard]] Verdict judge(const Request& request, const std::vector<KnownKey>& keys,
                              replica::Clock now);

 private:
  [[nodiscard]] bool is_too_many(const std::string& address, replica::Clock now);

  const bool loopback_;
  const bool encrypted_;
  RateLimiter rate_;
};

}  // namespace chat262::broker

// Who is admitted to this server's sockets: decided for every connection, by domain, key and
// address. No sockets and no threads; the clock comes with every call.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.hpp"

namespace chat262::broker {

// Of one server of the cluster.
struct KnownKey {
  PublicKey key{};
  ServerId server{};
  bool former = false;  // of a machine that had the server's number before: refused
  bool operator==(const KnownKey&) const = default;
};

// Handshakes of one address, so that nobody fills the server with connections, of which libzmq can
// close none. Keys of the cluster's servers do not count.
struct HandshakeLimits {
  double per_second = 50;
  double burst = 200;
  std::size_t addresses_max = 4096;  // that are remembered; past it those that wait longest are not
  bool loopback = false;             // also of loopback addresses
};

class Handshakes {
 public:
  explicit Handshakes(const HandshakeLimits& limits = {}) : limits_(limits) {}

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
                              std::int64_t now_ms);

 private:
  struct Bucket {
    double left = 0;
    std::int64_t at_ms = 0;
  };
  [[nodiscard]] bool takes_token(const std::string& address, std::int64_t now_ms);

  HandshakeLimits limits_;
  std::map<std::string, Bucket> buckets_;  // by address; IPv6: by network
};

// What to call an address that is counted: an IPv6 network of 64 bits is one user's.
[[nodiscard]] std::string counted_address(const std::string& address);
[[nodiscard]] bool is_loopback_address(const std::string& address);

}  // namespace chat262::broker

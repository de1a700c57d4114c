// Where a server listens.
#pragma once

#include <cstdint>
#include <string>

namespace chat262 {

struct Place {
  std::string host;  // name, IPv4, or IPv6 without brackets; in one spelling
  std::uint16_t client_port = 0;
  std::uint16_t peer_port = 0;
  bool operator==(const Place&) const = default;
};

// For people: HOST:PORT or [IPV6]:PORT of the client port, and the peer port if it is not the one
// above.
[[nodiscard]] std::string place_text(const Place& place);

}  // namespace chat262

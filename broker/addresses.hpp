// Host names to numeric addresses.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "protocol/result.hpp"

namespace chat262::broker {

struct Address {
  sockaddr_storage socket{};  // with port
  socklen_t length = 0;
  std::string endpoint;  // tcp://ADDRESS:PORT, numeric, IPv6 in brackets
};

enum class Names { resolved, refused };

// Errors: invalid, naming the host. A name may wait for the system's resolver; it is not even tried
// with Names::refused.
[[nodiscard]] Result<Address> resolve(const std::string& host, std::uint16_t port,
                                      Names names = Names::resolved);

}  // namespace chat262::broker

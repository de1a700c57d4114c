// Host names to numeric addresses, once at the start.
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

// Errors: invalid, naming the host.
[[nodiscard]] Result<Address> resolve(const std::string& host, std::uint16_t port);

}  // namespace chat262::broker

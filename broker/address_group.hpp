// Addresses as limits go by them.
#pragma once

#include <string>

namespace chat262::broker {

// An IPv4 address, also where a socket for both shows it as IPv6, as it is; of IPv6 the network of
// 64 bits, which is one customer's. What is no address stays as it is.
[[nodiscard]] std::string address_group(const std::string& address);
// Also one that is not known.
[[nodiscard]] bool is_loopback(const std::string& address);

// The group if it is to be counted, else "": a loopback address, unless `loopback` says that these
// are limited too.
[[nodiscard]] std::string limited_group(const std::string& address, bool loopback);

}  // namespace chat262::broker

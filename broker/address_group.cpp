#include "broker/address_group.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace chat262::broker {

std::string address_group(const std::string& address) {
  const auto bare = address.substr(0, address.find('%'));  // without an interface
  in6_addr v6{};
  if (inet_pton(AF_INET6, bare.c_str(), &v6) != 1) return address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    return inet_ntop(AF_INET, &v6.s6_addr[12], text.data(), text.size());
  }
  if (IN6_IS_ADDR_LOOPBACK(&v6)) return bare;
  std::memset(&v6.s6_addr[8], 0, 8);
  return inet_ntop(AF_INET6, &v6, text.data(), text.size()) + std::string("/64");
}

bool is_loopback(const std::string& address) {
  const auto group = address_group(address);
  return group.empty() || group == "::1" || group.starts_with("127.");
}

std::string limited_group(const std::string& address, bool loopback) {
  if (!loopback && is_loopback(address)) return {};
  return address_group(address);
}

}  // namespace chat262::broker

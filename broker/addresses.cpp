#include "broker/addresses.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <array>
#include <cstring>
#include <memory>

namespace chat262::broker {

Result<Address> resolve(const std::string& host, std::uint16_t port, Names names) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (names == Names::refused ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  const auto service = std::to_string(port);
  const int error = getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  if (error != 0) {
    return fail(Errc::invalid, "cannot resolve \"" + host + "\": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, freeaddrinfo);
  // Where a name has both, IPv4: a loopback name should mean the same on every machine.
  const addrinfo* best = found;
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      best = each;
      break;
    }
  }
  Address address;
  std::memcpy(&address.socket, best->ai_addr, best->ai_addrlen);
  address.length = best->ai_addrlen;
  std::array<char, NI_MAXHOST> text{};
  if (getnameinfo(best->ai_addr, best->ai_addrlen, text.data(), text.size(), nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return fail(Errc::invalid, "cannot read the address of \"" + host + "\"");
  }
  const std::string numeric = text.data();
  address.endpoint =
      "tcp://" + (best->ai_family == AF_INET6 ? "[" + numeric + "]" : numeric) + ":" + service;
  return address;
}

}  // namespace chat262::broker

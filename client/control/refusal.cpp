#include "client/control/refusal.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace chat262::control {
namespace {

constexpr int wait_ms_max = 500;

bool refuses(const addrinfo& address) {
  const int tried =
      socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (tried < 0) return false;
  int error = connect(tried, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd waits{tried, POLLOUT, 0};
    socklen_t size = sizeof error;
    error = 0;
    if (poll(&waits, 1, wait_ms_max) == 1) {
      getsockopt(tried, SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  close(tried);
  return error == ECONNREFUSED;
}

}  // namespace

bool refuses_connections(const std::string& endpoint) {
  constexpr std::string_view scheme = "tcp://";
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with(scheme) || colon < scheme.size()) return false;
  std::string host = endpoint.substr(scheme.size(), colon - scheme.size());
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), endpoint.substr(colon + 1).c_str(), &hints, &found) != 0) {
    return false;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  return refuses(*addresses);
}

}  // namespace chat262::control

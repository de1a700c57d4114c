#include "broker/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "broker/addresses.hpp"

namespace chat262::broker {

namespace {

constexpr int backlog = 1024;
constexpr std::string_view prefix = "tcp://";

Result<Address> address_of(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with(prefix) || colon < prefix.size()) {
    return fail(Errc::invalid, endpoint + ": not an endpoint");
  }
  auto host = endpoint.substr(prefix.size(), colon - prefix.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = std::strtoul(endpoint.c_str() + colon + 1, nullptr, 10);
  return resolve(host, static_cast<std::uint16_t>(port), Names::refused);
}

bool listens(int fd, const Address& address) {
  const int yes = 1;
  const int no = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) return false;
  const auto family = address.socket.ss_family;
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  return bind(fd, reinterpret_cast<const sockaddr*>(&address.socket), address.length) == 0 &&
         listen(fd, backlog) == 0;
}

}  // namespace

Result<Listener> Listener::open(const std::string& endpoint, const std::string& whom) {
  const auto address = address_of(endpoint);
  if (!address) return tl::unexpected<Error>(address.error());
  Listener listener;
  listener.endpoint_ = endpoint;
  // Not blocking: for a moment two of libzmq's listeners may look at it.
  listener.fd_ =
      ::socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (listener.fd_ < 0 || !listens(listener.fd_, *address)) {
    return fail(errno == EADDRINUSE ? Errc::in_use : Errc::system,
                "cannot listen for " + whom + " at " + endpoint + ": " + std::strerror(errno));
  }
  return listener;
}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      endpoint_(std::move(other.endpoint_)),
      bound_(std::move(other.bound_)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(endpoint_, other.endpoint_);
  std::swap(bound_, other.bound_);
  return *this;
}

void Listener::give(zmq::socket_t& socket) {
  if (!bound_.empty()) socket.unbind(std::exchange(bound_, {}));
  const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 0);  // libzmq closes it
  if (copy < 0) throw zmq::error_t();
  socket.set(zmq::sockopt::use_fd, copy);
  socket.bind(endpoint_);
  bound_ = socket.get(zmq::sockopt::last_endpoint);
}

}  // namespace chat262::broker

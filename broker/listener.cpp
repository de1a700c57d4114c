#include "broker/listener.hpp"

#include <fcntl.h>
#include <linux/filter.h>
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
  if (!endpoint.starts_with(prefix) || colon == std::string::npos || colon < prefix.size()) {
    return fail(Errc::invalid, endpoint + ": not an endpoint");
  }
  auto host = endpoint.substr(prefix.size(), colon - prefix.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = std::strtoul(endpoint.c_str() + colon + 1, nullptr, 10);
  return resolve(host, static_cast<std::uint16_t>(port), Names::refused);
}

bool set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// Of all sockets that listen at the port, the one that is counted so gets what comes.
bool prefer(int fd, std::size_t index) {
  sock_filter always{BPF_RET | BPF_K, 0, 0, static_cast<std::uint32_t>(index)};
  const sock_fprog program{1, &always};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

}  // namespace

Result<Listener> Listener::open(const std::string& endpoint, const std::string& whom) {
  Listener listener;
  listener.endpoint_ = endpoint;
  if (const auto address = address_of(endpoint); !address) {
    return tl::unexpected<Error>(address.error());
  }
  if (!listener.add()) {
    return fail(errno == EADDRINUSE ? Errc::in_use : Errc::system,
                "cannot listen for " + whom + " at " + endpoint + ": " + std::strerror(errno));
  }
  return listener;
}

bool Listener::add() {
  const auto address = address_of(endpoint_);
  if (!address) return false;
  const int fd =
      ::socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) return false;
  // The first one alone must not share its port: another process would be let in as well. The
  // kernel shares it only among sockets that all want to.
  bool done = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  for (const int other : sockets_) done = done && set(other, SOL_SOCKET, SO_REUSEPORT, 1);
  if (!sockets_.empty()) done = done && set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (address->socket.ss_family == AF_INET6) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  done = done &&
         bind(fd, reinterpret_cast<const sockaddr*>(&address->socket), address->length) == 0 &&
         listen(fd, backlog) == 0;
  if (!sockets_.empty()) done = done && prefer(fd, sockets_.size());
  if (done) {
    sockets_.push_back(fd);
  } else {
    const int why = errno;
    ::close(fd);
    errno = why;
  }
  return done;
}

Listener::~Listener() {
  for (const int fd : sockets_) ::close(fd);
}

Listener::Listener(Listener&& other) noexcept
    : sockets_(std::exchange(other.sockets_, {})),
      endpoint_(std::move(other.endpoint_)),
      given_(other.given_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(sockets_, other.sockets_);
  std::swap(endpoint_, other.endpoint_);
  std::swap(given_, other.given_);
  return *this;
}

Result<void> Listener::give(zmq::socket_t& socket) {
  const auto failed = [this](const char* why) {
    return fail(Errc::system, "cannot listen at " + endpoint_ + " with another key: " + why);
  };
  if (given_ && !add()) return failed(std::strerror(errno));
  given_ = true;
  const int copy = fcntl(sockets_.back(), F_DUPFD_CLOEXEC, 0);  // libzmq closes it
  if (copy < 0) return failed(std::strerror(errno));
  try {
    socket.set(zmq::sockopt::use_fd, copy);
    socket.bind(endpoint_);
  } catch (const zmq::error_t& error) {
    return failed(error.what());
  }
  return {};
}

}  // namespace chat262::broker

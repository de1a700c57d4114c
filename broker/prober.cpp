#include "broker/prober.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

constexpr std::int64_t again_after_ms = 15;
constexpr unsigned again_times = 4;

// On loopback a connect to a port of the ephemeral range may find itself at the other end.
bool connected_to_itself(int fd) {
  sockaddr_storage own{};
  sockaddr_storage other{};
  socklen_t own_length = sizeof own;
  socklen_t other_length = sizeof other;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_length) == 0 &&
         getpeername(fd, reinterpret_cast<sockaddr*>(&other), &other_length) == 0 &&
         own_length == other_length && std::memcmp(&own, &other, own_length) == 0;
}

bool refused(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return false;
  return error == ECONNREFUSED || (error == 0 && connected_to_itself(fd));
}

}  // namespace

Prober::~Prober() {
  for (const auto& [peer, probe] : probes_) close(probe.fd);
}

void Prober::start(ServerId peer, replica::Clock now) {
  last_[peer] = now;
  if (probes_.count(peer) != 0) return;
  const auto address = peers_.find(peer);
  if (address == peers_.end()) {
    ready_.push_back({peer, false, now});
    return;
  }
  const auto& to = address->second;
  const int fd = socket(to.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    ready_.push_back({peer, false, now});
    return;
  }
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.socket), to.length) == 0) {
    ready_.push_back({peer, connected_to_itself(fd), now});
    close(fd);
  } else if (errno == EINPROGRESS) {
    probes_[peer] = {fd, now, clock_ms(now.value + limits::probe_ms_max)};
  } else {
    ready_.push_back({peer, errno == ECONNREFUSED, now});
    close(fd);
  }
}

void Prober::start_sparingly(ServerId peer, replica::Clock now) {
  const auto last = last_.find(peer);
  if (last != last_.end() && now.value - last->second.value < limits::probe_every_ms) return;
  start(peer, now);
}

void Prober::start_insistently(ServerId peer, replica::Clock now) {
  again_[peer] = {clock_ms(now.value + again_after_ms), again_times};
  start(peer, now);
}

void Prober::forget(ServerId peer) {
  if (const auto place = probes_.find(peer); place != probes_.end()) {
    close(place->second.fd);
    probes_.erase(place);
  }
  last_.erase(peer);
  again_.erase(peer);
  std::erase_if(ready_, [peer](const replica::ProbeResult& result) { return result.peer == peer; });
}

void Prober::finish(replica::Clock now, std::vector<replica::ProbeResult>& results) {
  for (auto place = again_.begin(); place != again_.end();) {
    auto& again = place->second;
    if (now >= again.at) {
      again.at = clock_ms(now.value + again_after_ms);
      --again.left;
      start(place->first, now);
    }
    place = again.left == 0 ? again_.erase(place) : std::next(place);
  }
  results.insert(results.end(), ready_.begin(), ready_.end());
  ready_.clear();
  for (auto place = probes_.begin(); place != probes_.end();) {
    const auto& probe = place->second;
    pollfd item{probe.fd, POLLOUT, 0};
    const bool done = poll(&item, 1, 0) > 0;
    if (!done && now < probe.deadline) {
      ++place;
      continue;
    }
    results.push_back({place->first, done && refused(probe.fd), probe.asked});
    close(probe.fd);
    place = probes_.erase(place);
  }
}

std::optional<replica::Clock> Prober::next_deadline() const {
  std::optional<replica::Clock> next;
  const auto consider = [&next](replica::Clock deadline) {
    if (!next || deadline < *next) next = deadline;
  };
  if (!ready_.empty()) consider(replica::Clock{});
  for (const auto& [peer, probe] : probes_) consider(probe.deadline);
  for (const auto& [peer, again] : again_) consider(again.at);
  return next;
}

void Prober::poll_items(std::vector<zmq::pollitem_t>& items) const {
  for (const auto& [peer, probe] : probes_) items.push_back({nullptr, probe.fd, ZMQ_POLLOUT, 0});
}

}  // namespace chat262::broker

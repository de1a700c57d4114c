// Tells a dead process from a silent one: a plain TCP connect to a peer's port. Refused by the
// kernel there: no process listens. (A firewall's reject looks the same.) Never waits.
#pragma once

#include <map>
#include <optional>
#include <vector>
#include <zmq.hpp>

#include "broker/addresses.hpp"
#include "broker/replica/io.hpp"
#include "protocol/ids.hpp"

namespace chat262::broker {

class Prober {
 public:
  explicit Prober(const std::map<ServerId, Address>& peers) : peers_(peers) {}
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Starts a connect, unless one is under way. Its result comes out of finish().
  void start(ServerId peer, replica::Clock now);
  // As start(), but not more often than every limits::probe_every_ms.
  void start_sparingly(ServerId peer, replica::Clock now);
  // As start(), and again a few times: a dying process may lose its connections a moment before
  // the port on which it listens.
  void start_insistently(ServerId peer, replica::Clock now);

  // The peer is elsewhere now: what is under way says nothing of it.
  void forget(ServerId peer);

  void finish(replica::Clock now, std::vector<replica::ProbeResult>& results);

  void poll_items(std::vector<zmq::pollitem_t>& items) const;
  // When finish() is due at the latest.
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

 private:
  struct Probe {
    int fd = -1;
    replica::Clock asked{};
    replica::Clock deadline{};
  };

  struct Again {
    replica::Clock at{};
    unsigned left = 0;
  };

  const std::map<ServerId, Address>& peers_;
  std::map<ServerId, Probe> probes_;
  std::map<ServerId, replica::Clock> last_;
  std::map<ServerId, Again> again_;
  std::vector<replica::ProbeResult> ready_;
};

}  // namespace chat262::broker

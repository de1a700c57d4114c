// The servers of the cluster: who they are and where. The cluster file says it, and over it the
// log, where servers were replaced by other machines.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/replica/replica.hpp"
#include "broker/wall_clock.hpp"
#include "protocol/client_replies.hpp"
#include "protocol/cluster_file.hpp"
#include "protocol/limits.hpp"
#include "protocol/peer_messages.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

class Members {
 public:
  // `file`: of the cluster file or command line. `said`: by the log when it was last asked; a
  // server listens where that says.
  Members(const ClusterConfig& file, ServerId self, const std::vector<store::ReplacedServer>& said);

  // As it is now; the reference stays good.
  [[nodiscard]] const ClusterConfig& now() const { return now_; }
  [[nodiscard]] std::uint32_t replaced(ServerId server) const { return of(server).replaced; }

  [[nodiscard]] Seq since(ServerId server) const { return of(server).at; }
  [[nodiscard]] reply::Cluster reply() const;

  // What the log says, committed up to `commit`: what is above stays as it was. Returns the servers
  // that are elsewhere now.
  std::vector<ServerId> take(const std::vector<store::ReplacedServer>& said, Seq commit);

  // A server of this claim was heard. True: it knows of more replacements of itself than this
  // server does, so it is looked for where it says, until the log says more. (A server that was
  // down while all others moved would find nobody.)
  bool learn(ServerId server, const peer::Claim& claim);

  // The process that sends this is the machine that has the server's number now, as far as this
  // server knows. A message of feature level 1 has no claim.
  [[nodiscard]] bool takes_part(ServerId server, const std::optional<peer::Claim>& claim) const;
  // Where machines may be that had the server's number before.
  [[nodiscard]] std::vector<Place> former(ServerId server) const;
  // What one of them is to be told.
  [[nodiscard]] peer::Superseded superseded(ServerId server) const;
  // A server says so of this number: this process is one of them.
  [[nodiscard]] bool means_this(const peer::Superseded& said) const;
  // Of this very process.
  [[nodiscard]] peer::Claim claim() const { return {replaced(self_), listens_}; }
  // The log says that another machine has this server's number.
  [[nodiscard]] bool self_replaced() const;

  // Where the file is behind the log, for people; "" if it is not.
  [[nodiscard]] std::string difference() const;

  // Feature level of what a server sent last; 0: it sent nothing yet.
  void heard_level(ServerId server, std::uint8_t level) { of(server).level = level; }
  [[nodiscard]] std::uint8_t level(ServerId server) const { return of(server).level; }
  // Of the servers that are heard, one with a lower level.
  [[nodiscard]] std::optional<ServerId> outdated(const replica::Summary& summary,
                                                 std::uint8_t level) const;

  // What the others say the time is.
  [[nodiscard]] WallClock& clock() { return clock_; }
  [[nodiscard]] const WallClock& clock() const { return clock_; }

 private:
  struct Server {
    std::uint32_t replaced = 0;
    Seq at{};  // of the entry that says so
    std::uint8_t level = 0;
    std::optional<Place> before;  // the last change, if it was in this life
    std::uint32_t claimed = 0;    // replacements that itself knows of, if more than `replaced`
  };
  [[nodiscard]] Server& of(ServerId server) { return servers_.at(server.value); }
  [[nodiscard]] const Server& of(ServerId server) const { return servers_.at(server.value); }

  const ClusterConfig file_;
  const ServerId self_;
  ClusterConfig now_;
  std::array<Server, chat262::limits::servers_max> servers_{};
  Place listens_;
  WallClock clock_;
};

}  // namespace chat262::broker

// The servers of the cluster: who they are, where, and which keys they have. The cluster file says
// it, and over it the log, where servers were replaced by other machines or changed their keys.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/handshakes.hpp"
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
  Members(const ClusterConfig& file, ServerId self, const std::vector<store::ReplacedServer>& said,
          const std::vector<store::ServerKey>& keys = {});

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
  [[nodiscard]] peer::Claim claim() const { return {replaced(self_), listens_, proves_}; }
  // The log says that another machine has this server's number.
  [[nodiscard]] bool self_replaced() const;

  // ---- keys, in a cluster that has them (members_keys.cpp)

  [[nodiscard]] bool encrypted() const { return file_.encrypted(); }
  [[nodiscard]] const PublicKey& key(ServerId server) const {
    return now_.servers.at(server.value).key;
  }
  // Of the entry that says so; 0: the cluster file does.
  [[nodiscard]] Seq key_since(ServerId server) const { return of(server).keys.at; }
  // As take(). To be called after it. Returns the servers that have another key now.
  std::vector<ServerId> take_keys(const std::vector<store::ServerKey>& said, Seq commit,
                                  TimeMs wall, replica::Clock now);
  // What a server may prove where it listens, the likeliest first: it may have missed a change of
  // its key, or this server may have.
  [[nodiscard]] std::vector<PublicKey> keys_to_try(ServerId server) const;
  // Whose they are: what is admitted, and what is known to be a replaced machine's.
  [[nodiscard]] std::vector<KnownKey> known_keys(replica::Clock now) const;
  // What machines may have that had the server's number before.
  [[nodiscard]] const std::vector<PublicKey>& former_keys(ServerId server) const {
    return of(server).keys.former;
  }
  // Until this server is in-sync its log may know of no key that the others have now: the cluster
  // file's count as well.
  void count_file(bool counts) { file_counts_ = counts; }
  // This process listens with this one.
  void prove_with(const PublicKey& key) { proves_ = key; }
  // So long a key that was changed is still admitted: a server that was down has missed it.
  static constexpr std::int64_t former_key_ms_max = 3'600'000;

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
  struct Keys {
    Seq at{};          // of the entry that says so; 0: the file does
    Seq since{};       // since(server) when that was judged
    PublicKey before;  // of the same machine
    replica::Clock before_until{};
    bool dated = false;             // `before_until` is known
    PublicKey claimed;              // as it says itself, if that is another one
    std::vector<PublicKey> former;  // of machines that were replaced
  };
  struct Server {
    std::uint32_t replaced = 0;
    Seq at{};  // of the entry that says so
    std::uint8_t level = 0;
    std::optional<Place> before;  // the last change, if it was in this life
    std::uint32_t claimed = 0;    // replacements that itself knows of, if more than `replaced`
    Keys keys;
  };
  [[nodiscard]] Server& of(ServerId server) { return servers_.at(server.value); }
  [[nodiscard]] const Server& of(ServerId server) const { return servers_.at(server.value); }

  const ClusterConfig file_;
  const ServerId self_;
  ClusterConfig now_;
  std::array<Server, chat262::limits::servers_max> servers_{};
  Place listens_;
  PublicKey proves_;
  bool file_counts_ = true;
  WallClock clock_;
};

}  // namespace chat262::broker

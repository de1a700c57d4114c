// The replication core of one server: a deterministic state machine. REPLICATION.md is its text.
//
// Not thread-safe; one owner. Every call of step() takes the present time, which never goes back.
// A broken invariant prints what is wrong and aborts; nothing that comes from a peer can break one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::replica {

// What this server knows of another one.
struct PeerSummary {
  ServerId id{};
  bool heard = false;               // not suspected
  std::optional<Clock> last_heard;  // none: not since this start
  bool refused = false;             // its machine says that no process listens, or it said goodbye
  Incarnation incarnation{};        // zero: not known
  std::optional<Position> last;     // of its log, as it last said
  Epoch promised{};                 // as it last said; zero: not known
  peer::Health health = peer::Health::able;
  bool in_sync = false;
  bool lost_disk = false;
};

// For status and log lines.
struct Summary {
  peer::Role role = peer::Role::follower;
  bool learner = false;  // follower that is not in-sync
  peer::Health health = peer::Health::able;
  std::optional<ServerId> leader;
  Epoch epoch{};  // of that leader
  Epoch promised{};
  bool in_sync = false;
  bool lost_disk = false;
  std::optional<PlacedView> view;  // latest in the log
  std::vector<PlacedView> forced;  // views by which an operator made a server lead
  Position last{};
  Hash last_hash{};
  Seq durable{};
  Seq commit{};
  Incarnation incarnation{};
  std::vector<ServerId> heard;
  std::vector<PeerSummary> peers;     // all others, by id
  std::optional<ServerId> successor;  // of a leader: who would be handed over to
  // Until then a takeover takes its time: a server that has just started gives no promise.
  Clock promises_from{};
  std::vector<ServerId> waiting_for;
  std::string waiting_why;
};

class Replica {
 public:
  // `requests` must outlive the replica.
  Replica(Config config, Durable durable, const RequestIndex& requests, Clock now);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Appends what has to be done to `actions`.
  void step(Input input, Clock now, Actions& actions);

  // When step(Tick) is due at the latest.
  [[nodiscard]] Clock next_wake() const;

  [[nodiscard]] Routing routing(Clock now) const;
  [[nodiscard]] Summary summary(Clock now) const;

  // An entry of the log that is still in memory (everything not yet durable or committed is).
  [[nodiscard]] const Entry* find(Seq seq) const;

 private:
  friend struct StateAccess;  // of test/model, which copies and compares whole states
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace chat262::replica

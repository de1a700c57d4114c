// The replication core coupled to the tables: carries out the core's actions. No sockets, threads
// or clocks, so that a simulator can drive it as the reactor does.
//
// Invariants:
//  (1) tables.applied() <= target, the seq up to which the core has said Apply.
//  (2) While the tables are more than a slice behind their target, the core knows it
//      (TablesReady{false}) and does not lead.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "broker/replica/replica.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

// What the node asks of its surroundings. Nothing here may wait, or call the node back.
class NodeHost {
 public:
  virtual ~NodeHost() = default;
  virtual void send(ServerId to, peer::Message message) = 0;
  virtual void persist(replica::Persist write) = 0;
  virtual void read_log(replica::ReadLog range) = 0;
  virtual void probe(ServerId peer) = 0;
  // The record of this entry, or of the one before it, is damaged. Node::log_repaired() is called
  // when it is whole again.
  virtual void log_damaged(Seq /*at*/) {}
  virtual void note(replica::NoteLevel level, const std::string& text) = 0;
};

// Who wants to know what happens: the service. Must not call Node::step.
class NodeListener {
 public:
  virtual ~NodeListener() = default;
  virtual void accepted(std::uint64_t handle, const Position& at) = 0;
  virtual void refused(std::uint64_t handle) = 0;
  virtual void applied(const Entry& entry) = 0;  // after the tables have it
  virtual void committed(Seq seq) = 0;
  virtual void reverted(Seq to) = 0;  // what depends on anything above `to` never happened
  virtual void deposed() = 0;
};

class Node final : private replica::RequestIndex {
 public:
  // All references must outlive the node. `listener` may be null.
  Node(const replica::Config& config, const store::Log& log, store::Tables& tables, NodeHost& host,
       replica::Clock now);

  void listen(NodeListener* listener) { listener_ = listener; }

  void step(replica::Input input, replica::Clock now);

  // Applies the next slice of what the tables are behind. To be called again and again while
  // catching_up().
  void catch_up(replica::Clock now);
  // To be called once a turn: tables in which a look-up met damage are made anew from the log.
  void look_after_tables(replica::Clock now);
  [[nodiscard]] bool catching_up() const { return catching_up_; }
  // catch_up() can do nothing until a damaged entry is repaired.
  [[nodiscard]] bool waits_for_repair() const { return waits_for_repair_; }
  // Something of the log was repaired, or cannot be for now: whoever waits may try again.
  void log_repaired();
  // How often that was.
  [[nodiscard]] std::uint64_t repairs() const { return repairs_; }
  // How often tables were found damaged and made anew.
  [[nodiscard]] unsigned rebuilds() const { return rebuilds_; }

  [[nodiscard]] replica::Clock next_wake() const { return replica_.next_wake(); }
  [[nodiscard]] replica::Routing routing(replica::Clock now) const { return replica_.routing(now); }
  [[nodiscard]] replica::Summary summary(replica::Clock now) const { return replica_.summary(now); }

  [[nodiscard]] Seq committed() const { return committed_; }
  // Of the last entry that the tables hold; what a read sees.
  [[nodiscard]] const Position& applied() const { return applied_; }

  // From memory or disk; nullopt if there is none, or it could not be read.
  [[nodiscard]] std::optional<Entry> entry(Seq seq) const;
  // Whether entry() met damage since the last call: what was made of it is not to be served.
  [[nodiscard]] bool take_damage_met() const { return std::exchange(damage_met_, false); }

  // Tables or log cannot be read: the process must end.
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

 private:
  [[nodiscard]] std::optional<Position> find(const RequestId& request) const override;

  void carry_out(replica::Action& action);
  void apply_up_to(Seq to);
  void apply_slice(std::uint64_t entries_max);
  // False at a fault.
  bool apply_from_disk(std::uint64_t entries_max);
  bool apply_one(const Entry& entry);
  void revert_to(Seq to);
  void start_catching_up();
  void wait_for_repair(Seq at);
  void rebuild_tables(const Error& damage);
  void read_applied_position();

  const store::Log& log_;
  store::Tables& tables_;
  NodeHost& host_;
  NodeListener* listener_ = nullptr;
  replica::Replica replica_;
  replica::Actions actions_;
  std::deque<replica::Input> inputs_;  // what carrying out actions brought about
  Seq committed_{};
  Seq target_{};
  Position applied_{};
  bool catching_up_ = false;
  bool waits_for_repair_ = false;
  bool position_unknown_ = false;  // of what is applied: its entry is damaged
  std::uint64_t repairs_ = 0;
  mutable bool damage_met_ = false;
  Seq progress_noted_{};
  unsigned rebuilds_ = 0;
  std::optional<Error> fault_;
};

}  // namespace chat262::broker

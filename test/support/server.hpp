// One simulated server: what survives its crashes, and what does not. Private to World.
//
// It stands where the reactor stands in a real one: the node asks it for what the threads and
// sockets do there, and hears of every write that is accepted or not. Handles of the world's own
// requests have the highest bit set; all others are the service's.
#pragma once

#include <deque>
#include <map>

#include "broker/held_reads.hpp"
#include "broker/node.hpp"
#include "broker/repair.hpp"
#include "broker/service.hpp"
#include "test/support/simulated_log.hpp"
#include "test/support/world.hpp"

namespace chat262::test {

inline constexpr std::uint64_t raw_handle = std::uint64_t{1} << 63;

// Unwinds whatever the server is doing, as the end of its process does.
struct Crashed {};

struct World::Server final : broker::NodeHost,
                             broker::NodeListener,
                             broker::RepairHost,
                             broker::Replies,
                             broker::PasswordWorkers {
  Server(World& its_world, ServerId server_id, std::int64_t clock_offset)
      : world(its_world), id(server_id), offset_ms(clock_offset) {}

  World& world;
  ServerId id;
  std::int64_t offset_ms;      // clocks of two machines have nothing in common
  std::int64_t drift_ppm = 0;  // and none runs true
  std::int64_t wall_jump_ms = 0;
  Scratch directory;  // of the tables
  Disk disk;
  Life life = Life::dead;
  std::uint64_t lives = 0;
  Time clients_delay = 1 * milliseconds;
  bool clients_cut = false;  // no client reaches it, nor its answers a client
  bool lost_once = false;    // its disk was lost or replaced by an old copy
  std::uint32_t next_nonce = 1;

  // Of this life.
  std::unique_ptr<SimulatedLog> store;
  std::unique_ptr<broker::Repair> repair;
  broker::HeldReads held_reads;
  bool moved = false;   // Repair says so
  bool scrubs = false;  // is among `answers`
  std::unique_ptr<store::Tables> tables;
  std::unique_ptr<broker::Node> node;
  std::unique_ptr<broker::Service> service;
  EntryLog log;  // as the core believes it to be: on disk, or its write is under way
  Time wakes = never;
  Time ticked = 0;
  std::deque<Occasion> aside;     // while paused
  std::deque<Occasion> gathered;  // requests that one turn will take together
  Time gathered_due = never;
  std::vector<Answer> answers;
  std::deque<std::pair<Time, broker::PasswordJob>> hashing;  // when each is done, in order
  bool sealed = false;  // a generation of the tables is being written
  Time tables_due = never;
  // Requests to its service that it has not answered, and what they are if they are writes.
  std::map<std::uint64_t, RequestId> open_tickets;
  std::vector<std::uint64_t> held;  // handles of requests that wait for a decision
  std::vector<Waiting> waiting;     // accepted, not committed
  Seq commit{};
  Seq tables_at{};   // the tables stand here at the start
  bool led = false;  // in this life: only then may something be applied that is not committed
  bool in_turn = false;
  unsigned crash_at = 0;       // if not 0: it crashes before that many more actions are done
  unsigned disk_error_at = 0;  // if not 0: the error comes with that many more writes
  bool disk_error_lands = false;
  Time full_tell = never;

  // What the checkers remember.
  std::vector<std::pair<Position, Hash>> applied_now;  // in this turn
  std::size_t acks_seen = 0;                           // acknowledged requests known to be in `log`
  Epoch served{};                                      // the last epoch it was seen to serve in
  std::string unavailable;                             // the last reason it gave

  // NodeHost
  void send(ServerId to, peer::Message message) override;
  void persist(replica::Persist write) override;
  void read_log(replica::ReadLog range) override;
  void probe(ServerId peer) override;
  void log_damaged(Seq place) override;
  // RepairHost, and both
  void send_repair(ServerId to, peer::Body body) override;
  void write_repair(const Hash& previous, std::vector<Entry> entries) override;
  void repair_moved() override { moved = true; }
  void note(replica::NoteLevel level, const std::string& text) override;
  // NodeListener
  void accepted(std::uint64_t handle, const Position& at) override;
  void refused(std::uint64_t handle) override;
  void applied(const Entry& entry) override;
  void committed(Seq seq) override;
  void reverted(Seq to) override;
  void deposed() override;
  // Replies
  void reply(broker::ReplyTo to, const Reply& reply) override;
  // PasswordWorkers
  bool start(broker::PasswordJob job) override;
};

}  // namespace chat262::test

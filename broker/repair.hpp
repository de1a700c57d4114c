// Damaged entries of this server's log: asks the other servers for them and has them written back.
// REPLICATION.md, "Rot", says what for. No sockets, threads or clocks, as the node.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::broker {

// For the status, in this life of the server.
struct RepairFigures {
  std::uint64_t found = 0;        // records: repaired, being repaired, or open
  std::uint64_t repaired = 0;     // records
  std::vector<Seq> open;          // what nobody could repair yet, the first few
  std::uint64_t passed_over = 0;  // found while too many waited, and not counted in `found`
};

// What became of entries that were to be written back. See store::Log::repair.
struct RepairWritten {
  enum class Outcome { written, more_needed, of_another_history, no_room, failed } outcome{};
  std::size_t records = 0;
  std::string error;
};

// What the repair asks of its surroundings. Nothing here may call it back.
class RepairHost {
 public:
  virtual ~RepairHost() = default;
  virtual void send_repair(ServerId to, peer::Body body) = 0;
  // Answered by written().
  virtual void write_repair(const Hash& previous, std::vector<Entry> entries) = 0;
  // Who waits may try again: something was repaired, or cannot be for now.
  virtual void repair_moved() = 0;
  virtual void note(replica::NoteLevel level, const std::string& text) = 0;
};

class Repair {
 public:
  Repair(ServerId self, unsigned servers, RepairHost& host)
      : self_(self), servers_(servers), host_(host) {}

  // The entry at `at`, or the one before it. What is known already is passed over.
  void damaged(Seq at, replica::Clock now);
  void answer(ServerId from, peer::RepairAnswer&& answer, replica::Clock now);
  void written(const RepairWritten& result, replica::Clock now);
  // To be called at next_deadline() at the latest.
  void tick(replica::Clock now);
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

  [[nodiscard]] RepairFigures figures() const;
  // Whether it is known that nobody can help with this one now: every other server, or the one that
  // leads, has said so in the present or the last round.
  [[nodiscard]] bool beyond_repair(Seq at) const { return beyond_repair_.contains(at); }

 private:
  struct Job {  // one damaged entry
    Seq at{};
    unsigned peer = 0;  // who is asked
    unsigned asked = 0;
    std::set<unsigned> cannot;  // said so
    bool leader_has_none = false;
    replica::Clock deadline{};  // of the present answer
    bool writing = false;
    Hash previous{};
    std::vector<Entry> entries;  // of this peer, from before `at` on
    std::size_t bytes = 0;
  };

  void start_next(replica::Clock now);
  void ask(replica::Clock now);
  void ask_another(replica::Clock now);
  void give_up(replica::Clock now);
  [[nodiscard]] static Seq first_of(Seq at) { return at.value > 1 ? at.previous() : at; }

  const ServerId self_;
  const unsigned servers_;
  RepairHost& host_;
  std::set<Seq> waiting_;
  std::map<Seq, replica::Clock> later_;  // given up for now: when to try again
  std::set<Seq> beyond_repair_;
  std::optional<Job> job_;
  RepairFigures figures_;
};

}  // namespace chat262::broker

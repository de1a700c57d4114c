// The simulated disk of one server, and the log as its core believes it to be.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::test {

using Time = std::int64_t;  // microseconds of virtual time
inline constexpr Time milliseconds = 1000;
inline constexpr Time never = INT64_MAX;

// Entries 1..size, with an index of their request ids. Checks what must hold of every log: it has
// no gap, its hash chain is intact, and no request id stands in it twice.
class EntryLog {
 public:
  [[nodiscard]] Seq last() const { return seq(entries_.size()); }
  [[nodiscard]] Position last_position() const;
  [[nodiscard]] Hash last_hash() const;
  [[nodiscard]] const Entry* at(Seq place) const;
  [[nodiscard]] bool has(const RequestId& request) const { return requests_.contains(request); }
  [[nodiscard]] std::optional<Seq> find(const RequestId& request) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  // The latest view entry, if there is any.
  [[nodiscard]] const Entry* latest_view() const;

  void cut_after(Seq place);
  void erase_text(Seq place);  // no hash changes
  // `entry` in the place of the one of its seq, which has the same hash.
  void replace(const Entry& entry) { entries_[entry.seq.value - 1] = entry; }
  // Throws Violation, whose text starts with `whose`.
  void append(const Entry& entry, const std::string& whose);

 private:
  std::vector<Entry> entries_;
  std::vector<Seq> views_;
  std::map<RequestId, Seq> requests_;
};

// What survives a crash.
struct DiskContent {
  Epoch promised{};
  Incarnation incarnation{};
  bool lost_disk = true;  // a new disk knows nothing
  Seq commit{};
  EntryLog log;                 // as it was written
  std::map<Seq, Bytes> rotten;  // records of it in which bits have flipped since

  // As it is read; an error if it does not even decode. The entry must be there.
  [[nodiscard]] Result<Entry> record(Seq place) const;
  void write(const replica::Persist& write, const std::string& whose);
};

struct DiskEvents {  // of one moment
  std::optional<std::uint64_t> persisted;
  std::optional<std::uint64_t> failed;
};

// Writes are done in order, each group (all that waited when the one before ended) at once.
class Disk {
 public:
  DiskContent content;
  Time delay = 2 * milliseconds;
  bool frozen = false;
  bool full = false;

  void issue(replica::Persist write, Time now);
  // When complete() is due, or never.
  [[nodiscard]] Time due() const { return frozen || queue_.empty() ? never : due_; }
  [[nodiscard]] DiskEvents complete(Time now, const std::string& whose);
  void thaw(Time now);
  // The process is dead: what is not complete never will be.
  void forget_queue() {
    queue_.clear();
    failed_ = false;
  }
  // The core knows that a write failed: what it issues from now on is meant to follow what is here.
  void failure_known() { failed_ = false; }
  [[nodiscard]] bool busy() const { return !queue_.empty(); }

 private:
  std::deque<replica::Persist> queue_;
  std::size_t group_ = 0;  // how many of the queue are being written
  Time due_ = never;
  bool failed_ = false;  // and the core does not know yet: nothing is taken
};

}  // namespace chat262::test

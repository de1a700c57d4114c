// The log as this server knows it: where every epoch begins, and its newest entries themselves.
//
// Invariants:
//  (1) entries_ are consecutive and end with the last entry; each one's hash follows from the one
//      before it.
//  (2) Every epoch begins with a view entry, so views_ tell the epoch at every seq.
//  (3) Epochs never go back.
//
// What is older than the first entry in memory is on disk only.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::replica {

class MemoryLog {
 public:
  MemoryLog(std::vector<PlacedView> views, std::vector<Entry> tail);

  [[nodiscard]] bool empty() const { return last_.seq == Seq{}; }
  [[nodiscard]] Position last() const { return last_; }
  [[nodiscard]] const Hash& last_hash() const { return last_hash_; }

  [[nodiscard]] const std::vector<PlacedView>& views() const { return views_; }
  [[nodiscard]] const PlacedView* latest_view() const;
  [[nodiscard]] const PlacedView* view_at(const Position& at) const;

  // Of an entry at or below last(); seq 0 gives Position{}.
  [[nodiscard]] Position position_at(Seq seq) const;
  [[nodiscard]] bool contains(const Position& position) const;
  // The greatest position here that another log which ends with `other` may hold too.
  [[nodiscard]] Position at_or_below(const Position& other) const;

  // nullptr: not in memory, or above last().
  [[nodiscard]] const Entry* find(Seq seq) const;
  // Hash at a seq if it is in memory (or seq is 0).
  [[nodiscard]] std::optional<Hash> hash_at(Seq seq) const;
  // Entries from..to as far as the limits allow, at least one. `from` must be in memory.
  [[nodiscard]] std::vector<Entry> slice(Seq from, Seq to, std::size_t entries_max,
                                         std::size_t bytes_max) const;

  // What append() needs of an entry that comes from elsewhere. Empty: it may be appended.
  // Otherwise what is wrong with it.
  [[nodiscard]] static std::string flaw(const Position& previous, const Hash& previous_hash,
                                        std::span<const Entry> entries);

  void append(Entry entry);
  // Gives a new entry its epoch, seq and hash, and appends it.
  const Entry& append_new(Epoch epoch, Entry entry);
  // Removes every entry above `fork`, whose hash is `hash`.
  void cut_after(const Position& fork, const Hash& hash);
  // Forgets entries at or below `upto`, as long as more than `bytes_keep` bytes stay.
  void trim(Seq upto, std::size_t bytes_keep);

 private:
  std::vector<PlacedView> views_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  Position last_{};
  Hash last_hash_{};
};

}  // namespace chat262::replica

// What is applied but not yet on disk: an ordered map in memory over the tables in LMDB.
//
// Two generations: the active one takes changes; the sealed one is being written and no longer
// changes, so the tables thread may read it while the reactor does. Every change to the active
// generation can be undone until forget_undo() passes its seq.
//
// Not thread-safe but for the sealed generation.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>

#include "protocol/ids.hpp"

namespace chat262::store {

struct Slot {
  std::string_view value;
  bool removed = false;  // hides the record in LMDB
};
using SlotMap = std::pmr::map<std::string_view, Slot>;

// Keys, values and nodes live in one arena and are freed together, without a walk over the map.
class Generation {
 public:
  Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  [[nodiscard]] SlotMap& slots() { return *slots_; }
  [[nodiscard]] const SlotMap& slots() const { return *slots_; }
  [[nodiscard]] std::string_view keep(std::string_view bytes);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void add_bytes(std::size_t bytes) { bytes_ += bytes; }

 private:
  std::pmr::monotonic_buffer_resource arena_;
  SlotMap* slots_;  // in the arena; never destroyed on its own
  std::size_t bytes_ = 0;
};

class Overlay {
 public:
  Overlay() : active_(std::make_unique<Generation>()) {}

  void put(Seq at, std::string_view key, std::string_view value);
  void remove(Seq at, std::string_view key);

  // nullptr: the overlay says nothing about this key. Valid until the next change.
  [[nodiscard]] const Slot* find(std::string_view key) const;

  // Undoes all changes above `to`, which is not below the last forget_undo().
  void revert_above(Seq to);
  void forget_undo(Seq upto);

  // Makes everything up to `upto` the sealed generation; there must be none.
  void seal(Seq upto);
  [[nodiscard]] std::unique_ptr<Generation> take_sealed() { return std::move(sealed_); }
  void clear();

  [[nodiscard]] const SlotMap& active() const { return active_->slots(); }
  [[nodiscard]] const SlotMap* sealed() const { return sealed_ ? &sealed_->slots() : nullptr; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Undo {
    Seq at{};
    SlotMap::iterator where;
    std::optional<Slot> before;  // none: the key was not in the active generation
  };
  void change(Seq at, std::string_view key, const Slot& slot);

  std::unique_ptr<Generation> active_;
  std::unique_ptr<Generation> sealed_;
  std::deque<Undo> undo_;  // of active_, in order of seq
};

}  // namespace chat262::store

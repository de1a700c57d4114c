#include "store/overlay.hpp"

#include <cstring>
#include <vector>

namespace chat262::store {

namespace {
constexpr std::size_t first_chunk_bytes = 64 << 10;
constexpr std::size_t node_bytes = 144;  // of a map node and what can undo it, about
}  // namespace

Generation::Generation()
    : arena_(first_chunk_bytes),
      slots_(new (arena_.allocate(sizeof(SlotMap), alignof(SlotMap))) SlotMap(&arena_)) {}

std::string_view Generation::keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* copy = static_cast<char*>(arena_.allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  bytes_ += bytes.size();
  return {copy, bytes.size()};
}

void Overlay::put(Seq at, std::string_view key, std::string_view value) {
  change(at, key, {value, false});
}

void Overlay::remove(Seq at, std::string_view key) {
  change(at, key, {{}, true});
}

void Overlay::change(Seq at, std::string_view key, const Slot& slot) {
  SlotMap& slots = active_->slots();
  const Slot kept = {active_->keep(slot.value), slot.removed};
  auto where = slots.lower_bound(key);
  if (where != slots.end() && where->first == key) {
    undo_.push_back({at, where, where->second});
    where->second = kept;
    return;
  }
  where = slots.emplace_hint(where, active_->keep(key), kept);
  active_->add_bytes(node_bytes);
  undo_.push_back({at, where, std::nullopt});
}

const Slot* Overlay::find(std::string_view key) const {
  const SlotMap& slots = active_->slots();
  if (const auto found = slots.find(key); found != slots.end()) return &found->second;
  if (!sealed_) return nullptr;
  const auto found = sealed_->slots().find(key);
  return found != sealed_->slots().end() ? &found->second : nullptr;
}

void Overlay::revert_above(Seq to) {
  for (; !undo_.empty() && undo_.back().at > to; undo_.pop_back()) {
    const Undo& undo = undo_.back();
    if (undo.before) {
      undo.where->second = *undo.before;
    } else {
      active_->slots().erase(undo.where);
    }
  }
}

void Overlay::forget_undo(Seq upto) {
  while (!undo_.empty() && undo_.front().at <= upto) undo_.pop_front();
}

void Overlay::seal(Seq upto) {
  // What is above `upto` (a batch in flight, at most) moves to the new active generation.
  struct Change {
    Seq at{};
    std::string_view key;
    Slot slot;
  };
  std::vector<Change> above;
  while (!undo_.empty() && undo_.back().at > upto) {
    const Undo undo = undo_.back();
    above.push_back({undo.at, undo.where->first, undo.where->second});
    undo_.pop_back();
    if (undo.before) {
      undo.where->second = *undo.before;
    } else {
      active_->slots().erase(undo.where);
    }
  }
  undo_.clear();
  sealed_ = std::move(active_);
  active_ = std::make_unique<Generation>();
  // Keys and values stay readable: the arena of the sealed generation frees nothing before its end.
  for (auto change_of = above.rbegin(); change_of != above.rend(); ++change_of) {
    change(change_of->at, change_of->key, change_of->slot);
  }
}

void Overlay::clear() {
  undo_.clear();
  sealed_.reset();
  active_ = std::make_unique<Generation>();
}

std::size_t Overlay::bytes() const {
  return active_->bytes() + (sealed_ ? sealed_->bytes() : 0);
}

}  // namespace chat262::store

#include "broker/replica/memory_log.hpp"

#include <algorithm>

#include "broker/replica/check.hpp"

namespace chat262::replica {

MemoryLog::MemoryLog(std::vector<PlacedView> views, std::vector<Entry> tail)
    : views_(std::move(views)) {
  for (Entry& entry : tail) {
    CHAT262_CHECK(entries_.empty() || entry.seq == entries_.back().seq.next());
    bytes_ += entry.size_bytes();
    entries_.push_back(std::move(entry));
  }
  if (!entries_.empty()) {
    last_ = entries_.back().position();
    last_hash_ = entries_.back().hash;
  }
  CHAT262_CHECK(views_.empty() == entries_.empty());
}

const PlacedView* MemoryLog::latest_view() const {
  return views_.empty() ? nullptr : &views_.back();
}

const PlacedView* MemoryLog::view_at(const Position& at) const {
  auto it = std::lower_bound(views_.begin(), views_.end(), at.seq,
                             [](const PlacedView& view, Seq s) { return view.at.seq < s; });
  return it != views_.end() && it->at == at ? &*it : nullptr;
}

Position MemoryLog::position_at(Seq seq) const {
  if (seq == Seq{}) return {};
  auto it = std::upper_bound(views_.begin(), views_.end(), seq,
                             [](Seq s, const PlacedView& view) { return s < view.at.seq; });
  CHAT262_CHECK(it != views_.begin() && seq <= last_.seq);
  return {std::prev(it)->at.epoch, seq};
}

bool MemoryLog::contains(const Position& position) const {
  if (position.seq > last_.seq) return false;
  return position_at(position.seq) == position;
}

Position MemoryLog::at_or_below(const Position& other) const {
  // Start no later than the other log ends; step back over epochs that it cannot hold.
  Position at = position_at(std::min(other.seq, last_.seq));
  while (at.epoch > other.epoch) {
    auto it = std::lower_bound(views_.begin(), views_.end(), at.seq,
                               [](const PlacedView& view, Seq s) { return view.at.seq <= s; });
    // `it` is behind the last view at or before at.seq; go to before the first of its epoch.
    auto first = std::prev(it);
    while (first != views_.begin() && std::prev(first)->at.epoch == first->at.epoch) --first;
    at = position_at(first->at.seq.previous());
  }
  return at;
}

const Entry* MemoryLog::find(Seq seq) const {
  if (entries_.empty() || seq < entries_.front().seq || seq > last_.seq) return nullptr;
  return &entries_[seq.value - entries_.front().seq.value];
}

std::optional<Hash> MemoryLog::hash_at(Seq seq) const {
  if (seq == Seq{}) return Hash{};
  if (seq == last_.seq) return last_hash_;
  const Entry* entry = find(seq);
  if (entry == nullptr) return std::nullopt;
  return entry->hash;
}

std::vector<Entry> MemoryLog::slice(Seq from, Seq to, std::size_t entries_max,
                                    std::size_t bytes_max) const {
  std::vector<Entry> result;
  std::size_t bytes = 0;
  for (Seq s = from; s <= to && result.size() < entries_max; s = s.next()) {
    const Entry* entry = find(s);
    if (entry == nullptr) break;
    bytes += entry->size_bytes();
    if (!result.empty() && bytes > bytes_max) break;
    result.push_back(*entry);
  }
  return result;
}

std::string MemoryLog::flaw(const Position& previous, const Hash& previous_hash,
                            std::span<const Entry> entries) {
  Position before = previous;
  const Hash* hash = &previous_hash;
  for (const Entry& entry : entries) {
    if (entry.seq != before.seq.next()) return "an entry is missing";
    if (entry.epoch < before.epoch) return "an entry's epoch goes back";
    if (entry.epoch != before.epoch && entry.kind != EntryKind::view) {
      return "an epoch does not begin with a view";
    }
    if (!entry_intact(*hash, entry)) return "the hash chain is broken";
    if (entry.kind == EntryKind::view) {
      Result<View> view = decode_view(entry);
      if (!view) return "a view does not decode: " + view.error().text;
      if (view->members.empty() || view->leader != entry.epoch.server) return "a view is senseless";
    }
    before = entry.position();
    hash = &entry.hash;
  }
  return {};
}

void MemoryLog::append(Entry entry) {
  CHAT262_CHECK(entry.seq == last_.seq.next() && entry.epoch >= last_.epoch);
  CHAT262_CHECK(entry.epoch == last_.epoch || entry.kind == EntryKind::view);
  if (entry.kind == EntryKind::view) {
    Result<View> view = decode_view(entry);
    CHAT262_CHECK(view.has_value());
    views_.push_back({entry.position(), std::move(*view)});
  }
  last_ = entry.position();
  last_hash_ = entry.hash;
  bytes_ += entry.size_bytes();
  entries_.push_back(std::move(entry));
}

const Entry& MemoryLog::append_new(Epoch epoch, Entry entry) {
  entry.epoch = epoch;
  entry.seq = last_.seq.next();
  entry.hash = entry_hash(last_hash_, entry);
  append(std::move(entry));
  return entries_.back();
}

void MemoryLog::cut_after(const Position& fork, const Hash& hash) {
  CHAT262_CHECK(contains(fork));
  while (!entries_.empty() && entries_.back().seq > fork.seq) {
    bytes_ -= entries_.back().size_bytes();
    entries_.pop_back();
  }
  while (!views_.empty() && views_.back().at.seq > fork.seq) views_.pop_back();
  last_ = fork;
  last_hash_ = hash;
}

void MemoryLog::trim(Seq upto, std::size_t bytes_keep) {
  while (entries_.size() > 1 && entries_.front().seq <= upto && bytes_ > bytes_keep) {
    bytes_ -= entries_.front().size_bytes();
    entries_.pop_front();
  }
}

}  // namespace chat262::replica

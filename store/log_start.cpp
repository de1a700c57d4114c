// What is found in the log at start: its state, its views, its end. What can be put right from the
// log itself is; the rest is left to log_repair.cpp.
#include <algorithm>

#include "protocol/codec.hpp"
#include "store/bytes.hpp"
#include "store/disk_log.hpp"

namespace chat262::store {

namespace {

constexpr std::size_t scan_piece_bytes = 4 << 20;

Result<View> view_of(const Bytes& head) {
  Entry entry;
  entry.kind = EntryKind::view;
  entry.head = head;
  return decode_view(entry);
}

// The record of `views` of a view entry, without its check.
Bytes view_value(const Entry& entry) {
  FixedWriter<9> epoch;
  epoch.epoch(entry.epoch);
  Bytes value(epoch.view().begin(), epoch.view().end());
  value.insert(value.end(), entry.head.begin(), entry.head.end());
  return value;
}

}  // namespace

// ---- meta records

Result<std::optional<Bytes>> DiskLog::get_twice(const lmdb::Txn& txn, std::string_view key) const {
  bool found = false;
  for (const std::string& name : {std::string(key), std::string(key) + ".copy"}) {
    auto stored = txn.get(meta_, to_bytes(name));
    if (!stored) return tl::unexpected(stored.error());
    if (!stored->has_value()) continue;
    found = true;
    const Opened opened = open_record(to_bytes(name), **stored);
    if (opened.intact) return std::optional(Bytes(opened.value.begin(), opened.value.end()));
  }
  if (!found) return std::optional<Bytes>{};
  return fail(Errc::corrupt,
              "the log in " + directory_.string() + " is damaged: both copies of its record `" +
                  std::string(key) +
                  "` are. What this server promised the others is not known any more, so it must "
                  "not take part as it is. Move the directory away and start the server anew: it "
                  "gets the log from the others. If the others wait for this server, see FAILED "
                  "DISKS in chat262d(8)");
}

Result<void> DiskLog::put_twice(lmdb::Txn& txn, std::string_view key, ByteView value) const {
  Bytes record;
  for (const std::string& name : {std::string(key), std::string(key) + ".copy"}) {
    seal_record(to_bytes(name), value, record);
    if (auto done = txn.put(meta_, to_bytes(name), record); !done) return done;
  }
  return {};
}

std::optional<DiskLog::State> DiskLog::decode_state(ByteView value) {
  Reader reader(value);
  State state;
  state.promised = reader.epoch();
  state.incarnation.counter = reader.u32();
  state.incarnation.nonce = reader.u32();
  state.lost_disk = reader.u8() != 0;
  state.commit = reader.seq();
  if (reader.left() > 0) {  // else written before these were
    state.tip.seq = reader.seq();
    state.tip.hash = reader.hash();
    state.transaction = reader.u64();
  }
  if (!reader.complete()) return std::nullopt;
  return state;
}

Result<std::optional<DiskLog::State>> DiskLog::read_state(const lmdb::Txn& txn) const {
  auto stored = get_twice(txn, state_key);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return std::optional<State>{};
  auto state = decode_state(**stored);
  if (!state) return corrupt(Seq{}, "the state record has another length");
  return state;
}

Result<void> DiskLog::put_state(lmdb::Txn& txn, const State& state) const {
  FixedWriter<96> value;
  value.epoch(state.promised)
      .u32(state.incarnation.counter)
      .u32(state.incarnation.nonce)
      .u8(state.lost_disk ? 1 : 0)
      .seq(state.commit)
      .seq(state.tip.seq)
      .hash(state.tip.hash)
      .u64(txn.number());
  return put_twice(txn, state_key, value.view());
}

Result<void> DiskLog::begin_incarnation(std::uint32_t nonce) {
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  State state = state_;
  state.incarnation = {state.incarnation.counter + 1, nonce};
  // Everything of which there are two is written anew: one of the two may be damaged.
  auto done = put_identity(*txn, identity_).and_then([&] { return put_state(*txn, state); });
  if (done && !start_.damage) done = txn->remove(meta_, to_bytes(gaps_key));
  if (done) done = txn->commit();
  if (!done) return done;
  state_ = state;
  start_.incarnation = state.incarnation;
  return {};
}

// ---- what is found

Result<void> DiskLog::read_start() {
  std::vector<std::string> notes = std::move(start_.notes);
  start_ = LogStart{};
  start_.notes = std::move(notes);
  if (auto done = read_known_end(); !done || read_only_) return done;
  {
    auto txn = env_->read();
    if (!txn) return tl::unexpected(txn.error());
    auto views = read_views(*txn);
    if (!views) return tl::unexpected(views.error());
    if (*views) {
      auto gap = find_gap(*txn);
      return gap ? read_tail(*txn) : gap;
    }
  }
  if (auto written = write_views_anew(); !written || start_.damage) return written;
  return read_start();
}

Result<void> DiskLog::read_known_end() {
  Seq last{};
  {
    auto txn = env_->read();
    if (!txn) return tl::unexpected(txn.error());
    auto state = read_state(*txn);
    if (!state) return tl::unexpected(state.error());
    if (state->has_value()) state_ = **state;
    const bool knows_end = state_.transaction != 0;
    if (!read_only_ && knows_end && state_.transaction != txn->number() && !state_.lost_disk) {
      state_.lost_disk = true;
      start_.notes.push_back(
          "the log is not as the server left it (a copy of another time, or a damaged head page): "
          "it does not count until the others have brought it up to date");
    }
    auto found = read_last(*txn);
    if (!found) return tl::unexpected(found.error());
    last = *found;
    if (!knows_end && last > Seq{}) {
      auto hash = hash_before(*txn, last.next());
      if (!hash) return tl::unexpected(hash.error());
      state_.tip = {last, *hash};
    }
  }
  tip_ = state_.tip;
  start_.promised = state_.promised;
  start_.incarnation = state_.incarnation;
  start_.lost_disk = state_.lost_disk;
  start_.commit = state_.commit;
  commit_ = state_.commit.value;
  last_ = tip_.seq.value;
  if (last > tip_.seq && !read_only_) return remove_strays();
  return {};
}

// Records above the log's end: what a flipped bit of a key has made.
Result<void> DiskLog::remove_strays() {
  start_.notes.push_back("a record above the log's end was removed");
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  auto cursor = txn->cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  while (true) {
    auto found = cursor->last();
    if (!found) return tl::unexpected(found.error());
    const bool stray = *found && (!is_seq_key(cursor->key()) || seq_of(cursor->key()) > tip_.seq);
    if (!stray) break;
    if (auto removed = cursor->remove(); !removed) return removed;
  }
  return put_state(*txn, state_).and_then([&] { return txn->commit(); });
}

Result<Seq> DiskLog::read_last(const lmdb::Txn& txn) const {
  auto cursor = txn.cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  auto found = cursor->last();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Seq{};
  // One that is no seq counts as above all: it is removed at start.
  return is_seq_key(cursor->key()) ? seq_of(cursor->key()) : seq(~std::uint64_t{0});
}

Result<bool> DiskLog::read_views(const lmdb::Txn& txn) {
  auto cursor = txn.cursor(views_);
  if (!cursor) return tl::unexpected(cursor.error());
  auto more = cursor->first();
  for (; more && *more; more = cursor->next()) {
    PlacedView placed;
    placed.at.seq = seq_of(cursor->key());
    const Opened opened = open_record(cursor->key(), cursor->value());
    if (!opened.intact || !is_seq_key(cursor->key())) return false;
    Reader reader(opened.value);
    placed.at.epoch = reader.epoch();
    const std::string head = reader.tail(reader.left());
    auto view = view_of(Bytes(head.begin(), head.end()));
    if (!view) return false;
    placed.view = std::move(*view);
    start_.views.push_back(std::move(placed));
  }
  if (!more) return tl::unexpected(more.error());
  return true;
}

// The views from the entries themselves: the whole log is read. A damaged entry may be a view, so
// there is damage then.
Result<void> DiskLog::write_views_anew() {
  start_.views.clear();
  std::vector<Entry> views;
  for (Seq at = seq(1); at <= tip_.seq;) {
    auto entries = read(at, tip_.seq, scan_piece_bytes);
    if (!entries) {
      if (entries.error().code != Errc::corrupt) return tl::unexpected(entries.error());
      set_damage(at, at, "it is damaged, and so is the list of views");
      return {};
    }
    at = entries->back().seq.next();
    for (Entry& entry : *entries) {
      if (entry.kind == EntryKind::view) views.push_back(std::move(entry));
    }
  }
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  {
    auto cursor = txn->cursor(views_);
    if (!cursor) return tl::unexpected(cursor.error());
    while (true) {
      auto found = cursor->last();
      if (!found) return tl::unexpected(found.error());
      if (!*found) break;
      if (auto removed = cursor->remove(); !removed) return removed;
    }
  }
  for (const Entry& entry : views) {
    if (auto done = put_view(*txn, entry, lmdb::Put::append); !done) return done;
  }
  auto done = put_state(*txn, state_).and_then([&] { return txn->commit(); });
  if (done) start_.notes.push_back("the list of views was damaged and made anew from the log");
  return done;
}

Result<void> DiskLog::put_view(lmdb::Txn& txn, const Entry& entry, lmdb::Put mode) const {
  FixedWriter<8> key;
  key.seq(entry.seq);
  Bytes sealed;
  seal_record(key.view(), view_value(entry), sealed);
  return txn.put(views_, key.view(), sealed, mode);
}

// After a salvage, every entry that it could not find has to come from elsewhere first.
Result<void> DiskLog::find_gap(const lmdb::Txn& txn) {
  auto marked = txn.get(meta_, to_bytes(gaps_key));
  if (!marked) return tl::unexpected(marked.error());
  if (!marked->has_value()) return {};
  auto cursor = txn.cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  Seq expected = seq(1);
  auto more = cursor->first();
  for (; more && *more; more = cursor->next()) {
    const Seq at = seq_of(cursor->key());
    if (at != expected) {
      set_damage(expected, at.previous(), "it is missing");
      return {};
    }
    expected = at.next();
  }
  if (!more) return tl::unexpected(more.error());
  if (expected <= tip_.seq) set_damage(expected, tip_.seq, "it is missing");
  return {};
}

// Only what is above the commit hint must be there: where an entry below is damaged, the tail
// begins behind the one after it, which cannot be checked without it.
Result<void> DiskLog::read_tail(const lmdb::Txn& txn) {
  if (tip_.seq == Seq{} || start_.damage) return {};
  auto cursor = txn.cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  std::vector<Entry> tail;
  std::size_t bytes = 0;
  auto more = cursor->last();
  for (Seq at = tip_.seq; at > Seq{}; at = at.previous(), more = cursor->previous()) {
    if (!more) return tl::unexpected(more.error());
    if (bytes >= tail_bytes_ && at <= state_.commit) break;
    const Seq found = *more ? seq_of(cursor->key()) : Seq{};
    auto entry = found == at ? decode_entry_record(at, cursor->value())
                             : fail(Errc::malformed, "it is missing");
    if (!entry) {
      if (can_do_without(at)) break;
      set_damage(found < at ? found.next() : at, at, "it is missing or does not decode");
      return {};
    }
    bytes += entry->size_bytes();
    tail.push_back(std::move(*entry));
  }
  std::reverse(tail.begin(), tail.end());
  auto before = hash_before(txn, tail.front().seq);
  if (!before && before.error().code != Errc::corrupt) return tl::unexpected(before.error());
  std::size_t first = 0;  // of what is good
  std::size_t next = 0;   // to be checked
  Hash previous = before.value_or(Hash{});
  if (!before) {
    const Seq damaged = tail.front().seq.previous();
    if (!can_do_without(damaged)) {
      set_damage(damaged, damaged, "it does not decode");
      return {};
    }
    previous = tail.front().hash;
    first = next = 1;
  }
  for (; next < tail.size(); ++next) {
    if (entry_intact(previous, tail[next])) {
      previous = tail[next].hash;
    } else if (can_do_without(tail[next].seq)) {
      previous = tail[++next].hash;
      first = next + 1;
    } else {
      set_damage(tail[next].seq, tail[next].seq, "its hash does not match");
      return {};
    }
  }
  if (previous != tip_.hash) {
    set_damage(tip_.seq, tip_.seq, "its hash does not match");
    return {};
  }
  tail.erase(tail.begin(), tail.begin() + static_cast<std::ptrdiff_t>(first));
  start_.tail = std::move(tail);
  return {};
}

// Whether the tail may begin two entries above `damaged`.
bool DiskLog::can_do_without(Seq damaged) const {
  return damaged.next() <= state_.commit && damaged.next() < tip_.seq;
}

void DiskLog::set_damage(Seq from, Seq to, const char* what) {
  if (!start_.damage) start_.damage = LogDamage{from, to, what};
}

}  // namespace chat262::store

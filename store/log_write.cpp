// Writing the log: one durable LMDB transaction a batch, and what happens when the disk is full.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "protocol/codec.hpp"
#include "store/bytes.hpp"
#include "store/disk_log.hpp"

namespace chat262::store {

namespace {

// Left free on the disk at all times while entries are written: pages that LMDB copies when it
// writes, and the tables.
constexpr std::uint64_t reserve_bytes = 4 << 20;
constexpr std::size_t erase_piece_seqs = 1024;
constexpr std::uint64_t drop_readers_every = 4096;  // writes

using SeqKey = FixedWriter<8>;

// The caller hands in what the log cannot hold: a bug, and going on would write a broken history.
[[noreturn]] void broken(const char* what, Seq at) {
  std::fprintf(stderr, "store: %s at seq %llu\n", what,
               static_cast<unsigned long long>(at.value));  // NOLINT(google-runtime-int)
  std::abort();
}

bool has_entries(std::span<const LogWrite> writes) {
  return std::any_of(writes.begin(), writes.end(),
                     [](const LogWrite& write) { return !write.entries.empty(); });
}

std::size_t entry_bytes(std::span<const LogWrite> writes) {
  std::size_t bytes = 0;
  for (const LogWrite& write : writes) {
    for (const Entry& entry : write.entries) bytes += entry.size_bytes();
  }
  return bytes;
}

}  // namespace

Result<void> DiskLog::with_map_growth(const std::function<Result<void>()>& once) {
  auto done = once();
  while (!done && done.error().code == Errc::map_full) {
    if (auto larger = env_->enlarge(env_->size().map_bytes * 2); !larger) {
      const bool lost = larger.error().code == Errc::io;
      return fail(lost ? Errc::io : Errc::disk_full, larger.error().text);
    }
    done = once();
  }
  return done;
}

Result<void> DiskLog::write(std::span<const LogWrite> writes) {
  if (has_entries(writes) && !room_for(entry_bytes(writes))) {
    return fail(Errc::disk_full, "the disk of " + directory_.string() +
                                     " is full: free some space; nothing was written");
  }
  // Readers that were killed would keep free pages from being used again.
  if (++writes_ % drop_readers_every == 0) env_->drop_dead_readers();
  auto done = with_map_growth([&] { return write_once(writes); });
  if (!done && done.error().code == Errc::disk_full) {
    set_full();
    // The ballast has just made room for what must be written all the same.
    if (!has_entries(writes)) done = write_once(writes);
  }
  return done;
}

Result<void> DiskLog::write_once(std::span<const LogWrite> writes) {
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  State state = state_;
  Tip tip = tip_;
  for (const LogWrite& write : writes) {
    if (auto done = write_one(*txn, write, state, tip); !done) return done;
  }
  state.tip = tip;
  auto done = put_state(*txn, state).and_then([&] { return txn->commit(); });
  if (!done) return done;
  state_ = state;
  tip_ = tip;
  last_ = tip.seq.value;
  commit_ = state.commit.value;
  return {};
}

Result<void> DiskLog::write_one(lmdb::Txn& txn, const LogWrite& write, State& state,
                                Tip& tip) const {
  if (write.promised) state.promised = *write.promised;
  if (write.identity) {
    state.incarnation = write.identity->first;
    state.lost_disk = write.identity->second;
  }
  if (write.cut_after && *write.cut_after < tip.seq) {
    if (auto done = cut(txn, *write.cut_after, tip); !done) return done;
    state.commit = std::min(state.commit, tip.seq);
  }
  for (const Entry& entry : write.entries) {
    if (auto done = append(txn, entry, tip); !done) return done;
  }
  state.commit = std::min(std::max(state.commit, write.commit), tip.seq);
  return {};
}

Result<void> DiskLog::cut(lmdb::Txn& txn, Seq after, Tip& tip) const {
  for (const lmdb::Db db : {entries_, views_}) {
    auto cursor = txn.cursor(db);
    if (!cursor) return tl::unexpected(cursor.error());
    while (true) {
      auto found = cursor->last();
      if (!found) return tl::unexpected(found.error());
      if (!*found || seq_of(cursor->key()) <= after) break;
      if (auto removed = cursor->remove(); !removed) return removed;
    }
  }
  auto hash = hash_before(txn, after.next());
  if (!hash) return tl::unexpected(hash.error());
  // The next entry is chained to this one: rot must not make a history of its own.
  if (auto intact = check_entry(txn, after); !intact) return intact;
  tip = {after, *hash};
  return {};
}

Result<void> DiskLog::append(lmdb::Txn& txn, const Entry& entry, Tip& tip) const {
  if (entry.seq != tip.seq.next()) broken("an entry out of order", entry.seq);
  if (entry.hash != entry_hash(tip.hash, entry)) broken("an entry of another history", entry.seq);
  SeqKey key;
  key.seq(entry.seq);
  const Bytes record = encode_entry_record(entry);
  if (auto done = txn.put(entries_, key.view(), record, lmdb::Put::append); !done) return done;
  if (entry.kind == EntryKind::view) {
    if (auto done = put_view(txn, entry, lmdb::Put::append); !done) return done;
  }
  tip = {entry.seq, entry.hash};
  return {};
}

// ---- erasing

Result<void> DiskLog::erase_texts(std::span<const Seq> seqs) {
  for (std::size_t at = 0; at < seqs.size(); at += erase_piece_seqs) {
    const auto piece = seqs.subspan(at, std::min(erase_piece_seqs, seqs.size() - at));
    auto done = with_map_growth([&] { return erase_piece(piece); });
    if (!done) return done;
  }
  return {};
}

Result<void> DiskLog::erase_piece(std::span<const Seq> seqs) {
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  for (const Seq at : seqs) {
    SeqKey key;
    key.seq(at);
    auto record = txn->get(entries_, key.view());
    if (!record) return tl::unexpected(record.error());
    if (!record->has_value()) continue;
    auto entry = decode_entry_record(at, **record);
    // A damaged one loses its text when it is repaired: see broker/repair.hpp.
    if (!entry || entry->erased) continue;
    entry->text.clear();
    entry->erased = true;
    if (auto done = txn->put(entries_, key.view(), encode_entry_record(*entry)); !done) return done;
  }
  // Another thread's state_ must not be touched: what this transaction sees is the newest.
  auto state = read_state(*txn);
  if (!state) return tl::unexpected(state.error());
  return put_state(*txn, state->value_or(State{})).and_then([&] { return txn->commit(); });
}

// ---- room

bool DiskLog::room_for(std::size_t bytes) {
  if (!room()) return false;
  // Twice: LMDB also copies the pages on the way to the new ones.
  if (free_bytes(directory_) > 2 * bytes + reserve_bytes) return true;
  set_full();
  return false;
}

bool DiskLog::room() {
  const std::uint64_t free = free_bytes(directory_);
  const std::lock_guard lock(room_mutex_);
  if (!full_ && free < reserve_bytes) {
    full_ = true;
    ballast_.drop();
  }
  if (full_ && free > ballast_.bytes() + room_bytes_ && ballast_.make()) full_ = false;
  return !full_;
}

void DiskLog::set_full() {
  const std::lock_guard lock(room_mutex_);
  full_ = true;
  ballast_.drop();
}

}  // namespace chat262::store

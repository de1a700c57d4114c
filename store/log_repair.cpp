// Repair of damaged entries by good ones from elsewhere; what cannot be repaired is set aside.
#include <algorithm>

#include "protocol/codec.hpp"
#include "store/bytes.hpp"
#include "store/disk_log.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

using SeqKey = FixedWriter<8>;

// ---- logs that know no repair

Result<std::size_t> Log::repair(const Hash& /*previous*/, std::span<const Entry> /*entries*/) {
  return fail(Errc::system, "this log cannot be repaired");
}
Result<void> Log::read_start_again() {
  return {};
}
Result<fs::path> Log::set_damage_aside() {
  return fail(Errc::system, "this log cannot be set aside");
}

// ----

Result<std::size_t> DiskLog::repair(const Hash& previous, std::span<const Entry> entries) {
  const Hash* before = &previous;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool follows = i == 0 || entries[i].seq == entries[i - 1].seq.next();
    if (!follows || !entry_intact(*before, entries[i])) {
      return fail(Errc::invalid, "entries whose hash chain is broken");
    }
    before = &entries[i].hash;
  }
  std::size_t written = 0;
  auto done = with_map_growth([&]() -> Result<void> {
    written = 0;
    auto txn = env_->write();
    if (!txn) return tl::unexpected(txn.error());
    auto proved = proved_entries(*txn, entries);
    if (!proved) return tl::unexpected(proved.error());
    const Hash* chain = &previous;
    for (const Entry& entry : entries.first(*proved)) {
      auto put = put_if_damaged(*txn, *chain, entry);
      if (!put) return tl::unexpected(put.error());
      if (*put) ++written;
      chain = &entry.hash;
    }
    if (*proved > 0) {
      auto removed = remove_no_entries(*txn, entries.front().seq, entries[*proved - 1].seq.next());
      if (!removed) return tl::unexpected(removed.error());
      if (*removed && written == 0) written = 1;
    }
    if (written == 0) return {};
    return put_state(*txn, state_).and_then([&] { return txn->commit(); });
  });
  if (!done) return tl::unexpected(done.error());
  return written;
}

// How many of `entries` this log itself proves to be its own: the hash of the last of them is what
// the record above it, or the end of the log, asks for. Above that they may go on in another way.
Result<std::size_t> DiskLog::proved_entries(const lmdb::Txn& txn,
                                            std::span<const Entry> entries) const {
  bool another = false;
  for (std::size_t count = entries.size(); count > 0; --count) {
    const Entry& entry = entries[count - 1];
    if (entry.seq > tip_.seq) continue;
    if (entry.seq == tip_.seq) {
      if (entry.hash == tip_.hash) return count;
      another = true;
      continue;
    }
    SeqKey key;
    key.seq(entry.seq.next());
    auto record = txn.get(entries_, key.view());
    if (!record) return tl::unexpected(record.error());
    if (!record->has_value()) continue;
    auto above = decode_entry_record(entry.seq.next(), **record);
    if (above && entry_intact(entry.hash, *above)) return count;
  }
  if (another) return fail(Errc::invalid, "entries of another history");
  return fail(Errc::not_found, "nothing on the disk proves these entries to be of this log");
}

Result<bool> DiskLog::put_if_damaged(lmdb::Txn& txn, const Hash& previous, const Entry& entry) {
  SeqKey key;
  key.seq(entry.seq);
  auto record = txn.get(entries_, key.view());
  if (!record) return tl::unexpected(record.error());
  if (record->has_value()) {
    const auto own = decode_entry_record(entry.seq, **record);
    if (own && own->hash == entry.hash && entry_intact(previous, *own)) return false;
  }
  auto done = txn.put(entries_, key.view(), encode_entry_record(entry));
  if (done && entry.kind == EntryKind::view) done = put_view(txn, entry, lmdb::Put::any);
  if (!done) return tl::unexpected(done.error());
  return true;
}

Result<bool> DiskLog::remove_no_entries(lmdb::Txn& txn, Seq from, Seq to) const {
  bool any = false;
  SeqKey key;
  key.seq(from);
  auto cursor = txn.cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  auto more = cursor->seek(key.view());
  while (more && *more && (!is_seq_key(cursor->key()) || seq_of(cursor->key()) <= to)) {
    if (is_seq_key(cursor->key())) {
      more = cursor->next();
      continue;
    }
    any = true;
    if (auto removed = cursor->remove(); !removed) return tl::unexpected(removed.error());
    more = cursor->seek(key.view());
  }
  if (!more) return tl::unexpected(more.error());
  return any;
}

Result<void> DiskLog::read_start_again() {
  const Incarnation incarnation = state_.incarnation;
  auto done = read_start();
  if (!done) return done;
  state_.incarnation = start_.incarnation = incarnation;
  if (start_.damage) return {};
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  return txn->remove(meta_, to_bytes(gaps_key))
      .and_then([&] { return put_state(*txn, state_); })
      .and_then([&] { return txn->commit(); });
}

// DIR/log.damaged-N with a free N.
fs::path DiskLog::aside_directory() const {
  std::error_code error;
  for (unsigned n = 1;; ++n) {
    fs::path path = directory_ / ("log.damaged-" + std::to_string(n));
    if (!fs::exists(path, error)) return path;
  }
}

Result<fs::path> DiskLog::set_damage_aside() {
  if (!start_.damage) return fail(Errc::invalid, "there is no damage to set aside");
  const fs::path aside = aside_directory();
  if (auto copied = copy(aside / "log"); !copied) return tl::unexpected(copied.error());
  if (auto synced = sync_directory(directory_); !synced) return tl::unexpected(synced.error());
  LogWrite write;
  write.cut_after = start_.damage->from.previous();
  write.identity = std::pair(state_.incarnation, true);
  write.commit = state_.commit;
  auto done = this->write({&write, 1}).and_then([&] { return read_start_again(); });
  if (!done) return tl::unexpected(done.error());
  return aside;
}

}  // namespace chat262::store

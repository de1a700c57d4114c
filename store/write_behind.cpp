// The overlay's way to disk.
#include <algorithm>

#include "protocol/mutant.hpp"
#include "store/bytes.hpp"
#include "store/data_directory.hpp"
#include "store/disk_tables.hpp"

namespace chat262::store {

// ---- reactor

bool DiskTables::seal(Seq commit) {
  while (!tail_.empty() && tail_.front().seq <= commit) {
    committed_ = tail_.front();
    tail_.pop_front();
  }
  records_.overlay().forget_undo(committed_.seq);
  const Stage stage = stage_;
  if (stage == Stage::failed) {
    enlarge_map();
    stage_ = Stage::sealed;
    return true;
  }
  if (stage != Stage::none || committed_.seq.value <= durable_) return false;
  records_.overlay().seal(committed_.seq);
  sealed_mark_ = committed_;
  stage_ = Stage::sealed;
  return true;
}

void DiskTables::settle() {
  if (stage_ != Stage::written) return;
  spent_ = records_.overlay().take_sealed();
  records_.refresh();
  stage_ = Stage::none;
}

// The map can change its size only while no transaction is open, the reactor's snapshot included.
void DiskTables::enlarge_map() {
  if (!map_full_.exchange(false)) return;
  records_.refresh();
  const auto larger = env_->enlarge(env_->size().map_bytes * 2);
  if (larger) return;
  map_full_ = true;  // tried again with the next generation
  if (larger.error().code == Errc::io) records_.set_fault(larger.error());
}

// ---- tables thread

Result<void> DiskTables::write_behind(Log& log) {
  const std::lock_guard lock(mutex_);
  Stage expected = Stage::sealed;
  if (!stage_.compare_exchange_strong(expected, Stage::writing)) return {};
  spent_.reset();
  bool tables_damaged = false;
  auto done = write_sealed(log, tables_damaged);
  if (!done) {
    map_full_ = done.error().code == Errc::map_full;
    stage_ = Stage::failed;
    if (tables_damaged) make_rebuild_file();
    if (map_full_) return fail(Errc::disk_full, done.error().text);
    return done;
  }
  set_durable(sealed_mark_);
  stage_ = Stage::written;
  return done;
}

Result<void> DiskTables::write_sealed(Log& log, bool& tables_damaged) {
  if (!log.room()) {
    return fail(Errc::disk_full, directory_.string() + ": the disk is full: free some space");
  }
  auto texts = texts_of_deleted();
  if (!texts) {
    tables_damaged = texts.error().code == Errc::corrupt;
    return tl::unexpected(texts.error());
  }
  if (auto erased = log.erase_texts(*texts); !erased) return erased;
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  auto written =
      put_sealed(*txn).and_then([&] { return put_mark(*txn, sealed_mark_); }).and_then([&] {
        return txn->commit();
      });
  tables_damaged = !written && written.error().code == Errc::corrupt;
  return written;
}

// The texts of accounts deleted in this generation: durably gone before it is written.
Result<std::vector<Seq>> DiskTables::texts_of_deleted() const {
  std::vector<Seq> seqs;
  const schema::Key deletions = schema::prefix(schema::Table::deletions);
  const SlotMap& sealed = *records_.overlay().sealed();
  std::optional<lmdb::Txn> txn;
  for (auto slot = sealed.lower_bound(deletions.text());
       slot != sealed.end() && slot->first.starts_with(deletions.text()); ++slot) {
    if (!txn) {
      auto begun = env_->read();
      if (!begun) return tl::unexpected(begun.error());
      txn.emplace(std::move(*begun));
    }
    const auto account = Reader(slot->first.substr(1)).id<AccountId>();
    const schema::Key authored = schema::authored_prefix(account);
    Scan scan({.second = &sealed, .txn = &*txn, .db = db_}, Direction::up, authored.text(),
              authored.text());
    for (; scan.valid(); scan.next()) {
      seqs.push_back(Reader(scan.key().substr(authored.size())).seq());
    }
    if (scan.error()) return tl::unexpected(*scan.error());
  }
  return seqs;
}

Result<void> DiskTables::put_sealed(lmdb::Txn& txn) const {
  Bytes record;
  for (const auto& [key, slot] : *records_.overlay().sealed()) {
    Result<void> done;
    if (slot.removed) {
      if (!mutant("tables-forget-to-remove")) done = txn.remove(db_, to_bytes(key));
    } else {
      seal_record(to_bytes(key), to_bytes(slot.value), record);
      done = txn.put(db_, to_bytes(key), record);
    }
    if (!done) return done;
  }
  return {};
}

}  // namespace chat262::store

// Opening, applying, undoing. write_behind.cpp has the way to disk, lookups.cpp the reading.
#include "store/tables.hpp"

#include <algorithm>
#include <fstream>

#include "protocol/mutant.hpp"
#include "store/bytes.hpp"
#include "store/data_directory.hpp"
#include "store/disk_tables.hpp"
#include "store/pages.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

// Sorts before every table.
constexpr std::string_view mark_key("\0meta", 5);
// Put beside the environment when a damaged record was met: the next start builds the tables anew.
constexpr const char* rebuild_file = "rebuild";
// Tables of another format are built anew from the log.
constexpr std::uint32_t tables_format_version = 5;

// LMDB must not touch a file whose structure is damaged.
bool pages_whole(const fs::path& file) {
  const auto pages = Pages::open(file);
  return pages ? pages->flaw([](std::string_view, ByteView, ByteView) {}).empty()
               : pages.error().code == Errc::not_found;
}

}  // namespace

Result<std::unique_ptr<Tables>> Tables::open(const TablesOptions& options, const Log& log) {
  return DiskTables::open_on(options, log)
      .map([](std::unique_ptr<DiskTables> tables) -> std::unique_ptr<Tables> { return tables; });
}

Result<std::unique_ptr<DiskTables>> DiskTables::open_on(const TablesOptions& options,
                                                        const Log& log) {
  std::unique_ptr<DiskTables> tables(
      new DiskTables(options.directory / "tables", options.map_bytes));
  auto made = make_directory(options.directory).and_then([&] {
    return make_directory(tables->directory_);
  });
  if (!made) return tl::unexpected(made.error());
  std::error_code error;
  bool usable = !fs::exists(tables->directory_ / rebuild_file, error) &&
                pages_whole(tables->directory_ / "data.mdb");
  if (usable) {
    auto opened = tables->open_env();
    if (opened) {
      auto fits = tables->read_mark(log);
      if (!fits) return tl::unexpected(fits.error());
      usable = *fits;
    } else if (opened.error().code == Errc::corrupt || opened.error().code == Errc::wrong_format) {
      usable = false;
    } else {
      return tl::unexpected(opened.error());
    }
  }
  if (!usable) {
    if (auto anew = tables->start_anew(); !anew) return tl::unexpected(anew.error());
  }
  return tables;
}

DiskTables::~DiskTables() {
  records_.detach();
}

Result<void> DiskTables::open_env() {
  auto env = lmdb::Env::open({.directory = directory_, .map_bytes = map_bytes_});
  if (!env) return tl::unexpected(env.error());
  env_ = std::move(*env);
  env_->drop_dead_readers();
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  auto db = txn->open_db(nullptr, false);
  if (!db) return tl::unexpected(db.error());
  db_ = *db;
  auto done = txn->commit();
  if (done) records_.attach(*env_, db_);
  return done;
}

// The tables are of use if they are whole, of this format, and of the log's history.
Result<bool> DiskTables::read_mark(const Log& log) {
  Mark mark;
  {
    auto txn = env_->read();
    if (!txn) return tl::unexpected(txn.error());
    auto stored = txn->get(db_, to_bytes(mark_key));
    if (!stored) return tl::unexpected(stored.error());
    if (!stored->has_value()) return false;
    const Opened opened = open_record(to_bytes(mark_key), **stored);
    Reader reader(opened.value);
    const std::uint32_t format = reader.u32();
    mark = {reader.seq(), reader.hash(), reader.time()};
    if (!opened.intact || !reader.complete() || format != tables_format_version) return false;
  }
  if (mark.seq.value > 0) {
    auto entry = log.read(mark.seq, mark.seq, 1);
    // A damaged entry proves nothing: the log is repaired, the tables are made from it.
    if (!entry && entry.error().code != Errc::not_found && entry.error().code != Errc::corrupt) {
      return tl::unexpected(entry.error());
    }
    if (!entry || entry->front().hash != mark.hash) return false;
  }
  set_durable(mark);
  tip_ = committed_ = mark;
  return true;
}

Result<void> DiskTables::start_anew() {
  records_.detach();
  records_.overlay().clear();
  records_.clear_fault();
  damage_seen_ = false;
  env_.reset();
  std::error_code error;
  for (const char* name : {"data.mdb", "lock.mdb", rebuild_file}) {
    fs::remove(directory_ / name, error);
    if (error) {
      return fail(Errc::system, (directory_ / name).string() + ": " + error.message());
    }
  }
  tip_ = committed_ = {};
  tail_.clear();
  set_durable({});
  return open_env();
}

Result<void> DiskTables::put_mark(lmdb::Txn& txn, const Mark& mark) const {
  FixedWriter<64> value;
  value.u32(tables_format_version).seq(mark.seq).hash(mark.hash).time(mark.time);
  Bytes record;
  seal_record(to_bytes(mark_key), value.view(), record);
  return txn.put(db_, to_bytes(mark_key), record);
}

void DiskTables::set_durable(const Mark& mark) {
  durable_mark_ = mark;
  durable_ = mark.seq.value;
}

// ---- applying

Result<Outcome> DiskTables::apply(const Entry& entry) {
  if (entry.seq != tip_.seq.next()) {
    return fail(Errc::invalid, "entry " + std::to_string(entry.seq.value) +
                                   " does not follow what is applied, " +
                                   std::to_string(tip_.seq.value));
  }
  Applier applier(records_);
  const Outcome outcome = applier.apply(entry);
  if (records_.fault()) {
    records_.overlay().revert_above(tip_.seq);
    const Error error = *records_.fault();
    if (error.code == Errc::corrupt) make_rebuild_file();
    return tl::unexpected(error);
  }
  tip_ = {entry.seq, entry.hash, std::max(tip_.time, applier.time())};
  tail_.push_back(tip_);
  return outcome;
}

std::optional<Error> DiskTables::fault() const {
  if (records_.fault() || !damage_seen_) return records_.fault();
  return Error{Errc::corrupt, "a damaged record was found when the tables were checked"};
}

Result<std::string> DiskTables::check(const std::string& from, std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  const auto damaged = [this] {
    damage_seen_ = true;
    make_rebuild_file();
    return fail(Errc::corrupt, "a record of the tables is damaged");
  };
  auto txn = env_->read();
  if (!txn) return tl::unexpected(txn.error());
  auto cursor = txn->cursor(db_);
  if (!cursor) return tl::unexpected(cursor.error());
  auto more = from.empty() ? cursor->first() : cursor->seek(to_bytes(from));
  std::size_t bytes = 0;
  for (; more && *more; more = cursor->next()) {
    if (bytes >= bytes_max) return std::string(to_text(cursor->key()));
    if (!open_record(cursor->key(), cursor->value()).intact) return damaged();
    bytes += cursor->key().size() + cursor->value().size();
  }
  if (!more) return damaged();
  return std::string();
}

void DiskTables::make_rebuild_file() const {
  const std::ofstream file(directory_ / rebuild_file);
}

Result<void> DiskTables::revert_to(Seq to) {
  if (to >= tip_.seq && !fault()) return {};
  if (to >= committed_.seq && !fault()) {
    if (!mutant("tables-keep-what-was-cut")) records_.overlay().revert_above(to);
    while (!tail_.empty() && tail_.back().seq > to) tail_.pop_back();
    tip_ = tail_.empty() ? committed_ : tail_.back();
    return {};
  }
  const std::lock_guard lock(mutex_);  // a write in progress ends first
  if (stage_ == Stage::written) set_durable(sealed_mark_);
  stage_ = Stage::none;
  if (durable_mark_.seq > to || fault()) return start_anew();
  records_.overlay().clear();
  records_.refresh();
  tail_.clear();
  tip_ = committed_ = durable_mark_;
  return {};
}

}  // namespace chat262::store

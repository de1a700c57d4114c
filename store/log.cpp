// Opening the log and reading it. Writing is in log_write.cpp.
#include "store/log.hpp"

#include <algorithm>

#include "protocol/codec.hpp"
#include "store/bytes.hpp"
#include "store/disk_log.hpp"
#include "store/hex.hpp"
#include "store/pages.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr unsigned databases_max = 4;
constexpr std::size_t piece_bytes = 4 << 20;  // of a large read: one short read transaction each
constexpr std::string_view format_key = "format";
constexpr std::string_view format_copy_key = "format.copy";
constexpr std::string_view identity_key = "identity";

using SeqKey = FixedWriter<8>;

Result<std::optional<std::uint32_t>> read_format(const lmdb::Txn& txn, lmdb::Db meta,
                                                 std::string_view key) {
  auto stored = txn.get(meta, to_bytes(key));
  if (!stored) return tl::unexpected(stored.error());
  if (!stored->has_value()) return std::optional<std::uint32_t>{};
  return std::optional(Reader(**stored).u32());
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(const LogOptions& options) {
  return DiskLog::open_to_write(options).map(
      [](std::unique_ptr<DiskLog> log) -> std::unique_ptr<Log> { return log; });
}

Result<std::unique_ptr<Log>> Log::open_to_read(const fs::path& directory) {
  return DiskLog::open_read_only(directory).map(
      [](std::unique_ptr<DiskLog> log) -> std::unique_ptr<Log> { return log; });
}

// ---- opening

Result<std::unique_ptr<DiskLog>> DiskLog::open_to_write(const LogOptions& options) {
  if (auto made = make_directory(options.directory); !made) return tl::unexpected(made.error());
  auto lock = DirectoryLock::take(options.directory);
  if (!lock) return tl::unexpected(lock.error());
  std::unique_ptr<DiskLog> log(
      new DiskLog(options.directory, options.ballast_bytes, options.room_bytes));
  log->lock_ = std::move(*lock);
  log->tail_bytes_ = options.tail_bytes;
  if (auto note = close_to_others(options.directory); !note.empty()) {
    log->start_.notes.push_back(std::move(note));
  }
  auto done = log->finish_salvage()
                  .and_then([&] { return make_directory(options.directory / "log"); })
                  .and_then([&] { return log->check_pages(options); })
                  .and_then([&] { return log->open_env(options.map_bytes, false); })
                  .and_then([&] { return log->check_identity(options.identity); })
                  .and_then([&] { return log->read_start(); })
                  .and_then([&] { return log->begin_incarnation(options.incarnation_nonce); })
                  .and_then([&] { return sync_directory(options.directory / "log"); })
                  .and_then([&] { return sync_directory(options.directory); });
  if (!done) return tl::unexpected(done.error());
  if (!log->ballast_.make()) log->set_full();
  return log;
}

Result<std::unique_ptr<DiskLog>> DiskLog::open_read_only(const fs::path& directory) {
  std::unique_ptr<DiskLog> log(new DiskLog(directory, 0, 0));
  std::error_code error;
  const fs::path file = directory / "log" / "data.mdb";
  if (!fs::exists(file, error)) {
    return fail(Errc::not_found, directory.string() + " holds no log (no file log/data.mdb)");
  }
  // LMDB must not touch a file whose structure is damaged. Under a server, which looked at it when
  // it started, pages change while they are read.
  if (!DirectoryLock::held(directory)) {
    const auto pages = Pages::open(file);
    if (!pages) return tl::unexpected(pages.error());
    const auto flaw = pages->flaw([](std::string_view, ByteView, ByteView) {});
    if (!flaw.empty()) {
      return fail(Errc::corrupt,
                  "the structure of its file log/data.mdb is damaged (" + flaw +
                      "), so it cannot be read. Keep it; a server that starts on a copy of the "
                      "directory saves to a new file what is whole");
    }
  }
  log->read_only_ = true;
  auto done = log->open_env(0, true).and_then([&] { return log->read_start(); });
  if (!done) return tl::unexpected(done.error());
  return log;
}

Result<void> DiskLog::open_env(std::uint64_t map_bytes, bool read_only) {
  auto env = lmdb::Env::open({.directory = directory_ / "log",
                              .map_bytes = map_bytes,
                              .databases_max = databases_max,
                              .read_only = read_only});
  if (!env) return tl::unexpected(env.error());
  env_ = std::move(*env);
  env_->drop_dead_readers();
  auto txn = read_only ? env_->read() : env_->write();
  if (!txn) return tl::unexpected(txn.error());
  const struct {
    const char* name;
    lmdb::Db* db;
  } databases[] = {{"entries", &entries_}, {"views", &views_}, {"meta", &meta_}};
  for (const auto& [name, db] : databases) {
    auto opened = txn->open_db(name, !read_only);
    if (!opened) return tl::unexpected(opened.error());
    *db = *opened;
  }
  auto format = read_format(*txn, meta_, format_key);
  auto copy = read_format(*txn, meta_, format_copy_key);
  if (!format) return tl::unexpected(format.error());
  if (!copy) return tl::unexpected(copy.error());
  if (*format && *format != format_version && *copy != format_version) {
    return fail(Errc::wrong_format, directory_.string() + " has log format " +
                                        std::to_string(**format) + ", this program reads format " +
                                        std::to_string(format_version) +
                                        ": use the version of chat262 that wrote it");
  }
  if (*format) {
    if (auto read = read_identity(*txn); !read) return read;
  }
  return txn->commit();
}

Result<void> DiskLog::read_identity(const lmdb::Txn& txn) {
  auto stored = get_twice(txn, identity_key);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return corrupt(Seq{}, "the identity is missing");
  Reader reader(**stored);
  identity_.cluster = reader.id<ClusterId>();
  identity_.server.value = reader.u8();
  if (!reader.complete()) return corrupt(Seq{}, "the identity is damaged");
  return {};
}

// A directory without an identity gets `identity`.
Result<void> DiskLog::check_identity(const Identity& identity) {
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  auto format = txn->get(meta_, to_bytes(format_key));
  if (!format) return tl::unexpected(format.error());
  if (format->has_value()) {
    if (identity_ == identity) return {};
    const auto describe = [](const Identity& who) {
      return "server " + std::to_string(who.server.value) + " of cluster " + hex(who.cluster.bytes);
    };
    return fail(Errc::wrong_identity, "data directory " + directory_.string() + " belongs to " +
                                          describe(identity_) + ", not to " + describe(identity) +
                                          ": give the directory of this server, or a new one");
  }
  auto done =
      put_identity(*txn, identity).and_then([&] { return put_state(*txn, State{}); }).and_then([&] {
        return txn->commit();
      });
  if (done) identity_ = identity;
  return done;
}

Result<void> DiskLog::put_identity(lmdb::Txn& txn, const Identity& identity) const {
  FixedWriter<4> version;
  version.u32(format_version);
  FixedWriter<17> who;
  who.id(identity.cluster).u8(identity.server.value);
  return txn.put(meta_, to_bytes(format_key), version.view())
      .and_then([&] { return txn.put(meta_, to_bytes(format_copy_key), version.view()); })
      .and_then([&] { return put_twice(txn, identity_key, who.view()); });
}

Result<void> DiskLog::give_identity(const fs::path& directory, const Identity& identity) {
  auto lock = DirectoryLock::take(directory);
  if (!lock) return tl::unexpected(lock.error());
  DiskLog log(directory, 0, 0);
  if (auto opened = log.open_env(0, false); !opened) return opened;
  auto txn = log.env_->write();
  if (!txn) return tl::unexpected(txn.error());
  auto state = log.read_state(*txn);
  if (!state) return tl::unexpected(state.error());
  return log.put_identity(*txn, identity)
      .and_then([&] { return log.put_state(*txn, state->value_or(State{})); })
      .and_then([&] { return txn->commit(); });
}

// ---- reading

Result<Hash> DiskLog::hash_before(const lmdb::Txn& txn, Seq from) const {
  if (from.value <= 1) return Hash{};
  SeqKey key;
  key.seq(from.previous());
  auto record = txn.get(entries_, key.view());
  if (!record) return tl::unexpected(record.error());
  if (!record->has_value()) return corrupt(from.previous(), "it is missing");
  auto entry = decode_entry_record(from.previous(), **record);
  if (!entry) return corrupt(from.previous(), "it does not decode");
  return entry->hash;
}

Result<void> DiskLog::check_entry(const lmdb::Txn& txn, Seq at) const {
  if (at == Seq{}) return {};
  auto before = hash_before(txn, at);
  if (!before) return tl::unexpected(before.error());
  SeqKey key;
  key.seq(at);
  auto record = txn.get(entries_, key.view());
  if (!record) return tl::unexpected(record.error());
  if (!record->has_value()) return corrupt(at, "it is missing");
  auto entry = decode_entry_record(at, **record);
  if (!entry) return corrupt(at, "it does not decode");
  if (!entry_intact(*before, *entry)) return corrupt(at, "its hash does not match");
  return {};
}

Result<std::vector<Entry>> DiskLog::read(Seq from, Seq to, std::size_t bytes_max) const {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  while (from <= to && (entries.empty() || bytes < bytes_max)) {
    const std::size_t before = entries.size();
    auto read = read_piece(from, to, std::min(bytes_max - bytes, piece_bytes), entries);
    if (entries.size() == before) {
      // What comes before a damaged entry is good.
      if (!read && entries.empty()) return tl::unexpected(read.error());
      break;
    }
    for (std::size_t i = before; i < entries.size(); ++i) bytes += entries[i].size_bytes();
    from = entries.back().seq.next();
  }
  if (entries.empty()) {
    return fail(Errc::not_found,
                directory_.string() + ": the log holds no entry " + std::to_string(from.value));
  }
  return entries;
}

Result<void> DiskLog::read_piece(Seq from, Seq to, std::size_t bytes_max,
                                 std::vector<Entry>& out) const {
  if (from.value == 0) return {};
  const Seq end = last();  // before the snapshot, which holds at least this
  auto txn = env_->read();
  if (!txn) return tl::unexpected(txn.error());
  auto cursor = txn->cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  SeqKey key;
  key.seq(from);
  auto more = cursor->seek(key.view());
  if (!more) return tl::unexpected(more.error());
  if (!*more) {
    if (from <= end) return corrupt(from, "it is missing");
    return {};
  }
  auto before = hash_before(*txn, from);
  if (!before) return tl::unexpected(before.error());
  Hash previous = *before;
  // The log was cut between two pieces: what was read before stands for itself.
  if (!out.empty() && out.back().hash != previous) return {};
  std::size_t bytes = 0;
  for (Seq at = from; more && *more && at <= to && (at == from || bytes < bytes_max);
       at = at.next(), more = cursor->next()) {
    if (seq_of(cursor->key()) != at) return corrupt(at, "it is missing");
    auto entry = decode_entry_record(at, cursor->value());
    if (!entry) return corrupt(at, "it does not decode");
    if (!entry_intact(previous, *entry)) return corrupt(at, "its hash does not match");
    previous = entry->hash;
    bytes += entry->size_bytes();
    out.push_back(std::move(*entry));
  }
  if (!more) return tl::unexpected(more.error());
  return {};
}

Seq DiskLog::last() const {
  if (!read_only_) return seq(last_);
  auto txn = env_->read();
  if (!txn) return Seq{};
  auto state = read_state(*txn);
  if (state && *state && (*state)->transaction != 0) return (*state)->tip.seq;
  return read_last(*txn).value_or(Seq{});
}

Seq DiskLog::commit() const {
  if (!read_only_) return seq(commit_);
  auto txn = env_->read();
  if (!txn) return Seq{};
  auto state = read_state(*txn);
  return state && state->has_value() ? (*state)->commit : Seq{};
}

LogSize DiskLog::size() const {
  LogSize size;
  size.file_bytes = env_->size().file_bytes;
  auto txn = env_->read();
  if (!txn) return size;
  for (const lmdb::Db db : {entries_, views_, meta_}) {
    size.used_bytes += txn->used_bytes(db).value_or(0);
  }
  return size;
}

Result<void> DiskLog::copy(const fs::path& to) const {
  std::error_code error;
  if (fs::exists(to, error) && !fs::is_empty(to, error)) {
    return fail(Errc::invalid, to.string() + " exists and is not empty: name a new directory");
  }
  return make_directory(to).and_then([&] { return env_->copy(to); }).and_then([&] {
    return sync_directory(to);
  });
}

tl::unexpected<Error> DiskLog::corrupt(Seq at, const char* what) const {
  const std::string where =
      at.value == 0 ? std::string() : "entry " + std::to_string(at.value) + ": ";
  return fail(Errc::corrupt, "the log in " + directory_.string() + " is damaged: " + where + what);
}

}  // namespace chat262::store

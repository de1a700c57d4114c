// Opening the log and reading it. Writing is in log_write.cpp.
#include "store/log.hpp"

#include <algorithm>

#include "protocol/codec.hpp"
#include "store/bytes.hpp"
#include "store/disk_log.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr unsigned databases_max = 4;
constexpr std::size_t piece_bytes = 4 << 20;  // of a large read: one short read transaction each
constexpr std::string_view format_key = "format";
constexpr std::string_view identity_key = "identity";
constexpr std::string_view state_key = "state";

using SeqKey = FixedWriter<8>;

std::string hex(const ClusterId& id) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : id.bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Result<View> view_of(const Bytes& head) {
  Entry entry;
  entry.kind = EntryKind::view;
  entry.head = head;
  return decode_view(entry);
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
  auto done = make_directory(options.directory / "log")
                  .and_then([&] { return log->open_env(options.map_bytes, false); })
                  .and_then([&] { return log->check_identity(options.identity); })
                  .and_then([&] { return log->read_start(options.tail_bytes); })
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
  if (!fs::exists(directory / "log" / "data.mdb", error)) {
    return fail(Errc::not_found, directory.string() + " holds no log (no file log/data.mdb)");
  }
  log->read_only_ = true;
  auto done = log->open_env(0, true).and_then([&] { return log->read_start(0); });
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
  auto format = txn->get(meta_, to_bytes(format_key));
  if (!format) return tl::unexpected(format.error());
  if (format->has_value()) {
    const std::uint32_t found = Reader(**format).u32();
    if (found != format_version) {
      return fail(Errc::wrong_format, directory_.string() + " has log format " +
                                          std::to_string(found) + ", this program reads format " +
                                          std::to_string(format_version) +
                                          ": use the version of chat262 that wrote it");
    }
    auto stored = txn->get(meta_, to_bytes(identity_key));
    if (!stored) return tl::unexpected(stored.error());
    const Opened opened =
        stored->has_value() ? open_record(to_bytes(identity_key), **stored) : Opened{};
    Reader reader(opened.value);
    identity_.cluster = reader.id<ClusterId>();
    identity_.server.value = reader.u8();
    if (!opened.intact || !reader.complete()) return corrupt(Seq{}, "the identity is damaged");
  }
  return txn->commit();
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
      return "server " + std::to_string(who.server.value) + " of cluster " + hex(who.cluster);
    };
    return fail(Errc::wrong_identity, "data directory " + directory_.string() + " belongs to " +
                                          describe(identity_) + ", not to " + describe(identity) +
                                          ": give the directory of this server, or a new one");
  }
  FixedWriter<4> version;
  version.u32(format_version);
  auto done = txn->put(meta_, to_bytes(format_key), version.view())
                  .and_then([&] { return put_identity(*txn, identity); })
                  .and_then([&] { return put_state(*txn, State{}); })
                  .and_then([&] { return txn->commit(); });
  if (done) identity_ = identity;
  return done;
}

Result<void> DiskLog::put_identity(lmdb::Txn& txn, const Identity& identity) const {
  Bytes record;
  FixedWriter<17> who;
  who.id(identity.cluster).u8(identity.server.value);
  seal_record(to_bytes(identity_key), who.view(), record);
  return txn.put(meta_, to_bytes(identity_key), record);
}

Result<void> DiskLog::give_identity(const fs::path& directory, const Identity& identity) {
  auto lock = DirectoryLock::take(directory);
  if (!lock) return tl::unexpected(lock.error());
  DiskLog log(directory, 0, 0);
  if (auto opened = log.open_env(0, false); !opened) return opened;
  auto txn = log.env_->write();
  if (!txn) return tl::unexpected(txn.error());
  return log.put_identity(*txn, identity).and_then([&] { return txn->commit(); });
}

Result<void> DiskLog::begin_incarnation(std::uint32_t nonce) {
  auto txn = env_->write();
  if (!txn) return tl::unexpected(txn.error());
  State state = state_;
  state.incarnation = {state.incarnation.counter + 1, nonce};
  auto done = put_state(*txn, state).and_then([&] { return txn->commit(); });
  if (!done) return done;
  state_ = state;
  start_.incarnation = state.incarnation;
  return {};
}

// ---- meta records

Result<std::optional<DiskLog::State>> DiskLog::read_state(const lmdb::Txn& txn) const {
  auto stored = txn.get(meta_, to_bytes(state_key));
  if (!stored) return tl::unexpected(stored.error());
  if (!stored->has_value()) return std::optional<State>{};
  const Opened opened = open_record(to_bytes(state_key), **stored);
  if (!opened.intact) return corrupt(Seq{}, "the state record is damaged");
  Reader reader(opened.value);
  State state;
  state.promised = reader.epoch();
  state.incarnation.counter = reader.u32();
  state.incarnation.nonce = reader.u32();
  state.lost_disk = reader.u8() != 0;
  state.commit = reader.seq();
  if (!reader.complete()) return corrupt(Seq{}, "the state record is damaged");
  return std::optional<State>{state};
}

Result<void> DiskLog::put_state(lmdb::Txn& txn, const State& state) const {
  FixedWriter<32> value;
  value.epoch(state.promised)
      .u32(state.incarnation.counter)
      .u32(state.incarnation.nonce)
      .u8(state.lost_disk ? 1 : 0)
      .seq(state.commit);
  Bytes record;
  seal_record(to_bytes(state_key), value.view(), record);
  return txn.put(meta_, to_bytes(state_key), record);
}

// ---- what is found at start

Result<void> DiskLog::read_start(std::size_t tail_bytes) {
  auto txn = env_->read();
  if (!txn) return tl::unexpected(txn.error());
  auto state = read_state(*txn);
  if (!state) return tl::unexpected(state.error());
  if (state->has_value()) state_ = **state;
  start_.promised = state_.promised;
  start_.incarnation = state_.incarnation;
  start_.lost_disk = state_.lost_disk;
  start_.commit = state_.commit;
  commit_ = state_.commit.value;
  if (auto views = read_views(*txn); !views) return views;
  auto last = read_last(*txn);
  if (!last) return tl::unexpected(last.error());
  last_ = last->value;
  if (read_only_) return {};
  return read_tail(*txn, tail_bytes);
}

Result<void> DiskLog::read_views(const lmdb::Txn& txn) {
  auto cursor = txn.cursor(views_);
  if (!cursor) return tl::unexpected(cursor.error());
  auto more = cursor->first();
  for (; more && *more; more = cursor->next()) {
    PlacedView placed;
    placed.at.seq = Reader(cursor->key()).seq();
    const Opened opened = open_record(cursor->key(), cursor->value());
    if (!opened.intact) return corrupt(placed.at.seq, "the view is damaged");
    Reader reader(opened.value);
    placed.at.epoch = reader.epoch();
    const std::string head = reader.tail(reader.left());
    auto view = view_of(Bytes(head.begin(), head.end()));
    if (!view) return corrupt(placed.at.seq, "the view does not decode");
    placed.view = std::move(*view);
    start_.views.push_back(std::move(placed));
  }
  if (!more) return tl::unexpected(more.error());
  return {};
}

Result<void> DiskLog::read_tail(const lmdb::Txn& txn, std::size_t tail_bytes) {
  auto cursor = txn.cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  std::vector<Entry> tail;
  std::size_t bytes = 0;
  auto more = cursor->last();
  for (; more && *more; more = cursor->previous()) {
    const Seq at = Reader(cursor->key()).seq();
    if (bytes >= tail_bytes && at <= state_.commit) break;
    if (!tail.empty() && at.next() != tail.back().seq) return corrupt(at.next(), "it is missing");
    auto entry = decode_entry_record(at, cursor->value());
    if (!entry) return corrupt(at, "it does not decode");
    bytes += entry->size_bytes();
    tail.push_back(std::move(*entry));
  }
  if (!more) return tl::unexpected(more.error());
  std::reverse(tail.begin(), tail.end());
  if (!tail.empty()) {
    auto before = hash_before(txn, tail.front().seq);
    if (!before) return tl::unexpected(before.error());
    Hash previous = *before;
    for (const Entry& entry : tail) {
      if (!entry_intact(previous, entry)) return corrupt(entry.seq, "its hash does not match");
      previous = entry.hash;
    }
    tip_ = {tail.back().seq, previous};
  }
  start_.tail = std::move(tail);
  return {};
}

Result<Seq> DiskLog::read_last(const lmdb::Txn& txn) const {
  auto cursor = txn.cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  auto found = cursor->last();
  if (!found) return tl::unexpected(found.error());
  return *found ? Reader(cursor->key()).seq() : Seq{};
}

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

// ---- reading

Result<std::vector<Entry>> DiskLog::read(Seq from, Seq to, std::size_t bytes_max) const {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  while (from <= to && (entries.empty() || bytes < bytes_max)) {
    const std::size_t before = entries.size();
    auto read = read_piece(from, to, std::min(bytes_max - bytes, piece_bytes), entries);
    if (!read) return tl::unexpected(read.error());
    if (entries.size() == before) break;
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
  auto txn = env_->read();
  if (!txn) return tl::unexpected(txn.error());
  auto cursor = txn->cursor(entries_);
  if (!cursor) return tl::unexpected(cursor.error());
  SeqKey key;
  key.seq(from);
  auto more = cursor->seek(key.view());
  if (!more) return tl::unexpected(more.error());
  if (!*more) return {};
  auto before = hash_before(*txn, from);
  if (!before) return tl::unexpected(before.error());
  Hash previous = *before;
  // The log was cut between two pieces: what was read before stands for itself.
  if (!out.empty() && out.back().hash != previous) return {};
  std::size_t bytes = 0;
  for (Seq at = from; more && *more && at <= to && (at == from || bytes < bytes_max);
       at = at.next(), more = cursor->next()) {
    if (Reader(cursor->key()).seq() != at) return corrupt(at, "it is missing");
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
  return txn ? read_last(*txn).value_or(Seq{}) : Seq{};
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
  return fail(Errc::corrupt,
              "the log in " + directory_.string() + " is damaged: " + where + what +
                  "; move the directory away and start the server anew: it gets the log from the "
                  "others (or restore it from a backup)");
}

}  // namespace chat262::store

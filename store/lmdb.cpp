#include "store/lmdb.hpp"

#include <lmdb.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <set>

namespace chat262::store::lmdb {
namespace {

// Below this much free space a failed write is put down to the disk being full: LMDB reports a
// short write as EIO.
constexpr std::uint64_t full_below_bytes = 1 << 20;
constexpr auto enlarge_waits = std::chrono::seconds(1);
constexpr unsigned readers_max = 126;

// Opening an environment twice in one process would break its locks (fcntl locks belong to the
// process), so the ones that are open are remembered.
struct OpenEnvs {
  std::mutex mutex;
  std::set<std::pair<std::uint64_t, std::uint64_t>> files;
};
OpenEnvs& open_envs() {
  static OpenEnvs envs;
  return envs;
}

MDB_val to_val(ByteView bytes) {
  // LMDB's interface lacks const; it does not write through keys and values that are put.
  return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())};  // NOLINT
}

ByteView to_view(const MDB_val& val) {
  return {static_cast<const std::uint8_t*>(val.mv_data), val.mv_size};
}

// Without an environment to ask.
Errc plain_code(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return Errc::disk_full;
    case MDB_MAP_FULL:
      return Errc::map_full;
    case EIO:
    case MDB_PANIC:
      return Errc::io;
    case MDB_NOTFOUND:
    case ENOENT:
      return Errc::not_found;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
      return Errc::corrupt;
    case MDB_VERSION_MISMATCH:
      return Errc::wrong_format;
    default:
      return Errc::system;
  }
}

}  // namespace

// ---- Cursor

Cursor::Cursor(Cursor&& other) noexcept
    : cursor_(std::exchange(other.cursor_, nullptr)), key_(other.key_), value_(other.value_) {}

Cursor::~Cursor() {
  if (cursor_ != nullptr) mdb_cursor_close(cursor_);
}

Result<bool> Cursor::move(int operation) {
  MDB_val key = to_val(key_);
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_, &key, &value, static_cast<MDB_cursor_op>(operation));
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return fail(plain_code(code), std::string("cannot read: ") + mdb_strerror(code));
  key_ = to_view(key);
  value_ = to_view(value);
  return true;
}

Result<bool> Cursor::seek(ByteView key) {
  key_ = key;
  return move(MDB_SET_RANGE);
}
Result<bool> Cursor::first() {
  return move(MDB_FIRST);
}
Result<bool> Cursor::last() {
  return move(MDB_LAST);
}
Result<bool> Cursor::next() {
  return move(MDB_NEXT);
}
Result<bool> Cursor::previous() {
  return move(MDB_PREV);
}

Result<void> Cursor::remove() {
  const int code = mdb_cursor_del(cursor_, 0);
  if (code != 0) return fail(plain_code(code), std::string("cannot remove: ") + mdb_strerror(code));
  return {};
}

// ---- Txn

Txn::Txn(Txn&& other) noexcept
    : env_(other.env_),
      txn_(std::exchange(other.txn_, nullptr)),
      write_(other.write_),
      snapshot_(std::exchange(other.snapshot_, false)) {}

Txn& Txn::operator=(Txn&& other) noexcept {
  if (this != &other) {
    abort();
    env_ = other.env_;
    txn_ = std::exchange(other.txn_, nullptr);
    write_ = other.write_;
    snapshot_ = std::exchange(other.snapshot_, false);
  }
  return *this;
}

Txn::~Txn() {
  abort();
}

void Txn::abort() {
  if (txn_ != nullptr) mdb_txn_abort(std::exchange(txn_, nullptr));
  if (std::exchange(snapshot_, false)) env_->gate_.unlock_shared();
}

Result<Db> Txn::open_db(const char* name, bool create) {
  MDB_dbi db = 0;
  const int code = mdb_dbi_open(txn_, name, create ? MDB_CREATE : 0U, &db);
  if (code != 0) return env_->error(code, "open a database");
  return db;
}

Result<std::optional<ByteView>> Txn::get(Db db, ByteView key) const {
  MDB_val k = to_val(key);
  MDB_val value{};
  const int code = mdb_get(txn_, db, &k, &value);
  if (code == MDB_NOTFOUND) return std::optional<ByteView>{};
  if (code != 0) return env_->error(code, "read");
  return std::optional<ByteView>{to_view(value)};
}

Result<void> Txn::put(Db db, ByteView key, ByteView value, Put mode) {
  MDB_val k = to_val(key);
  MDB_val v = to_val(value);
  const int code = mdb_put(txn_, db, &k, &v, mode == Put::append ? MDB_APPEND : 0U);
  if (code != 0) return env_->error(code, "write");
  return {};
}

Result<void> Txn::remove(Db db, ByteView key) {
  MDB_val k = to_val(key);
  const int code = mdb_del(txn_, db, &k, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return env_->error(code, "remove");
  return {};
}

Result<Cursor> Txn::cursor(Db db) const {
  MDB_cursor* cursor = nullptr;
  const int code = mdb_cursor_open(txn_, db, &cursor);
  if (code != 0) return env_->error(code, "read");
  return Cursor(cursor);
}

Result<std::uint64_t> Txn::used_bytes(Db db) const {
  MDB_stat stat{};
  const int code = mdb_stat(txn_, db, &stat);
  if (code != 0) return env_->error(code, "measure");
  return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

std::uint64_t Txn::number() const {
  return mdb_txn_id(txn_);
}

Result<void> Txn::commit() {
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  abort();  // lets go of the gate
  if (code != 0) return env_->error(code, "commit");
  return {};
}

void Txn::reset() {
  if (!snapshot_) return;
  mdb_txn_reset(txn_);
  snapshot_ = false;
  env_->gate_.unlock_shared();
}

Result<void> Txn::renew() {
  if (snapshot_) reset();
  env_->gate_.lock_shared();
  snapshot_ = true;
  const int code = mdb_txn_renew(txn_);
  if (code == 0) return {};
  snapshot_ = false;
  env_->gate_.unlock_shared();
  return env_->error(code, "begin to read");
}

// ---- Env

Result<std::unique_ptr<Env>> Env::open(const EnvOptions& options) {
  struct stat info {};
  if (::stat(options.directory.c_str(), &info) != 0) {
    return fail(errno == ENOENT ? Errc::not_found : Errc::system,
                options.directory.string() + ": " + std::strerror(errno));
  }
  std::unique_ptr<Env> env(new Env());
  env->directory_ = options.directory;
  const std::pair<std::uint64_t, std::uint64_t> file(info.st_dev, info.st_ino);
  {
    const std::lock_guard lock(open_envs().mutex);
    if (!open_envs().files.insert(file).second) {
      return fail(Errc::in_use, options.directory.string() + " is open in this process already");
    }
    env->file_ = file;
  }
  int code = mdb_env_create(&env->env_);
  if (code == 0 && options.map_bytes > 0) code = mdb_env_set_mapsize(env->env_, options.map_bytes);
  if (code == 0 && options.databases_max > 0) {
    code = mdb_env_set_maxdbs(env->env_, options.databases_max);
  }
  if (code == 0) code = mdb_env_set_maxreaders(env->env_, readers_max);
  if (code == 0) {
    const unsigned flags = MDB_NOTLS | (options.read_only ? MDB_RDONLY : 0U);
    code = mdb_env_open(env->env_, options.directory.c_str(), flags, 0600);
  }
  if (code != 0) return env->error(code, "open");
  return env;
}

Env::~Env() {
  if (env_ != nullptr) mdb_env_close(env_);
  const std::lock_guard lock(open_envs().mutex);
  open_envs().files.erase(file_);
}

Result<Txn> Env::read() const {
  gate_.lock_shared();
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (code == MDB_MAP_RESIZED) {  // by the server, while this process only reads
    gate_.unlock_shared();
    {
      const std::unique_lock alone(gate_);
      mdb_env_set_mapsize(env_, 0);
    }
    gate_.lock_shared();
    code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  }
  if (code != 0) {
    gate_.unlock_shared();
    return error(code, "begin to read");
  }
  return Txn(this, txn, false);
}

Result<Txn> Env::write() {
  gate_.lock_shared();
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != 0) {
    gate_.unlock_shared();
    return error(code, "begin to write");
  }
  return Txn(this, txn, true);
}

Result<void> Env::enlarge(std::uint64_t map_bytes) {
  const std::unique_lock alone(gate_, enlarge_waits);
  if (!alone.owns_lock()) {
    return fail(Errc::in_use, directory_.string() + ": cannot enlarge the map while it is read");
  }
  const std::uint64_t before = size().map_bytes;
  const int code = mdb_env_set_mapsize(env_, map_bytes);
  if (code == 0) return {};
  // The old mapping is gone by now.
  if (mdb_env_set_mapsize(env_, before) != 0) {
    return fail(Errc::io, directory_.string() + ": cannot map the file again");
  }
  return error(code, "enlarge the map");
}

void Env::drop_dead_readers() {
  int dead = 0;
  mdb_reader_check(env_, &dead);
}

EnvSize Env::size() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  struct stat file {};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  EnvSize size;
  size.map_bytes = info.me_mapsize;
  size.used_bytes = (info.me_last_pgno + 1) * stat.ms_psize;
  if (::stat((directory_ / "data.mdb").c_str(), &file) == 0) {
    size.file_bytes = static_cast<std::uint64_t>(file.st_size);
  }
  return size;
}

Result<void> Env::copy(const std::filesystem::path& to) const {
  const std::shared_lock gate(gate_);
  const int code = mdb_env_copy2(env_, to.c_str(), MDB_CP_COMPACT);
  if (code != 0) return error(code, "copy");
  ::chmod((to / "data.mdb").c_str(), 0600);
  return {};
}

tl::unexpected<Error> Env::error(int code, const char* doing) const {
  Errc errc = plain_code(code);
  struct statvfs room {};
  if (code == EIO && ::statvfs(directory_.c_str(), &room) == 0 &&
      room.f_bavail * room.f_frsize < full_below_bytes) {
    errc = Errc::disk_full;
  }
  return fail(errc, directory_.string() + ": cannot " + doing + ": " + mdb_strerror(code));
}

}  // namespace chat262::store::lmdb

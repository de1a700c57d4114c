// LMDB behind types that clean up after themselves. lmdb.cpp is the only file that includes lmdb.h.
//
// Threads: an Env may be used by any; a Txn and its cursors by the thread that began it, except
// that a read transaction may move to another thread (MDB_NOTLS).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>

#include "protocol/ids.hpp"
#include "protocol/result.hpp"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace chat262::store::lmdb {

using Db = unsigned;

struct EnvOptions {
  std::filesystem::path directory;  // must exist
  std::uint64_t map_bytes = 0;      // 0: as the file says
  unsigned databases_max = 0;       // named ones; 0: only the unnamed database
  bool read_only = false;
};

struct EnvSize {
  std::uint64_t map_bytes = 0;
  std::uint64_t used_bytes = 0;  // up to the last page ever used
  std::uint64_t file_bytes = 0;
};

enum class Put { any, append };  // append: the key is above every other

class Cursor {
 public:
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&&) = delete;
  ~Cursor();

  // Each says whether there is such a record; key() and value() are then it, until the next call
  // that changes the database or moves the cursor.
  [[nodiscard]] Result<bool> seek(ByteView key);  // first key at or above this one
  [[nodiscard]] Result<bool> first();
  [[nodiscard]] Result<bool> last();
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] Result<bool> previous();
  [[nodiscard]] ByteView key() const { return key_; }
  [[nodiscard]] ByteView value() const { return value_; }

  [[nodiscard]] Result<void> remove();  // the record the cursor stands at

 private:
  friend class Txn;
  explicit Cursor(MDB_cursor* cursor) : cursor_(cursor) {}
  Result<bool> move(int operation);

  MDB_cursor* cursor_;
  ByteView key_;
  ByteView value_;
};

class Env;

// Aborted unless committed.
class Txn {
 public:
  Txn(Txn&& other) noexcept;
  Txn& operator=(Txn&& other) noexcept;
  ~Txn();

  // `create` needs a write transaction. Errors: not_found, ...
  [[nodiscard]] Result<Db> open_db(const char* name, bool create);  // nullptr: the unnamed one

  [[nodiscard]] Result<std::optional<ByteView>> get(Db db, ByteView key) const;
  [[nodiscard]] Result<void> put(Db db, ByteView key, ByteView value, Put mode = Put::any);
  [[nodiscard]] Result<void> remove(Db db, ByteView key);  // also if there is none
  [[nodiscard]] Result<Cursor> cursor(Db db) const;
  [[nodiscard]] Result<std::uint64_t> used_bytes(Db db) const;  // of this database
  // Number of this write transaction, or of the one whose outcome this snapshot is.
  [[nodiscard]] std::uint64_t number() const;

  // Write: durable when it returns. After an error the transaction is aborted.
  [[nodiscard]] Result<void> commit();

  // Read: gives up the snapshot, keeps the reader slot; renew() takes the newest one.
  void reset();
  [[nodiscard]] Result<void> renew();

 private:
  friend class Env;
  Txn(const Env* env, MDB_txn* txn, bool write) : env_(env), txn_(txn), write_(write) {}
  void abort();

  const Env* env_;
  MDB_txn* txn_;
  bool write_;
  bool snapshot_ = true;  // holds env_->gate_
};

class Env {
 public:
  // Errors: in_use (open in this process already), not_found, wrong_format, corrupt, system.
  static Result<std::unique_ptr<Env>> open(const EnvOptions& options);
  ~Env();
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  [[nodiscard]] Result<Txn> read() const;
  [[nodiscard]] Result<Txn> write();  // waits for the present writer

  // Makes the map larger. Waits a moment for transactions of this process to end. The calling
  // thread must have none. Errors: in_use (they do not end), io (the environment is of no use any
  // more), others (it is as it was).
  [[nodiscard]] Result<void> enlarge(std::uint64_t map_bytes);

  void drop_dead_readers();
  [[nodiscard]] EnvSize size() const;
  // A compacted copy of a consistent snapshot to `to`, an existing empty directory.
  [[nodiscard]] Result<void> copy(const std::filesystem::path& to) const;
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

  // What an LMDB or errno code means. A full disk can look like EIO (a short write), so the free
  // space is looked at too.
  [[nodiscard]] tl::unexpected<Error> error(int code, const char* doing) const;

 private:
  friend class Txn;
  Env() = default;

  MDB_env* env_ = nullptr;
  std::filesystem::path directory_;
  std::pair<std::uint64_t, std::uint64_t> file_{};  // device and inode: one Env a process
  // Shared by every transaction, alone for enlarge().
  mutable std::shared_timed_mutex gate_;
};

}  // namespace chat262::store::lmdb

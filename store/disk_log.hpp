// The log in LMDB: what log.hpp promises. Internal to store/.
//
// Invariants:
//  (1) `entries` holds seqs 1..last without a gap, each chained to the one before by its hash.
//  (2) `views` holds a copy of every view entry of `entries`, and nothing else.
//  (3) commit <= last.
//  (4) `state` names the log's end and the transaction that wrote it, so that a lost end, or an
//      older snapshot in the place of the newest, is seen.
//
// Rot breaks (1) to (4): it is found by reading, and repaired (log_repair.cpp).
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string_view>

#include "store/bytes.hpp"
#include "store/data_directory.hpp"
#include "store/lmdb.hpp"
#include "store/log.hpp"

namespace chat262::store {

// In `meta` after a salvage, until no entry is missing any more.
inline constexpr std::string_view gaps_key = "gaps";
inline constexpr std::string_view state_key = "state";

// Keys of `entries` and `views`. A flipped bit can make one longer or shorter.
inline bool is_seq_key(ByteView key) {
  return key.size() == 8;
}
inline Seq seq_of(ByteView key) {  // 0: no seq
  return is_seq_key(key) ? Reader(key).seq() : Seq{};
}

class DiskLog final : public Log {
 public:
  static Result<std::unique_ptr<DiskLog>> open_to_write(const LogOptions& options);
  static Result<std::unique_ptr<DiskLog>> open_read_only(const std::filesystem::path& directory);

  // For a copied log: makes it that of `identity`, before it is opened.
  static Result<void> give_identity(const std::filesystem::path& directory,
                                    const Identity& identity);

  const LogStart& start() const override { return start_; }
  Identity identity() const override { return identity_; }
  Result<void> write(std::span<const LogWrite> writes) override;
  Result<std::vector<Entry>> read(Seq from, Seq to, std::size_t bytes_max) const override;
  Result<std::size_t> repair(const Hash& previous, std::span<const Entry> entries) override;
  Result<void> read_start_again() override;
  Result<std::filesystem::path> set_damage_aside() override;
  Result<void> erase_texts(std::span<const Seq> seqs) override;
  Seq last() const override;
  Seq commit() const override;
  bool room() override;
  LogSize size() const override;
  Result<void> copy(const std::filesystem::path& to) const override;

 private:
  // What changes with a write besides entries and views.
  struct Tip {  // the end of the log
    Seq seq{};
    Hash hash{};
    bool operator==(const Tip&) const = default;
  };
  struct State {
    Epoch promised{};
    Incarnation incarnation{};
    bool lost_disk = true;  // a new directory knows nothing
    Seq commit{};
    Tip tip;
    std::uint64_t transaction = 0;  // that wrote this
  };

  DiskLog(std::filesystem::path directory, std::uint64_t ballast_bytes, std::uint64_t room_bytes)
      : directory_(std::move(directory)),
        ballast_(directory_, ballast_bytes),
        room_bytes_(room_bytes) {}

  Result<void> open_env(std::uint64_t map_bytes, bool read_only);
  Result<void> read_identity(const lmdb::Txn& txn);
  Result<void> check_identity(const Identity& identity);
  Result<void> put_identity(lmdb::Txn& txn, const Identity& identity) const;
  Result<void> begin_incarnation(std::uint32_t nonce);

  // Records of `meta` are written twice under two keys; the second is read where the first is
  // damaged. nullopt: neither is there.
  Result<std::optional<Bytes>> get_twice(const lmdb::Txn& txn, std::string_view key) const;
  Result<void> put_twice(lmdb::Txn& txn, std::string_view key, ByteView value) const;
  static std::optional<State> decode_state(ByteView value);
  Result<std::optional<State>> read_state(const lmdb::Txn& txn) const;
  Result<void> put_state(lmdb::Txn& txn, const State& state) const;

  // What is found at start.
  Result<void> read_start();
  Result<void> read_known_end();
  Result<void> remove_strays();
  Result<bool> read_views(const lmdb::Txn& txn);  // false: a record is damaged
  Result<void> write_views_anew();
  Result<void> find_gap(const lmdb::Txn& txn);
  Result<void> read_tail(const lmdb::Txn& txn);
  [[nodiscard]] bool can_do_without(Seq damaged) const;
  void set_damage(Seq from, Seq to, const char* what);
  Result<Seq> read_last(const lmdb::Txn& txn) const;

  // Hash of the entry before `from`, zero before the first.
  Result<Hash> hash_before(const lmdb::Txn& txn, Seq from) const;
  // Errors: corrupt, if the entry at `at` is not what belongs behind the one before it.
  Result<void> check_entry(const lmdb::Txn& txn, Seq at) const;
  Result<void> put_view(lmdb::Txn& txn, const Entry& entry, lmdb::Put mode) const;

  // Before LMDB touches the file: a damaged structure is set aside, what is readable is copied.
  Result<void> check_pages(const LogOptions& options);
  Result<void> finish_salvage() const;
  class Salvage;
  std::filesystem::path aside_directory() const;
  Result<std::size_t> proved_entries(const lmdb::Txn& txn, std::span<const Entry> entries) const;
  // Removes records between these that are no entries.
  Result<bool> remove_no_entries(lmdb::Txn& txn, Seq from, Seq to) const;
  Result<bool> put_if_damaged(lmdb::Txn& txn, const Hash& previous, const Entry& entry);
  // One transaction's worth of read().
  Result<void> read_piece(Seq from, Seq to, std::size_t bytes_max, std::vector<Entry>& out) const;

  Result<void> write_once(std::span<const LogWrite> writes);
  Result<void> write_one(lmdb::Txn& txn, const LogWrite& write, State& state, Tip& tip) const;
  Result<void> cut(lmdb::Txn& txn, Seq after, Tip& tip) const;
  Result<void> append(lmdb::Txn& txn, const Entry& entry, Tip& tip) const;
  Result<void> erase_piece(std::span<const Seq> seqs);
  // Runs `once`; enlarges the map and runs it again if it was the map that was full.
  Result<void> with_map_growth(const std::function<Result<void>()>& once);
  bool room_for(std::size_t bytes);
  void set_full();

  tl::unexpected<Error> corrupt(Seq seq, const char* what) const;

  const std::filesystem::path directory_;  // the data directory; the environment is in log/
  DirectoryLock lock_;
  std::unique_ptr<lmdb::Env> env_;
  lmdb::Db entries_ = 0;
  lmdb::Db views_ = 0;
  lmdb::Db meta_ = 0;
  bool read_only_ = false;
  std::size_t tail_bytes_ = 0;
  Identity identity_;
  LogStart start_;
  State state_;  // the writing thread's
  Tip tip_;      // the writing thread's
  std::uint64_t writes_ = 0;
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::uint64_t> commit_{0};

  std::mutex room_mutex_;  // protects full_ and ballast_
  bool full_ = false;
  Ballast ballast_;
  std::uint64_t room_bytes_;
};

}  // namespace chat262::store

// The log on disk: the truth. One LMDB environment `DIR/log`, the directory's lock, the identity.
//
// The directory belongs to one process at a time (flock on DIR/lock). write() is called by one
// thread; read() and the other const members by any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/entry.hpp"
#include "protocol/ids.hpp"
#include "protocol/result.hpp"

namespace chat262::store {

inline constexpr std::uint32_t format_version = 1;

struct Identity {
  ClusterId cluster{};
  ServerId server{};
  bool operator==(const Identity&) const = default;
};

struct LogOptions {
  std::filesystem::path directory;        // made if missing
  Identity identity;                      // must match a directory that has one
  std::uint64_t map_bytes = 64ULL << 30;  // address space reserved; the file grows as needed
  std::uint32_t incarnation_nonce = 0;    // random
  std::size_t tail_bytes = 4 << 20;       // how much of the log's end start() returns
  // Kept free for promises and cuts; given up when the disk is full.
  std::uint64_t ballast_bytes = 16 << 20;
  // After the disk was full, there is room() again with this much free beside the ballast.
  std::uint64_t room_bytes = 16 << 20;
};

struct PlacedView {
  Position at{};
  View view;
};

// Entries that cannot be read, or not be believed.
struct LogDamage {
  Seq from{};
  Seq to{};  // inclusive; what is above may be damaged too
  std::string what;
};

// What was found, after the incarnation was raised.
struct LogStart {
  Epoch promised{};
  Incarnation incarnation{};
  bool lost_disk = false;  // also true in a new directory: see replica::Durable
  Seq commit{};
  std::vector<PlacedView> views;
  std::vector<Entry> tail;  // verified against the hash chain
  // Something of this could not be read: views and tail are then not complete. See repair().
  std::optional<LogDamage> damage;
  std::vector<std::string> notes;  // what was wrong and was put right, for the log lines
};

struct LogWrite {  // see replica::Persist, whose shape it mirrors
  std::optional<Epoch> promised;
  std::optional<std::pair<Incarnation, bool>> identity;
  std::optional<Seq> cut_after;
  std::vector<Entry> entries;
  Seq commit{};
};

struct LogSize {
  std::uint64_t used_bytes = 0;  // pages in use
  std::uint64_t file_bytes = 0;
};

class Log {
 public:
  // Opens for the server: takes the lock, checks format and identity, raises the incarnation,
  // frees slots of dead readers. Errors: in_use, wrong_identity, wrong_format, corrupt, io, ...
  static Result<std::unique_ptr<Log>> open(const LogOptions& options);

  // Opens to read only, also while a server runs on the directory. No lock, nothing is changed.
  static Result<std::unique_ptr<Log>> open_to_read(const std::filesystem::path& directory);

  virtual ~Log() = default;

  [[nodiscard]] virtual const LogStart& start() const = 0;
  [[nodiscard]] virtual Identity identity() const = 0;

  // Carries out all `writes`, in order, in one durable transaction. Errors: disk_full (nothing was
  // written; try again when room() is true), io (the process must end).
  [[nodiscard]] virtual Result<void> write(std::span<const LogWrite> writes) = 0;

  // Entries from..to (inclusive) in order, at most about bytes_max but at least one. Each is
  // checked against the hash chain; what comes before a damaged one is returned. Errors: not_found
  // (from is above the last), corrupt (`from` is damaged, or the record before it).
  [[nodiscard]] virtual Result<std::vector<Entry>> read(Seq from, Seq to,
                                                        std::size_t bytes_max) const = 0;

  // Puts `entries`, consecutive and chained from `previous`, durably in the place of those records
  // of theirs that are damaged or missing. Only what the log itself proves: up to the last of them
  // whose hash is the one that the record above it, or the log's end, asks for. Returns how many
  // records were written. Called as write() is.
  // Errors: not_found (nothing above ties them to this log: more entries are needed), invalid (they
  // are of another history), disk_full, io.
  [[nodiscard]] virtual Result<std::size_t> repair(const Hash& previous,
                                                   std::span<const Entry> entries);
  // Reads start() anew, after a repair.
  [[nodiscard]] virtual Result<void> read_start_again();
  // For damage that nobody can repair: copies the environment to a new directory beside it, removes
  // all entries from start().damage->from on, sets `lost disk`, and reads start() anew. Returns the
  // copy's directory.
  [[nodiscard]] virtual Result<std::filesystem::path> set_damage_aside();

  // Erases the texts of these entries durably; keeps their hashes. Seqs without an entry or already
  // erased are passed over. Called by the tables thread; waits for a running write().
  [[nodiscard]] virtual Result<void> erase_texts(std::span<const Seq> seqs) = 0;

  [[nodiscard]] virtual Seq last() const = 0;    // of what is on disk
  [[nodiscard]] virtual Seq commit() const = 0;  // the commit hint on disk
  // False while the disk or the map is too full for new entries (promises and cuts still work
  // thanks to the ballast file).
  [[nodiscard]] virtual bool room() = 0;
  [[nodiscard]] virtual LogSize size() const = 0;

  // A consistent, compacted copy of the log environment to `to` (a new directory).
  [[nodiscard]] virtual Result<void> copy(const std::filesystem::path& to) const = 0;
};

}  // namespace chat262::store

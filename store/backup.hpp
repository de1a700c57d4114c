// Backup and restore of a server's data. A backup is a directory: `log/`, a compacted copy of the
// log environment, and `manifest`, a small text file that says what is in it. The tables are not
// kept: they are built from the log.
#pragma once

#include <filesystem>

#include "store/log.hpp"

namespace chat262::store {

struct Manifest {
  Identity identity;     // of the server it was taken from
  Seq last{};            // of the copy
  Seq commit{};          // entries up to here are committed for certain
  Hash hash{};           // the chain at `commit`
  std::string software;  // "chat262 0.1.0"
  bool operator==(const Manifest&) const = default;
};

// Takes a backup of `data_directory`, whose server may be running, to `to`, a new or empty
// directory. The copy is checked (its whole hash chain) before the manifest is written last: a
// directory without one is no backup.
[[nodiscard]] Result<Manifest> backup(const std::filesystem::path& data_directory,
                                      const std::filesystem::path& to);

// The second half of a backup, for a server that copies its own log (Log::copy to TO/log): checks
// the copy and writes the manifest. Slow; not for the reactor.
[[nodiscard]] Result<Manifest> complete_backup(const std::filesystem::path& to);

// Errors: not_found (no manifest), malformed, wrong_format.
[[nodiscard]] Result<Manifest> read_manifest(const std::filesystem::path& backup_directory);

// Both restore to `data_directory`, a new or empty directory, and check the copied log.

// A new cluster that begins with the committed part of the backup: `identity` holds the new
// cluster's id. The server can lead alone; start it first, and the others with empty directories:
// they become learners of it.
[[nodiscard]] Result<void> restore_new_cluster(const std::filesystem::path& backup_directory,
                                               const std::filesystem::path& data_directory,
                                               const Identity& identity);

// One server of the living cluster that the backup is of. It comes back as a learner, whatever it
// was before, because the backup may be older than what it once acknowledged.
[[nodiscard]] Result<void> restore_server(const std::filesystem::path& backup_directory,
                                          const std::filesystem::path& data_directory,
                                          const Identity& identity);

}  // namespace chat262::store

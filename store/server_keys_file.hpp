// DIR/server-keys: which keys the servers of the cluster have, as this server's log last said. Like
// DIR/replaced (replaced_file.hpp) a copy of what the tables hold, for the start of a server: it
// proves who it is, and asks the others to, before it can read its tables. Public keys only. May be
// removed; the cluster file counts then until the tables are read.
#pragma once

#include <filesystem>
#include <vector>

#include "protocol/result.hpp"
#include "store/tables.hpp"

namespace chat262::store {

// Empty if there is none, or it is not whole.
[[nodiscard]] std::vector<ServerKey> read_server_keys_file(const std::filesystem::path& directory);

// In one step. Not synced: what a crash of the machine takes is written again at the next start.
[[nodiscard]] Result<void> write_server_keys_file(const std::filesystem::path& directory,
                                                  const std::vector<ServerKey>& keys);

}  // namespace chat262::store

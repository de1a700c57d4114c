// DIR/replaced: where the replaced servers of the cluster are, as this server's log last said. A
// copy of what the tables hold, for the start of a server: it listens, and speaks to the others,
// before it can read its tables. May be removed; the cluster file counts then until the tables are
// read.
#pragma once

#include <filesystem>
#include <vector>

#include "protocol/result.hpp"
#include "store/tables.hpp"

namespace chat262::store {

// Empty if there is none, or it is not whole.
[[nodiscard]] std::vector<ReplacedServer> read_replaced_file(
    const std::filesystem::path& directory);

// In one step. Not synced: what a crash of the machine takes is written again at the next start.
[[nodiscard]] Result<void> write_replaced_file(const std::filesystem::path& directory,
                                               const std::vector<ReplacedServer>& replaced);

}  // namespace chat262::store

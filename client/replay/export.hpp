// Writes messages to a JSON Lines file: `export`.
//
// An interrupted export is run again: what follows the last complete line is cut off, and each
// conversation goes on after its last message in the file. So it also brings a file up to date.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "client/replay/progress.hpp"
#include "client/replay/session.hpp"

namespace chat262::replay {

struct ExportOptions {
  std::filesystem::path to;
  std::string room;  // at most one of room and user; neither: everything
  std::string user;
  Login login;
  std::filesystem::path data;  // a data directory instead of a cluster; empty: none
  Deadline deadline;
  bool quiet = false;
};

struct ExportReport {
  std::uint64_t already_there = 0;  // lines of an earlier run
  std::uint64_t written = 0;
  std::uint64_t last_seq = 0;  // of a data directory: up to where it was read
  double seconds = 0;
};

// Throws Failure.
[[nodiscard]] ExportReport export_cluster(const ExportOptions& options);
[[nodiscard]] ExportReport export_data(const ExportOptions& options);

}  // namespace chat262::replay

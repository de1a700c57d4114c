// Checks that messages of files are in a cluster, or in each server's own log, exactly once and in
// order: `verify`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "client/replay/compare.hpp"
#include "client/replay/progress.hpp"
#include "client/replay/session.hpp"
#include "client/replay/source.hpp"

namespace chat262::replay {

struct VerifyOptions {
  std::string room;  // that all messages are in; empty: where each line says
  Login login;
  std::vector<std::filesystem::path> data;  // servers' data directories instead of a cluster
  Deadline deadline;
  bool quiet = false;
};

// One place that was looked at: the cluster or a data directory.
struct VerifyPlace {
  std::string name;
  Differences differences;
  std::string wrong;  // it cannot be read at all: why
  // Of a data directory:
  unsigned server = 0;
  std::uint64_t last = 0;
  std::uint64_t commit = 0;
  std::string last_hash;  // the chain hash at `last`, hexadecimal
  [[nodiscard]] bool good() const { return wrong.empty() && differences.none(); }
};

struct VerifyReport {
  SourceCounts source;
  std::vector<SourceProblem> problems;
  Expected expected;
  std::uint64_t not_checked = 0;  // direct messages, which a cluster shows to two accounts alone
  std::vector<VerifyPlace> places;
  // Pairs of directories whose histories differ up to where both reach, in words.
  std::vector<std::string> histories_differ;
  [[nodiscard]] bool good() const;
};

// Throws Failure if it cannot be done.
[[nodiscard]] VerifyReport verify(const std::vector<SourceFile>& files,
                                  const VerifyOptions& options);

}  // namespace chat262::replay

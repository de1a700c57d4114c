// Sends the messages of files to a cluster, each exactly once and in order: `import` and `replay`.
//
// One message at a time: the next one leaves when the one before is acknowledged, so the cluster
// holds them in the files' order whatever fails meanwhile. Each has a request id made of the
// account, the room, the file's name and the line, so a run that was killed at any moment is simply
// run again: what was sent is found in the rooms' histories and passed over, and what history does
// not show is asked again under its old id, which never doubles it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/replay/identity.hpp"
#include "client/replay/progress.hpp"
#include "client/replay/session.hpp"
#include "client/replay/source.hpp"
#include "client/replay/waits.hpp"

namespace chat262::replay {

struct DeliverOptions {
  Login login;
  std::string room;  // everything goes there; empty: where each line says
  std::string tag;
  double rate = 0;   // messages a second; 0: no limit
  double speed = 0;  // times the recorded speed; 0: no limit
  Deadline deadline;
  bool quiet = false;
};

struct DeliverReport {
  SourceCounts source;
  std::vector<SourceProblem> problems;
  std::uint64_t sent = 0;           // acknowledged in this run
  std::uint64_t already_there = 0;  // found in the rooms' histories
  std::uint64_t refused = 0;
  std::vector<SourceProblem> refusals;  // the first of them
  double seconds = 0;                   // of the sending
  Waits waits;
  bool complete = false;  // the run came to the last line
  std::string ended_by;   // else why not
  Exit code = Exit::ok;
};

// Throws Failure if it cannot begin. Otherwise what was done is reported, however it ended.
[[nodiscard]] DeliverReport deliver(const std::vector<SourceFile>& files,
                                    const DeliverOptions& options);

}  // namespace chat262::replay

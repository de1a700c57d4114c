// Ranges of the log that the core has asked for and whose first entry is damaged: they are read
// again when something was repaired, and answered with nothing after limits::read_held_ms_max.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::broker {

class HeldReads {
 public:
  // `range` was read, and its first entry is damaged.
  void hold(const replica::ReadLog& range, replica::Clock now);
  // It could be read.
  void answered(std::uint64_t id) { held_.erase(id); }

  struct Due {
    std::vector<replica::ReadLog> again;
    std::vector<std::uint64_t> late;  // ids, held no longer
  };
  // `moved`: something was repaired, or cannot be for now.
  [[nodiscard]] Due take_due(bool moved, replica::Clock now);

 private:
  struct Held {
    replica::ReadLog range;
    replica::Clock deadline{};
    bool reading = false;
  };
  std::map<std::uint64_t, Held> held_;  // by id
};

}  // namespace chat262::broker

// What time it is: this server's clock, held against what the others say theirs is. What a leader
// stamps stays in the log, and the log's time never goes back: a clock that is far ahead would end
// sessions for good, at every server.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "broker/replica/io.hpp"
#include "protocol/ids.hpp"
#include "protocol/limits.hpp"

namespace chat262::broker {

class WallClock {
 public:
  static constexpr std::int64_t ahead_ms_max = 5'000;  // of the furthest of the others
  static constexpr std::int64_t fresh_ms = 10'000;     // what was heard counts for so long

  // A server said at `now` what its clock shows.
  void heard(ServerId server, TimeMs shows, replica::Clock now);

  // The time to go by, where the own clock shows `own`: at most ahead_ms_max more than the furthest
  // of the others that were heard lately; the own one if none was.
  [[nodiscard]] TimeMs now(TimeMs own, replica::Clock now) const;

  // By how much the own clock is ahead of all of the others (negative: behind all of them), if that
  // is more than ahead_ms_max.
  [[nodiscard]] std::optional<std::int64_t> wrong_by(TimeMs own, replica::Clock now) const;

 private:
  struct Heard {
    TimeMs shows{};
    replica::Clock at{};
    bool any = false;
  };
  struct Others {
    TimeMs lowest{};
    TimeMs highest{};
  };
  [[nodiscard]] std::optional<Others> others(replica::Clock now) const;

  std::array<Heard, chat262::limits::servers_max> heard_{};
};

}  // namespace chat262::broker

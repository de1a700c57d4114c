// When the next message may leave. Pure: the caller brings the clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace chat262::replay {

class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `rate`: messages a second. `speed`: times the speed at which they were said. 0: no limit.
  Pace(double rate, double speed) : rate_(rate), speed_(speed) {}

  // When a message that was said at `said_ms` may leave, not before `now`. After a pause (servers
  // that were away) it goes on at the same pace and does not make up for it in a burst. A recorded
  // time that steps back counts as no time.
  [[nodiscard]] Time next(Time now, std::int64_t said_ms) {
    using std::chrono::duration_cast;
    std::chrono::duration<double> gap{0};
    if (begun_) {
      if (rate_ > 0) gap = std::chrono::duration<double>(1 / rate_);
      if (speed_ > 0 && said_ms > last_said_ms_) {
        const auto recorded = static_cast<double>(said_ms - last_said_ms_) / 1000;
        gap = std::max(gap, std::chrono::duration<double>(recorded / speed_));
      }
      const Time due = last_ + duration_cast<Time::duration>(gap);
      // Small delays are made up for, so that the rate is met on average.
      last_ = due + slack > now ? due : now;
    } else {
      last_ = now;
    }
    begun_ = true;
    last_said_ms_ = said_ms;
    return std::max(last_, now);
  }

 private:
  static constexpr std::chrono::milliseconds slack{500};
  double rate_;
  double speed_;
  bool begun_ = false;
  Time last_{};  // of the message before, once begun. No optional: GCC 12 warns of it at -O2
  std::int64_t last_said_ms_ = 0;
};

}  // namespace chat262::replay

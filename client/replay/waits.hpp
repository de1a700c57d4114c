// How long each of many writes waited.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace chat262::replay {

class Waits {
 public:
  void add(std::chrono::steady_clock::duration wait) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(wait).count();
    us_.push_back(static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, UINT32_MAX)));
  }

  // The wait, in milliseconds, that `share` (0 to 1) of the writes did not exceed; 0 without any.
  [[nodiscard]] double ms_at(double share) {
    if (us_.empty()) return 0;
    const auto last = static_cast<double>(us_.size() - 1);
    const auto nth = us_.begin() + static_cast<std::ptrdiff_t>(share * last + 0.5);
    std::nth_element(us_.begin(), nth, us_.end());
    return static_cast<double>(*nth) / 1000;
  }

 private:
  std::vector<std::uint32_t> us_;
};

}  // namespace chat262::replay

#include "broker/wall_clock.hpp"

#include <algorithm>

namespace chat262::broker {

void WallClock::heard(ServerId server, TimeMs shows, replica::Clock now) {
  if (server.value < heard_.size()) heard_.at(server.value) = {shows, now, true};
}

std::optional<WallClock::Others> WallClock::others(replica::Clock now) const {
  std::optional<Others> found;
  for (const auto& one : heard_) {
    const auto age_ms = now.value - one.at.value;
    if (!one.any || age_ms > fresh_ms) continue;
    const TimeMs shows{{one.shows.value + age_ms}};
    if (!found) found = Others{shows, shows};
    found->lowest = std::min(found->lowest, shows);
    found->highest = std::max(found->highest, shows);
  }
  return found;
}

TimeMs WallClock::now(TimeMs own, replica::Clock now) const {
  const auto all = others(now);
  return all ? std::min(own, TimeMs{{all->highest.value + ahead_ms_max}}) : own;
}

std::optional<std::int64_t> WallClock::wrong_by(TimeMs own, replica::Clock now) const {
  const auto all = others(now);
  if (!all) return std::nullopt;
  const auto ahead = own.value - all->highest.value;
  const auto behind = all->lowest.value - own.value;
  if (ahead > ahead_ms_max) return ahead;
  if (behind > ahead_ms_max) return -behind;
  return std::nullopt;
}

}  // namespace chat262::broker

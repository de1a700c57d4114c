#include "broker/held_reads.hpp"

#include "broker/server_limits.hpp"

namespace chat262::broker {

void HeldReads::hold(const replica::ReadLog& range, replica::Clock now) {
  const auto deadline = replica::clock_ms(now.value + limits::read_held_ms_max);
  auto& held = held_.try_emplace(range.id, Held{range, deadline}).first->second;
  held.reading = false;
}

HeldReads::Due HeldReads::take_due(bool moved, replica::Clock now) {
  Due due;
  for (auto it = held_.begin(); it != held_.end();) {
    auto& held = it->second;
    const bool late = held.deadline <= now || held_.size() > limits::reads_held_max;
    if (!held.reading && late) {
      due.late.push_back(it->first);
      it = held_.erase(it);
      continue;
    }
    if (!held.reading && moved) {
      held.reading = true;
      due.again.push_back(held.range);
    }
    ++it;
  }
  return due;
}

}  // namespace chat262::broker

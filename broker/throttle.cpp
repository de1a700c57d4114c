#include "broker/throttle.hpp"

#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::clock_ms;

bool LoginThrottle::allows(const std::string& folded, replica::Clock now) {
  const auto place = names_.find(folded);
  if (place == names_.end()) return true;
  auto& failures = place->second;
  if (now.value - failures.first.value > limits::login_failure_ms) {
    names_.erase(place);
    return true;
  }
  if (failures.count < limits::login_failures_max) return true;
  if (now < failures.next_try) return false;
  failures.next_try = clock_ms(now.value + limits::login_throttled_ms);
  return true;
}

void LoginThrottle::failed(const std::string& folded, replica::Clock now) {
  // Full: forget everything rather than grow; the password queue is short in any case.
  if (names_.size() >= limits::login_throttles_max && names_.count(folded) == 0) names_.clear();
  auto& failures = names_[folded];
  if (failures.count == 0) failures.first = now;
  ++failures.count;
  if (failures.count >= limits::login_failures_max) {
    failures.next_try = clock_ms(now.value + limits::login_throttled_ms);
  }
}

}  // namespace chat262::broker

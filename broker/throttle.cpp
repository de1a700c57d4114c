#include "broker/throttle.hpp"

#include <algorithm>

#include "broker/address_group.hpp"
#include "broker/server_limits.hpp"
#include "protocol/entry.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

constexpr unsigned over_max = 16;  // counted past what is free: so nobody waits for hours

std::string name_key(std::uint64_t name) {
  return std::to_string(name);
}

std::string pair_key(std::uint64_t name, const std::string& group) {
  return name_key(name) + " " + group;
}

}  // namespace

// ---- counts

std::int64_t LeakyCounts::debt_of(const Count& count, replica::Clock now) const {
  return std::max<std::int64_t>(count.debt_ms - (now.value - count.at.value), 0);
}

std::int64_t LeakyCounts::wait_ms(const std::string& key, replica::Clock now) const {
  const auto found = counts_.find(key);
  if (found == counts_.end()) return 0;
  const auto over = debt_of(found->second, now) - rule_.leak_ms * (rule_.free - 1);
  if (over <= 0) return 0;
  return rule_.delay_ms == 0 ? over
                             : std::max<std::int64_t>(found->second.next.value - now.value, 0);
}

unsigned LeakyCounts::count(const std::string& key, replica::Clock now) const {
  const auto found = counts_.find(key);
  if (found == counts_.end()) return 0;
  const auto debt = debt_of(found->second, now);
  return static_cast<unsigned>((debt + rule_.leak_ms - 1) / rule_.leak_ms);
}

void LeakyCounts::add(const std::string& key, replica::Clock now, unsigned count) {
  if (counts_.size() >= rule_.entries_max && counts_.count(key) == 0) make_room(now);
  auto& entry = counts_[key];
  order_.erase({{entry.debt_ms, entry.at}, key});
  const auto most = rule_.leak_ms * (rule_.free + over_max);
  entry.debt_ms = std::min(debt_of(entry, now) + rule_.leak_ms * count, most);
  entry.at = now;
  order_.insert({{entry.debt_ms, entry.at}, key});
  const auto over = (entry.debt_ms + rule_.leak_ms - 1) / rule_.leak_ms - rule_.free;
  if (over < 0) return;
  const auto delay =
      std::min(rule_.delay_ms << std::min<std::int64_t>(over, 16), rule_.delay_ms_max);
  entry.next = std::max(entry.next, clock_ms(now.value + delay));
}

void LeakyCounts::forget(const std::string& key) {
  const auto found = counts_.find(key);
  if (found == counts_.end()) return;
  order_.erase({{found->second.debt_ms, found->second.at}, key});
  counts_.erase(found);
}

// What has leaked away by itself first: an eighth of all is looked at, so it is done seldom.
void LeakyCounts::make_room(replica::Clock now) {
  auto one = order_.begin();
  for (std::size_t seen = 0; one != order_.end() && seen <= rule_.entries_max / 8; ++seen) {
    const auto found = counts_.find(one->second);
    if (found != counts_.end() && debt_of(found->second, now) > 0) {
      ++one;
      continue;
    }
    if (found != counts_.end()) counts_.erase(found);
    one = order_.erase(one);
  }
  if (counts_.size() < rule_.entries_max || order_.empty()) return;
  counts_.erase(order_.begin()->second);
  order_.erase(order_.begin());
}

// ---- names

std::uint64_t throttle_name(const std::string& typed) {
  const auto folded = fold(typed);
  const std::string& name = folded ? *folded : typed;
  const Hash hash = hash_of(Bytes(name.begin(), name.end()));
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value = value << 8 | hash.bytes[i];
  return value;
}

// ---- signing in

SignInThrottle::SignInThrottle(bool loopback)
    : loopback_(loopback),
      pairs_({limits::login_failures_max, limits::login_leak_ms, limits::login_delay_ms,
              limits::login_delay_ms_max, limits::login_throttles_max}),
      addresses_({limits::address_failures_max, limits::address_leak_ms, limits::login_delay_ms,
                  limits::login_delay_ms_max, limits::login_throttles_max}),
      names_({limits::name_failures_max, limits::name_leak_ms, limits::login_delay_ms,
              limits::login_delay_ms_max, limits::login_throttles_max}),
      proved_({1, limits::login_proved_ms, 0, 0, limits::login_throttles_max}) {}

bool SignInThrottle::limited(const std::string& address) const {
  return loopback_ || !is_loopback(address);
}

SignInThrottle::Verdict SignInThrottle::begin(const Try& attempt,
                                              const std::function<bool()>& known,
                                              replica::Clock now) {
  const auto group = address_group(attempt.address);
  const auto pair = pair_key(attempt.name, group);
  auto wait = pairs_.wait_ms(pair, now);
  if (limited(attempt.address)) wait = std::max(wait, addresses_.wait_ms(group, now));
  const auto for_name = names_.wait_ms(name_key(attempt.name), now);
  if (for_name > wait && proved_.count(pair, now) == 0 && !known()) wait = for_name;
  if (wait > 0) return {.wait_ms = wait, .busy = false};
  // As many as may still fail may be under way at once.
  const auto found = under_way_.find(pair);
  const unsigned others = found == under_way_.end() ? 0 : found->second;
  if (others > 0 && pairs_.count(pair, now) + others >= limits::login_failures_max) {
    return {.wait_ms = limits::busy_retry_ms, .busy = true};
  }
  ++under_way_[pair];
  return {};
}

void SignInThrottle::leave(const std::string& pair) {
  const auto found = under_way_.find(pair);
  if (found != under_way_.end() && --found->second == 0) under_way_.erase(found);
}

void SignInThrottle::count(std::uint64_t name, const std::string& address, unsigned times,
                           replica::Clock now) {
  const auto group = address_group(address);
  pairs_.add(pair_key(name, group), now, times);
  if (limited(address)) addresses_.add(group, now, times);
  names_.add(name_key(name), now, times);
}

void SignInThrottle::failed(const Try& attempt, replica::Clock now) {
  leave(pair_key(attempt.name, address_group(attempt.address)));
  count(attempt.name, attempt.address, 1, now);
  if (to_tell_.size() < limits::failed_sign_ins_max) ++to_tell_[{attempt.name, attempt.address}];
}

void SignInThrottle::succeeded(const Try& attempt, replica::Clock now) {
  const auto pair = pair_key(attempt.name, address_group(attempt.address));
  leave(pair);
  pairs_.forget(pair);
  proved_.forget(pair);
  proved_.add(pair, now);
}

void SignInThrottle::abandoned(const Try& attempt) {
  leave(pair_key(attempt.name, address_group(attempt.address)));
}

std::vector<peer::FailedSignIn> SignInThrottle::take_failed() {
  std::vector<peer::FailedSignIn> all;
  for (const auto& [what, times] : to_tell_) all.push_back({what.first, what.second, times});
  to_tell_.clear();
  return all;
}

void SignInThrottle::heard(const peer::FailedSignIn& failed, replica::Clock now) {
  if (failed.address.size() > chat262::limits::address_bytes_max) return;
  count(failed.name, failed.address, std::min(failed.count, std::uint32_t{over_max}), now);
}

}  // namespace chat262::broker

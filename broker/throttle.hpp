// Slows down guessing: of passwords and of the codes that set a new one, before anything is hashed.
//
// A wrong password counts for the pair of name and address, for the address over all names, and for
// the name over all addresses. The last of these keeps out nobody who comes from where a living
// session of the account was opened, or from where the password was right within a day: else
// anybody could lock anybody out. What counts leaks away with time, so a quiet minute forgives; who
// goes on waits longer each time.
//
// Names that nobody has are treated as all others. Not thread-safe; owned by the service.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/replica/io.hpp"
#include "protocol/peer_messages.hpp"

namespace chat262::broker {

// Counts by key, each of which leaks away. Bounded: past `entries_max` what counts least and was
// longest ago is forgotten, so whoever wants one key forgotten must count higher on all of them.
class LeakyCounts {
 public:
  struct Rule {
    unsigned free = 0;              // so many at once
    std::int64_t leak_ms = 0;       // one is forgotten in so long
    std::int64_t delay_ms = 0;      // past them: between two, doubled each time. 0: what leaks
    std::int64_t delay_ms_max = 0;  // up to this
    std::size_t entries_max = 0;
  };
  explicit LeakyCounts(const Rule& rule) : rule_(rule) {}

  // In how many ms the next one may come; 0: now.
  [[nodiscard]] std::int64_t wait_ms(const std::string& key, replica::Clock now) const;
  // How many are not forgotten.
  [[nodiscard]] unsigned count(const std::string& key, replica::Clock now) const;
  void add(const std::string& key, replica::Clock now, unsigned count = 1);
  void forget(const std::string& key);
  [[nodiscard]] std::size_t size() const { return counts_.size(); }

 private:
  struct Count {
    std::int64_t debt_ms = 0;  // leak_ms for each
    replica::Clock at{};       // when that was so
    replica::Clock next{};
  };
  using Order = std::pair<std::int64_t, replica::Clock>;
  [[nodiscard]] std::int64_t debt_of(const Count& count, replica::Clock now) const;
  void make_room(replica::Clock now);

  const Rule rule_;
  std::map<std::string, Count> counts_;
  std::set<std::pair<Order, std::string>> order_;  // least first
};

// Of a name as it was typed, folded if that can be done.
[[nodiscard]] std::uint64_t throttle_name(const std::string& typed);

class SignInThrottle {
 public:
  // `loopback`: loopback addresses are limited as all others are.
  explicit SignInThrottle(bool loopback);

  struct Try {
    std::uint64_t name = 0;
    std::string address;  // as it came
  };
  struct Verdict {
    std::int64_t wait_ms = 0;  // 0: go on, and tell the outcome
    bool busy = false;         // other tries of the same are under way
  };
  // `known`: whether a living session of the account was opened from this address; only asked if
  // it matters.
  [[nodiscard]] Verdict begin(const Try& attempt, const std::function<bool()>& known,
                              replica::Clock now);
  // After a begin() that let it go on, exactly one of these.
  void failed(const Try& attempt, replica::Clock now);
  void succeeded(const Try& attempt, replica::Clock now);
  void abandoned(const Try& attempt);

  // ---- other servers: what failed here since the last call, and what failed there

  [[nodiscard]] std::vector<peer::FailedSignIn> take_failed();
  void heard(const peer::FailedSignIn& failed, replica::Clock now);

 private:
  [[nodiscard]] bool limited(const std::string& address) const;
  void count(std::uint64_t name, const std::string& address, unsigned times, replica::Clock now);
  void leave(const std::string& pair);

  const bool loopback_;
  LeakyCounts pairs_;
  LeakyCounts addresses_;
  LeakyCounts names_;
  LeakyCounts proved_;                         // pairs of which the password was right
  std::map<std::string, unsigned> under_way_;  // by pair; as many as the password queue is long
  std::map<std::pair<std::uint64_t, std::string>, std::uint32_t> to_tell_;
};

}  // namespace chat262::broker

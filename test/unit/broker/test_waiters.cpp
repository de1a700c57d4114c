#include "broker/waiters.hpp"

#include "broker/server_limits.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::broker;
using replica::clock_ms;

namespace {
using Added = EventWaiters::Added;

CommitWaiters::Waiting waiting(std::uint64_t depends_on, std::uint64_t to,
                               std::int64_t deadline = 1000) {
  return {seq(depends_on), ReplyTo{{to}}, to, clock_ms(deadline), WriteReply{}};
}
std::vector<std::uint64_t> numbers(const std::vector<CommitWaiters::Waiting>& taken) {
  std::vector<std::uint64_t> all;
  for (const auto& each : taken) all.push_back(each.number);
  return all;
}
AccountId account(std::uint8_t first) {
  AccountId id;
  id.bytes[0] = first;
  return id;
}
EventWaiters::Waiting listening(std::uint8_t who, std::uint64_t to, std::int64_t deadline = 700) {
  EventWaiters::Waiting each;
  each.account = account(who);
  each.to = ReplyTo{{to}};
  each.deadline = clock_ms(deadline);
  return each;
}
}  // namespace

TEST_CASE("replies leave when what they depend on is committed, in that order") {
  CommitWaiters waiters;
  waiters.add(waiting(5, 1));
  waiters.add(waiting(7, 2));
  waiters.add(waiting(5, 3));
  waiters.add(waiting(6, 4));
  std::vector<CommitWaiters::Waiting> taken;
  waiters.take_committed(seq(4), taken);
  CHECK(taken.empty());
  waiters.take_committed(seq(6), taken);
  CHECK(numbers(taken) == std::vector<std::uint64_t>{1, 3, 4});
  CHECK(waiters.size() == 1);
}

TEST_CASE("what was cut takes its replies with it, and no others") {
  CommitWaiters waiters;
  for (std::uint64_t i = 1; i <= 5; ++i) waiters.add(waiting(i, i));
  std::vector<CommitWaiters::Waiting> taken;
  waiters.take_above(seq(3), taken);
  CHECK(taken.size() == 2);
  CHECK(waiters.size() == 3);
}

TEST_CASE("no reply waits for its commit beyond its deadline") {
  CommitWaiters waiters;
  waiters.add(waiting(1, 1, 100));
  waiters.add(waiting(2, 2, 50));
  waiters.add(waiting(3, 3, 150));
  std::vector<CommitWaiters::Waiting> taken;
  waiters.take_expired(clock_ms(100), taken);
  CHECK(numbers(taken) == std::vector<std::uint64_t>{1, 2});
  waiters.take_committed(seq(3), taken);
  CHECK(numbers(taken) == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("event waiters of one account are bounded, others are not hurt") {
  EventWaiters waiters;
  for (std::size_t i = 0; i < 32; ++i) {
    CHECK(waiters.add(listening(1, i), 32) == Added::yes);
  }
  CHECK(waiters.add(listening(1, 1000), 32) == Added::too_many_of_account);
  CHECK(waiters.add(listening(2, 1001), 32) == Added::yes);
}

TEST_CASE("event waiters expire by their own deadlines") {
  EventWaiters waiters;
  CHECK(waiters.add(listening(1, 1, 300), 32) == Added::yes);
  CHECK(waiters.add(listening(1, 2, 100), 32) == Added::yes);
  CHECK(waiters.add(listening(2, 3, 200), 32) == Added::yes);
  CHECK(waiters.next_deadline() == clock_ms(100));
  std::vector<EventWaiters::Waiting> taken;
  waiters.take_expired(clock_ms(99), taken);
  CHECK(taken.empty());
  waiters.take_expired(clock_ms(200), taken);
  CHECK(taken.size() == 2);
  CHECK(waiters.size() == 1);
  CHECK(waiters.next_deadline() == clock_ms(300));
}

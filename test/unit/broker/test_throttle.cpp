// Guessing is slowed down, and nobody can be locked out by others; what time it is.
#include "broker/throttle.hpp"
#include "broker/wall_clock.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::broker;
using replica::clock_ms;

namespace {

struct Guesser {
  SignInThrottle throttle;
  replica::Clock now = clock_ms(1'000'000);

  explicit Guesser(bool loopback = true) : throttle(loopback) {}
  // A wrong password, if it may be tried at all.
  std::int64_t guess(std::uint64_t name, const std::string& address, bool known = false) {
    const SignInThrottle::Try attempt{name, address};
    const auto verdict = throttle.begin(
        attempt, [known] { return known; }, now);
    if (verdict.wait_ms == 0) throttle.failed(attempt, now);
    return verdict.wait_ms;
  }
  void pass(std::int64_t ms) { now = clock_ms(now.value + ms); }
};

}  // namespace

TEST_CASE("eight guesses are free, then each waits longer than the one before") {
  Guesser g;
  for (int i = 0; i < 8; ++i) CHECK(g.guess(1, "192.0.2.1") == 0);
  CHECK(g.guess(1, "192.0.2.1") == 2'000);
  g.pass(1'999);
  CHECK(g.guess(1, "192.0.2.1") == 1);
  g.pass(1);
  CHECK(g.guess(1, "192.0.2.1") == 0);
  const auto second = g.guess(1, "192.0.2.1");
  CHECK(second >= 2'000);
  std::int64_t longest = 0;
  unsigned tries = 0;
  for (std::int64_t passed = 0; passed < 600'000; passed += 500) {
    g.pass(500);
    const auto wait = g.guess(1, "192.0.2.1");
    longest = std::max(longest, wait);
    if (wait == 0) ++tries;
  }
  CHECK(longest > 4'000);
  CHECK(tries < 90);  // in ten minutes
  g.pass(300'000);
  CHECK(g.guess(1, "192.0.2.1") == 0);
}

TEST_CASE("the right password forgives the wrong ones before it") {
  Guesser g;
  for (int i = 0; i < 7; ++i) CHECK(g.guess(1, "192.0.2.1") == 0);
  const SignInThrottle::Try attempt{1, "192.0.2.1"};
  CHECK(g.throttle
            .begin(
                attempt, [] { return false; }, g.now)
            .wait_ms == 0);
  g.throttle.succeeded(attempt, g.now);
  for (int i = 0; i < 8; ++i) CHECK(g.guess(1, "192.0.2.1") == 0);
}

TEST_CASE("guesses that are under way count as if they had failed") {
  Guesser g;
  const SignInThrottle::Try attempt{1, "192.0.2.1"};
  const auto no = [] { return false; };
  for (int i = 0; i < 8; ++i) CHECK(g.throttle.begin(attempt, no, g.now).wait_ms == 0);
  const auto ninth = g.throttle.begin(attempt, no, g.now);
  CHECK(ninth.busy);
  for (int i = 0; i < 8; ++i) g.throttle.abandoned(attempt);
  CHECK(g.throttle.begin(attempt, no, g.now).wait_ms == 0);
}

TEST_CASE("an address is limited over all names; loopback only where that is wanted") {
  Guesser g(false);
  std::int64_t wait = 0;
  for (std::uint64_t name = 1; name <= 40 && wait == 0; ++name) wait = g.guess(name, "192.0.2.1");
  CHECK(wait > 0);
  for (std::uint64_t name = 1; name <= 40; ++name) CHECK(g.guess(name, "127.0.0.9") == 0);
  CHECK(g.guess(99, "192.0.2.2") == 0);
  // A customer's whole network counts as one address.
  wait = 0;
  for (std::uint64_t name = 100; name <= 140 && wait == 0; ++name) {
    wait = g.guess(name, "2001:db8::" + std::to_string(name));
  }
  CHECK(wait > 0);
}

TEST_CASE("many addresses cannot guess one name, nor lock its owner out") {
  Guesser g;
  std::int64_t wait = 0;
  for (int i = 0; i < 60 && wait == 0; ++i) wait = g.guess(7, "10.0.0." + std::to_string(i));
  CHECK(wait > 0);
  CHECK(g.guess(7, "10.9.9.9", false) > 0);
  CHECK(g.guess(7, "10.9.9.9", true) == 0);  // a session of the account was opened from there
}

TEST_CASE(
    "where the password was right nobody is locked out for a day, with or without a session") {
  Guesser g;
  const SignInThrottle::Try mine{7, "192.0.2.1"};
  const auto no = [] { return false; };
  REQUIRE(g.throttle.begin(mine, no, g.now).wait_ms == 0);
  g.throttle.succeeded(mine, g.now);
  const auto attack = [&g] {
    std::int64_t wait = 0;
    for (int i = 0; i < 60 && wait == 0; ++i) wait = g.guess(7, "10.0.0." + std::to_string(i));
    CHECK(wait > 0);
  };
  attack();
  CHECK(g.guess(7, "192.0.2.1") == 0);
  for (int i = 0; i < 7; ++i) CHECK(g.guess(7, "192.0.2.1") == 0);
  CHECK(g.guess(7, "192.0.2.1") > 0);  // guessing is as slow as anywhere
  CHECK(g.guess(8, "192.0.2.1") == 0);
  g.pass(24LL * 3600 * 1000);
  attack();
  CHECK(g.guess(7, "192.0.2.1") > 0);
}

TEST_CASE("what failed at another server counts here") {
  Guesser there;
  Guesser here;
  for (int i = 0; i < 8; ++i) CHECK(there.guess(1, "192.0.2.1") == 0);
  const auto told = there.throttle.take_failed();
  REQUIRE(told.size() == 1);
  CHECK(told[0].count == 8);
  CHECK(there.throttle.take_failed().empty());
  here.throttle.heard(told[0], here.now);
  CHECK(here.guess(1, "192.0.2.1") > 0);
}

TEST_CASE("eight guesses are eight, also while the first are being forgotten") {
  LeakyCounts counts({8, 7'500, 2'000, 60'000, 100});
  auto now = clock_ms(1'000'000);
  for (int i = 0; i < 8; ++i, now = clock_ms(now.value + 20)) {
    CHECK(counts.wait_ms("a", now) == 0);
    counts.add("a", now);
  }
  CHECK(counts.wait_ms("a", now) > 1'900);
}

TEST_CASE("a flood of other names does not make one forgotten") {
  LeakyCounts counts({8, 7'500, 2'000, 60'000, 100});
  auto now = clock_ms(1'000'000);
  for (int i = 0; i < 10; ++i) counts.add("victim", now);
  for (int i = 0; i < 10'000; ++i) {
    counts.add("other " + std::to_string(i), now);
    if (i % 100 == 0) now = clock_ms(now.value + 1);
  }
  CHECK(counts.size() <= 100);
  CHECK(counts.wait_ms("victim", now) > 0);
}

TEST_CASE("a bucket of registrations fills slowly") {
  LeakyCounts bucket({20, 360'000, 0, 0, 100});
  auto now = clock_ms(1'000'000);
  for (int i = 0; i < 20; ++i) {
    CHECK(bucket.wait_ms("a", now) == 0);
    bucket.add("a", now);
  }
  CHECK(bucket.wait_ms("a", now) == 360'000);
  now = clock_ms(now.value + 360'000);
  CHECK(bucket.wait_ms("a", now) == 0);
}

TEST_CASE("a clock far ahead of all others is not believed") {
  WallClock clock;
  const auto now = clock_ms(1'000'000);
  const TimeMs own{{2'000'000}};
  CHECK(clock.now(own, now) == own);  // alone
  clock.heard(server_id(1), TimeMs{{1'900'000}}, now);
  CHECK(clock.now(own, now) == TimeMs{{1'905'000}});
  CHECK(clock.wrong_by(own, now) == 100'000);
  clock.heard(server_id(2), TimeMs{{1'998'000}}, now);
  CHECK(clock.now(own, now) == own);
  CHECK_FALSE(clock.wrong_by(own, now));
  // Time passes there as well; what was heard long ago says nothing.
  const auto later = clock_ms(now.value + 8'000);
  CHECK(clock.now(TimeMs{{2'020'000}}, later) == TimeMs{{2'011'000}});
  CHECK(clock.now(TimeMs{{2'020'000}}, clock_ms(now.value + 20'000)) == TimeMs{{2'020'000}});
  CHECK(clock.now(TimeMs{{5}}, later) == TimeMs{{5}});
  CHECK(clock.wrong_by(TimeMs{{5}}, later) == 5 - 1'908'000);
}

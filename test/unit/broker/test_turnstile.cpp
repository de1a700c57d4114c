// Rates, and what is counted by address and by session.
#include "broker/address_group.hpp"
#include "broker/server_limits.hpp"
#include "broker/turnstile.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;
using replica::clock_ms;

namespace {
const HashSecret secret{1, 2, 3};
Bytes token(std::uint8_t first) {
  return Bytes(32, first);
}
}  // namespace

TEST_CASE("a rate lets a burst through, then so many a second, and says when again") {
  RateLimiter limiter({.times = 10, .per_ms = 1000, .burst_ms = 500}, secret);
  unsigned passed = 0;
  while (!limiter.refuses("a", clock_ms(10'000))) ++passed;
  CHECK(passed == 5);
  const auto wait = limiter.refuses("a", clock_ms(10'000));
  REQUIRE(wait);
  CHECK(*wait == 100);
  CHECK(limiter.refuses("a", clock_ms(10'000 + *wait - 1)));
  CHECK_FALSE(limiter.refuses("a", clock_ms(10'000 + *wait)));
  CHECK_FALSE(limiter.refuses("b", clock_ms(10'000)));
  passed = 0;
  for (std::int64_t ms = 20'000; ms < 30'000; ++ms) {
    if (!limiter.refuses("a", clock_ms(ms))) ++passed;
  }
  CHECK(passed >= 100);
  CHECK(passed <= 105);
}

TEST_CASE("a refused request costs nothing: who waits as told gets in") {
  RateLimiter limiter({.times = 1, .per_ms = 60'000, .burst_ms = 0}, secret);
  CHECK_FALSE(limiter.refuses("a", clock_ms(0)));
  for (int i = 0; i < 100; ++i) CHECK(limiter.refuses("a", clock_ms(1)) == 59'999U);
  CHECK_FALSE(limiter.refuses("a", clock_ms(60'000)));
}

TEST_CASE("a flood of keys does not make a limit forget") {
  RateLimiter limiter({.times = 1, .per_ms = 60'000, .burst_ms = 0}, secret);
  CHECK_FALSE(limiter.refuses("victim", clock_ms(0)));
  for (int i = 0; i < 100'000; ++i) {
    static_cast<void>(limiter.refuses(std::to_string(i), clock_ms(1)));
  }
  CHECK(limiter.refuses("victim", clock_ms(2)));
}

TEST_CASE("addresses are counted by host, of IPv6 by network, loopback only if it is said") {
  CHECK(limited_group("127.0.0.1", false).empty());
  CHECK(limited_group("::ffff:127.0.0.1", false).empty());
  CHECK(limited_group("::1", false).empty());
  CHECK(limited_group("", true).empty());
  CHECK(limited_group("127.0.0.1", true) != limited_group("127.0.0.2", true));
  CHECK(limited_group("10.0.0.1", false) == limited_group("::ffff:10.0.0.1", false));
  CHECK(limited_group("10.0.0.1", false) != limited_group("10.0.0.2", false));
  CHECK(limited_group("2001:db8::1", false) == limited_group("2001:db8::ffff:2", false));
  CHECK(limited_group("2001:db8::1", false) != limited_group("2001:db8:0:1::1", false));
  CHECK(limited_group("fe80::1%eth0", false) == limited_group("fe80::2", false));
}

TEST_CASE("requests are limited by address and by session, each with a time to try again") {
  ServiceLimits limits;
  limits.address_requests_per_s = 10;
  limits.session_requests_per_s = 5;
  Turnstile turnstile(limits, secret);
  const auto passes = [&](auto refuses) {
    for (unsigned passed = 0;; ++passed) {
      const auto refused = refuses();
      if (!refused) continue;
      CHECK(refused->retry_ms > 0);
      CHECK(refused->retry_ms <= 1000);
      return passed;
    }
  };
  const auto now = clock_ms(5000);
  CHECK(passes([&] { return turnstile.refuses_address("10.0.0.1", now); }) == 20);
  CHECK_FALSE(turnstile.refuses_address("10.0.0.2", now));
  CHECK(passes([&] { return turnstile.refuses_session(token(1), now); }) == 10);
  CHECK_FALSE(turnstile.refuses_session(token(2), now));
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(turnstile.refuses_address("127.0.0.1", now));
    CHECK_FALSE(turnstile.refuses_session({}, now));
  }
}

TEST_CASE("an address has only so many open requests, and gets places back") {
  ServiceLimits limits;
  limits.address_open_requests = 2;
  Turnstile turnstile(limits, secret);
  const auto first = turnstile.enter("10.0.0.1", {});
  REQUIRE(first);
  CHECK(turnstile.enter("10.0.0.1", {}));
  CHECK_FALSE(turnstile.enter("10.0.0.1", {}));
  CHECK(turnstile.enter("10.0.0.2", {}));
  for (int i = 0; i < 10; ++i) turnstile.leave(*turnstile.enter("127.0.0.1", {}), 0);
  turnstile.leave(*first, 0);
  CHECK(turnstile.enter("10.0.0.1", {}));
}

TEST_CASE("rooms and their members are limited, with a time to try again") {
  const TempDirectory directory;
  Server server(directory.path());
  server.pass(3000);
  server.limits().account_rooms = 2;
  server.limits().room_members = 2;
  server.limits().text_bytes = 100;
  Client alice(server);
  Client bob(server);
  Client carol(server);
  alice.sign_up("alice");
  bob.sign_up("bob");
  carol.sign_up("carol");
  const auto full = [](const Reply& reply) {
    return reply.status == Status::too_many &&
           std::get<reply::ErrorBody>(reply.body).retry_ms == broker::limits::full_retry_ms;
  };
  CHECK(alice.get(request::CreateRoom{"one"}).status == Status::ok);
  CHECK(alice.get(request::CreateRoom{"two"}).status == Status::ok);
  CHECK(full(alice.get(request::CreateRoom{"three"})));
  CHECK(bob.get(request::CreateRoom{"four"}).status == Status::ok);
  CHECK(full(alice.get(request::JoinRoom{"four"})));
  CHECK(bob.get(request::JoinRoom{"one"}).status == Status::ok);
  CHECK(full(carol.get(request::JoinRoom{"one"})));
  CHECK(alice.get(request::LeaveRoom{"one"}).status == Status::ok);
  CHECK(carol.get(request::JoinRoom{"one"}).status == Status::ok);
  CHECK(alice.get(request::JoinRoom{"four"}).status == Status::ok);
  const Target two{TargetKind::room, "two"};
  CHECK(alice.get(request::Send{two, std::string(100, 'x'), {}}).status == Status::ok);
  CHECK(alice.get(request::Send{two, std::string(101, 'x'), {}}).status == Status::bad_text);
}

TEST_CASE("a large reply counts as several requests, of the session and of the address") {
  ServiceLimits limits;
  limits.session_requests_per_s = 10;
  limits.address_requests_per_s = 20;
  Turnstile turnstile(limits, secret);
  const auto ask = [&](std::uint8_t session, const std::string& address, std::size_t reply_bytes) {
    if (turnstile.refuses_address(address, clock_ms(10'000))) return false;
    if (turnstile.refuses_session(token(session), clock_ms(10'000))) return false;
    const auto place = turnstile.enter(address, token(session));
    REQUIRE(place);
    turnstile.leave(*place, reply_bytes);
    return true;
  };
  constexpr std::size_t large =
      9 * broker::limits::reply_bytes_per_request;  // with its request: ten
  CHECK(ask(1, "10.0.0.1", large));
  CHECK(ask(1, "10.0.0.1", large));
  CHECK_FALSE(ask(1, "10.0.0.2", 0));  // what 20 of this session may cost in two seconds is used
  CHECK(ask(2, "10.0.0.1", large));
  CHECK(ask(2, "10.0.0.1", large));
  CHECK_FALSE(ask(3, "10.0.0.1", 0));
  CHECK(ask(3, "10.0.0.3", 0));
}

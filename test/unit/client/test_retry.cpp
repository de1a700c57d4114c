// The decisions of the lazy pirate, step by step, without a clock.
#include <cstdint>

#include "client/retry.hpp"
#include "test/support/catch.hpp"

namespace chat262::client {
namespace {

using Ask = Retry::Ask;
using Pause = Retry::Pause;
using Step = Retry::Step;

constexpr Retry::Instant deadline = 10'000;

Retry three() {
  return Retry(Retry::Rules{.servers = 3});
}

unsigned asked(const Step& step) {
  REQUIRE(std::holds_alternative<Ask>(step));
  return std::get<Ask>(step).server;
}

Pause paused(const Step& step) {
  REQUIRE(std::holds_alternative<Pause>(step));
  return std::get<Pause>(step);
}

}  // namespace

TEST_CASE("the first call begins at server 0 and waits one poll") {
  Retry retry = three();
  CHECK(retry.begin(100, deadline) == Step(Ask{.server = 0, .until = 1100}));
}

TEST_CASE("a poll ends at the deadline at the latest") {
  Retry retry = three();
  CHECK(retry.begin(0, 300) == Step(Ask{.server = 0, .until = 300}));
  CHECK(retry.after(Retry::NoAnswer{}, 300, 0) == Step(Retry::GiveUp{}));
}

TEST_CASE("no answer: the next server in the leader order, at once") {
  Retry retry = three();
  (void)retry.begin(0, deadline);
  CHECK(retry.after(Retry::NoAnswer{}, 1000, 0) == Step(Ask{.server = 1, .until = 2000}));
  CHECK(retry.after(Retry::NoAnswer{}, 1003, 0) == Step(Ask{.server = 2, .until = 2003}));
}

TEST_CASE("the next call begins at the server that answered last, and the order wraps around") {
  Retry retry = three();
  (void)retry.begin(0, deadline);
  (void)retry.after(Retry::NoAnswer{}, 1, 0);
  CHECK(retry.after(Retry::Answered{}, 2, 0) == Step(Retry::Finished{}));
  CHECK(retry.preferred() == 1);
  CHECK(asked(retry.begin(3, deadline)) == 1);
  CHECK(asked(retry.after(Retry::NoAnswer{}, 4, 0)) == 2);
  CHECK(asked(retry.after(Retry::NoAnswer{}, 5, 0)) == 0);
}

TEST_CASE("a call that failed does not change the preference") {
  Retry retry = three();
  (void)retry.begin(0, 100);
  (void)retry.after(Retry::NoAnswer{}, 50, 0);
  CHECK(retry.after(Retry::NoAnswer{}, 100, 0) == Step(Retry::GiveUp{}));
  CHECK(asked(retry.begin(200, deadline)) == 0);
}

TEST_CASE("a hint is followed at once") {
  Retry retry = three();
  (void)retry.begin(0, deadline);
  CHECK(retry.after(Retry::NotLeader{.hint = 2}, 1, 0) == Step(Ask{.server = 2, .until = 1001}));
}

TEST_CASE("a hint that helps nobody is as good as no answer") {
  const std::optional<unsigned> useless[] = {std::nullopt, 0U, 3U, 250U};
  for (const auto& hint : useless) {
    Retry retry = three();
    (void)retry.begin(0, deadline);
    CHECK(asked(retry.after(Retry::NotLeader{.hint = hint}, 1, 0)) == 1);
  }
}

TEST_CASE("a hint to a server that failed waits, and asks the one that gave it") {
  Retry retry = three();
  (void)retry.begin(0, deadline);
  CHECK(asked(retry.after(Retry::NoAnswer{}, 1, 0)) == 1);
  const Pause pause = paused(retry.after(Retry::NotLeader{.hint = 0}, 2, 0));
  CHECK(pause == Pause{.until = 52, .server = 1, .round_failed = false});
  CHECK(asked(retry.after(Retry::Paused{}, 52, 0)) == 1);
  CHECK(retry.after(Retry::Answered{}, 60, 0) == Step(Retry::Finished{}));
}

TEST_CASE("a server that insists on its hint for as long as suspicion takes is believed") {
  Retry retry = three();
  Retry::Instant now = 0;
  (void)retry.begin(now, deadline);
  Step step = retry.after(Retry::NoAnswer{}, now, 0);
  unsigned pauses = 0;
  while (asked(step) == 1) {
    step = retry.after(Retry::NotLeader{.hint = 0}, now, 0);
    if (!std::holds_alternative<Pause>(step)) break;
    now = paused(step).until;
    ++pauses;
    step = retry.after(Retry::Paused{}, now, 0);
  }
  CHECK(asked(step) == 0);
  CHECK(pauses == 8);
  CHECK(now == 400);
  // It does not answer this time either: server 2, and then the round is over.
  CHECK(asked(retry.after(Retry::NoAnswer{}, now, 0)) == 2);
  CHECK(paused(retry.after(Retry::NoAnswer{}, now, 0)).round_failed);
}

TEST_CASE("two servers that point at each other are asked in turn, not in a tight loop") {
  Retry retry = three();
  Retry::Instant now = 0;
  Step step = retry.begin(now, deadline);
  unsigned asks = 0;
  while (now < 1000) {
    if (const auto* pause = std::get_if<Pause>(&step)) {
      now = pause->until;
      step = retry.after(Retry::Paused{}, now, 0xffff);
      continue;
    }
    ++asks;
    step = retry.after(Retry::NotLeader{.hint = asked(step) == 0 ? 1U : 0U}, now, 0xffff);
  }
  CHECK(asks >= 10);
  CHECK(asks <= 25);
}

TEST_CASE("pointing at each other for too long is a round that failed") {
  Retry retry = three();
  Retry::Instant now = 0;
  Step step = retry.begin(now, 100'000);
  bool failed = false;
  for (unsigned i = 0; i < 100 && !failed; ++i) {
    if (const auto* pause = std::get_if<Pause>(&step)) {
      failed = pause->round_failed;
      now = pause->until;
      step = retry.after(Retry::Paused{}, now, 0);
    } else {
      step = retry.after(Retry::NotLeader{.hint = 1 - asked(step)}, now, 0);
    }
  }
  CHECK(failed);
}

TEST_CASE("a full round without success: a pause that doubles, half of it random") {
  for (const std::uint32_t jitter : {0U, 0xffffU}) {
    Retry retry = three();
    Retry::Instant now = 0;
    (void)retry.begin(now, 1'000'000);
    std::int64_t whole = 50;
    for (int round = 0; round < 8; ++round) {
      (void)retry.after(Retry::NoAnswer{}, now, jitter);
      (void)retry.after(Retry::NoAnswer{}, now, jitter);
      const Pause pause = paused(retry.after(Retry::NoAnswer{}, now, jitter));
      CHECK(pause.round_failed);
      CHECK(pause.until - now == (jitter == 0 ? whole / 2 : whole));
      whole = std::min<std::int64_t>(whole * 2, 1000);
      now = pause.until;
      CHECK(asked(retry.after(Retry::Paused{}, now, jitter)) == pause.server);
    }
  }
}

TEST_CASE("a new call begins with short pauses again") {
  Retry retry(Retry::Rules{.servers = 1});
  for (int call = 0; call < 3; ++call) {
    (void)retry.begin(0, deadline);
    CHECK(paused(retry.after(Retry::NoAnswer{}, 0, 0xffff)).until == 50);
  }
}

TEST_CASE("unavailable: the others are asked, then a pause") {
  Retry retry = three();
  (void)retry.begin(0, deadline);
  CHECK(asked(retry.after(Retry::Unavailable{}, 1, 0)) == 1);
  CHECK(asked(retry.after(Retry::NoAnswer{}, 2, 0)) == 2);
  CHECK(paused(retry.after(Retry::NoAnswer{}, 3, 0)).round_failed);
}

TEST_CASE("busy: the same server again, not before it asked for") {
  Retry retry = three();
  (void)retry.begin(0, deadline);
  const Pause pause = paused(retry.after(Retry::Busy{.retry_ms = 300}, 10, 0x8000));
  CHECK(pause.server == 0);
  CHECK(pause.until >= 310);
  CHECK(pause.until <= 360);
  CHECK(asked(retry.after(Retry::Paused{}, pause.until, 0)) == 0);
}

TEST_CASE("busy for hours is believed for some seconds only") {
  Retry retry = three();
  (void)retry.begin(0, 1'000'000);
  CHECK(paused(retry.after(Retry::Busy{.retry_ms = 0xffffffff}, 0, 0xffff)).until <= 5050);
}

TEST_CASE("a pause that reaches the deadline is not begun") {
  Retry retry(Retry::Rules{.servers = 1});
  (void)retry.begin(0, 200);
  CHECK(retry.after(Retry::Busy{.retry_ms = 300}, 10, 0) == Step(Retry::GiveUp{}));
}

TEST_CASE("whatever servers say, every step is in range, moves on, and ends by the deadline") {
  std::uint64_t state = 262;
  const auto random = [&state](std::uint64_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33U) % below;
  };
  for (unsigned walk = 0; walk < 2000; ++walk) {
    const auto servers = static_cast<unsigned>(1 + random(7));
    Retry retry(Retry::Rules{.servers = servers});
    Retry::Instant now = 0;
    unsigned steps = 0;
    Step step = retry.begin(now, deadline);
    while (!std::holds_alternative<Retry::GiveUp>(step)) {
      REQUIRE(++steps < 3000);
      Retry::Event event = Retry::Paused{};
      if (const auto* pause = std::get_if<Pause>(&step)) {
        REQUIRE(pause->until > now);
        REQUIRE(pause->until < deadline);
        REQUIRE(pause->server < servers);
        now = pause->until;
      } else {
        const Ask& ask = std::get<Ask>(step);
        REQUIRE(ask.until > now);
        REQUIRE(ask.until <= deadline);
        REQUIRE(ask.server < servers);
        switch (random(4)) {
          case 0:
            event = Retry::NoAnswer{};
            now = random(2) == 0 ? ask.until : now;
            break;
          case 1:
            event = Retry::NotLeader{.hint = static_cast<unsigned>(random(9))};
            break;
          case 2:
            event = Retry::Unavailable{};
            break;
          default:
            event = Retry::Busy{.retry_ms = static_cast<std::uint32_t>(random(400))};
        }
      }
      step = retry.after(event, now, static_cast<std::uint32_t>(random(0x10000)));
    }
  }
}

}  // namespace chat262::client

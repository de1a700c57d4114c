#include "client/replay/compare.hpp"
#include "client/replay/pace.hpp"
#include "client/replay/waits.hpp"
#include "test/support/catch.hpp"

using namespace chat262::replay;
using std::chrono::milliseconds;

namespace {

MessageKey key(const std::string& text) {
  return message_key("room r", "alice", 1, text);
}

// Each letter is a message.
Expected expected(const std::string& letters) {
  Expected all;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    all.add("room r", key(letters.substr(i, 1)), {0, i + 1});
  }
  all.finish();
  return all;
}

Differences compare(const std::string& should, const std::string& is) {
  const auto all = expected(should);
  Comparison comparison(all);
  for (const char c : is) comparison.found(key(std::string(1, c)));
  return comparison.finish();
}

using Positions = std::vector<std::size_t>;

}  // namespace

TEST_CASE("what is there once and in order has no differences") {
  CHECK(compare("", "").none());
  CHECK(compare("abc", "abc").none());
  CHECK(compare("abab", "abab").none());
  const auto among_others = compare("abc", "xaybzzc");
  CHECK(among_others.none());
  CHECK(among_others.others == 4);
  CHECK(among_others.found == 3);
}

TEST_CASE("a missing message is named") {
  CHECK(compare("abc", "ac").missing == Positions{1});
  CHECK(compare("abc", "").missing == Positions{0, 1, 2});
  CHECK(compare("aba", "ab").missing == Positions{2});
  CHECK(compare("abc", "ac").doubled.empty());
}

TEST_CASE("a doubled message is named each time") {
  CHECK(compare("abc", "aabc").doubled == Positions{0});
  CHECK(compare("abc", "abcbb").doubled == Positions{1, 1});
  CHECK(compare("aa", "aaa").doubled == Positions{1});
  CHECK(compare("abc", "abcc").doubled == Positions{2});
  CHECK(compare("abc", "aabc").out_of_order.empty());
}

TEST_CASE("a message after one that should follow it is out of order") {
  CHECK(compare("abc", "acb").out_of_order == Positions{1});
  CHECK(compare("abc", "cab").out_of_order == Positions{0, 1});
  CHECK(compare("abab", "abba").out_of_order == Positions{2});
  CHECK(compare("abc", "acb").missing.empty());
}

TEST_CASE("order counts within a conversation alone") {
  Expected all;
  const auto a = message_key("room r", "alice", 1, "x");
  const auto b = message_key("room s", "alice", 1, "x");
  CHECK(a != b);
  all.add("room r", a, {0, 1});
  all.add("room s", b, {0, 2});
  all.finish();
  Comparison comparison(all);
  comparison.found(b);
  comparison.found(a);
  CHECK(comparison.finish().none());
}

TEST_CASE("author, time and text each tell messages apart") {
  const auto one = message_key("room r", "alice", 1, "x");
  CHECK(one == message_key("room r", "alice", 1, "x"));
  CHECK(one != message_key("room r", "alicf", 1, "x"));
  CHECK(one != message_key("room r", "alice", 2, "x"));
  CHECK(one != message_key("room r", "alice", 1, "y"));
  CHECK(one != message_key("room r", "alice", 11, "x"));
}

TEST_CASE("a pace without limits never waits") {
  Pace pace(0, 0);
  const Pace::Time now{};
  CHECK(pace.next(now, 5) == now);
  CHECK(pace.next(now, 5'000'000) == now);
}

TEST_CASE("a rate spaces messages evenly and makes up for small delays") {
  Pace pace(10, 0);
  const Pace::Time begin{};
  CHECK(pace.next(begin, 0) == begin);
  CHECK(pace.next(begin, 0) == begin + milliseconds(100));
  // Late by 50 ms: the one after keeps to the plan.
  CHECK(pace.next(begin + milliseconds(250), 0) == begin + milliseconds(250));
  CHECK(pace.next(begin + milliseconds(250), 0) == begin + milliseconds(300));
}

TEST_CASE("a long pause is not made up for in a burst") {
  Pace pace(10, 0);
  const Pace::Time begin{};
  (void)pace.next(begin, 0);
  const auto later = begin + std::chrono::seconds(60);
  CHECK(pace.next(later, 0) == later);
  CHECK(pace.next(later, 0) == later + milliseconds(100));
}

TEST_CASE("a speed follows the recorded times") {
  Pace pace(0, 60);
  const Pace::Time begin{};
  CHECK(pace.next(begin, 0) == begin);
  CHECK(pace.next(begin, 60'000) == begin + milliseconds(1000));
  CHECK(pace.next(begin, 0) == begin + milliseconds(1000));  // recorded times may step back
  CHECK(pace.next(begin, 6'000) == begin + milliseconds(1100));
}

TEST_CASE("waits are told by the share of writes that they cover") {
  Waits waits;
  CHECK(waits.ms_at(1) == 0);
  for (const int ms : {5, 1, 4, 2, 3}) waits.add(milliseconds(ms));
  CHECK(waits.ms_at(0) == 1);
  CHECK(waits.ms_at(0.5) == 3);
  CHECK(waits.ms_at(1) == 5);
}

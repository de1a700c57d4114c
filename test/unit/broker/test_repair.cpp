// The repair: whom it asks, what it has written back, when it gives up.
#include "broker/repair.hpp"

#include "broker/server_limits.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::broker;
using replica::clock_ms;

namespace {

struct Host final : RepairHost {
  void send_repair(ServerId to, peer::Body body) override {
    asked.emplace_back(to.value, std::get<peer::RepairAsk>(body));
  }
  void write_repair(const Hash& /*previous*/, std::vector<Entry> entries) override {
    writes.push_back(std::move(entries));
  }
  void repair_moved() override { ++moved; }
  void note(replica::NoteLevel /*level*/, const std::string& text) override {
    notes.push_back(text);
  }
  std::vector<std::pair<unsigned, peer::RepairAsk>> asked;
  std::vector<std::vector<Entry>> writes;
  int moved = 0;
  std::vector<std::string> notes;
};

peer::RepairAnswer with_entries(Seq from, unsigned count) {
  peer::RepairAnswer answer{.from = from};
  for (unsigned i = 0; i < count; ++i) {
    Entry entry;
    entry.seq = seq(from.value + i);
    answer.entries.push_back(entry);
  }
  return answer;
}

const RepairWritten written{RepairWritten::Outcome::written, 1, {}};
const RepairWritten more{RepairWritten::Outcome::more_needed, 0, {}};
const RepairWritten no_room{RepairWritten::Outcome::no_room, 0, "no room"};
const RepairWritten another{RepairWritten::Outcome::of_another_history, 0, {}};

}  // namespace

TEST_CASE("a damaged entry is asked for together with the one before it, and written back") {
  Host host;
  Repair repair(server_id(1), 3, host);
  repair.damaged(seq(10), clock_ms(0));
  repair.damaged(seq(10), clock_ms(0));  // known
  REQUIRE(host.asked.size() == 1);
  CHECK(host.asked[0].first == 2);
  CHECK(host.asked[0].second.from == seq(9));
  repair.answer(server_id(0), with_entries(seq(9), 3), clock_ms(1));  // was not asked
  CHECK(host.writes.empty());
  repair.answer(server_id(2), with_entries(seq(9), 3), clock_ms(1));
  REQUIRE(host.writes.size() == 1);
  repair.written(written, clock_ms(2));
  CHECK(host.moved == 1);
  CHECK(repair.figures().found == 1);
  CHECK(repair.figures().repaired == 1);
  CHECK(repair.figures().open.empty());
  CHECK_FALSE(repair.next_deadline());
}

TEST_CASE("damage that is not taken in because too much waits is counted all the same") {
  Host host;
  Repair repair(server_id(1), 3, host);
  const std::uint64_t taken = broker::limits::repairs_waiting_max + 1;  // one is under way
  for (std::uint64_t at = 1; at <= taken + 2; ++at) repair.damaged(seq(at), clock_ms(0));
  CHECK(repair.figures().found == taken);
  CHECK(repair.figures().passed_over == 2);
}

TEST_CASE("the first entry has none before it") {
  Host host;
  Repair repair(server_id(0), 2, host);
  repair.damaged(seq(1), clock_ms(0));
  CHECK(host.asked.at(0).second.from == seq(1));
}

TEST_CASE("more is asked of the same server until its entries are tied to the log") {
  Host host;
  Repair repair(server_id(0), 3, host);
  repair.damaged(seq(10), clock_ms(0));
  repair.answer(server_id(1), with_entries(seq(9), 64), clock_ms(1));
  repair.written(more, clock_ms(2));
  REQUIRE(host.asked.size() == 2);
  CHECK(host.asked[1].first == 1);
  CHECK(host.asked[1].second.from == seq(73));
  repair.answer(server_id(1), with_entries(seq(73), 5), clock_ms(3));
  CHECK(host.writes.at(1).size() == 69);
}

TEST_CASE("a server that cannot help, is silent or has another history is passed over") {
  Host host;
  Repair repair(server_id(0), 4, host);
  repair.damaged(seq(10), clock_ms(0));
  repair.answer(server_id(1), with_entries(seq(9), 0), clock_ms(1));
  REQUIRE(host.asked.size() == 2);
  repair.tick(*repair.next_deadline());  // 2 is silent
  REQUIRE(host.asked.size() == 3);
  CHECK(host.asked[2].first == 3);
  repair.answer(server_id(3), with_entries(seq(9), 9), clock_ms(400));
  repair.written(another, clock_ms(401));
  CHECK(repair.figures().open == std::vector{seq(10)});
  CHECK_FALSE(repair.beyond_repair(seq(10)));  // 2 may still have it
  CHECK(host.moved == 1);
  // All are asked again.
  repair.tick(*repair.next_deadline());
  REQUIRE(host.asked.size() == 4);
  repair.answer(server_id(1), with_entries(seq(9), 9), clock_ms(6000));
  repair.written(written, clock_ms(6001));
  CHECK(repair.figures().open.empty());
}

TEST_CASE("what all others, or the leader, do not have is beyond repair") {
  const bool leader_says_so = GENERATE(false, true);
  Host host;
  Repair repair(server_id(0), 3, host);
  repair.damaged(seq(10), clock_ms(0));
  auto none = with_entries(seq(9), 0);
  none.has_none = leader_says_so;
  repair.answer(server_id(1), std::move(none), clock_ms(1));
  if (leader_says_so) {
    repair.tick(*repair.next_deadline());
  } else {
    repair.answer(server_id(2), with_entries(seq(9), 0), clock_ms(1));
  }
  CHECK(repair.beyond_repair(seq(10)));
}

TEST_CASE("a full disk is no sign that nobody has an entry") {
  Host host;
  Repair repair(server_id(0), 2, host);
  repair.damaged(seq(10), clock_ms(0));
  repair.answer(server_id(1), with_entries(seq(9), 9), clock_ms(1));
  repair.written(no_room, clock_ms(2));
  CHECK_FALSE(repair.beyond_repair(seq(10)));
  CHECK(repair.figures().open == std::vector{seq(10)});
  CHECK(host.moved == 1);
  repair.tick(*repair.next_deadline());
  repair.answer(server_id(1), with_entries(seq(9), 9), clock_ms(6000));
  repair.written(written, clock_ms(6001));
  CHECK(repair.figures().open.empty());
}

TEST_CASE("nonsense in an answer is no help") {
  Host host;
  Repair repair(server_id(0), 2, host);
  repair.damaged(seq(10), clock_ms(0));
  repair.answer(server_id(1), with_entries(seq(500), 3), clock_ms(1));  // not what was asked
  CHECK(host.writes.empty());
  auto shifted = with_entries(seq(20), 3);
  shifted.from = seq(9);
  repair.answer(server_id(1), std::move(shifted), clock_ms(1));
  CHECK(host.writes.empty());
  CHECK(repair.beyond_repair(seq(10)));
}

#include <fstream>
#include <random>

#include "history.hpp"

namespace chat262::store::test {

namespace fs = std::filesystem;

namespace {

// What the same log gives in tables that were never written to disk.
Hash fresh_digest(const History& history, Seq upto, Log& log) {
  const TempDir dir;
  const auto tables = open_tables(dir.path(), log);
  for (const Entry& entry : history.entries()) {
    if (entry.seq <= upto) must(tables->apply(entry));
  }
  return tables->digest();
}

// Random but repeatable operations among a few accounts and rooms.
class Chatter {
 public:
  explicit Chatter(std::uint64_t seed) : random_(seed) {}

  void add(History& history) {
    switch (below(12)) {
      case 0:
        accounts_.push_back(history.register_account("user" + std::to_string(below(40))));
        break;
      case 1:
        rooms_.push_back(history.create_room(account(), "room" + std::to_string(below(10))));
        break;
      case 2:
        history.operation(op::JoinRoom{account(), room()});
        break;
      case 3:
        history.operation(op::LeaveRoom{account(), room()});
        break;
      case 4:
        history.operation(op::OpenSession{
            account(), token(), TimeMs{{history.next_time().value + static_cast<int>(below(50))}}});
        break;
      case 5:
        history.operation(op::ChangePassword{account(), "changed", token()});
        break;
      case 6:
        if (below(6) == 0) {
          history.operation(op::DeleteAccount{account()});
        } else {
          history.operation(op::CloseSession{account(), token()});
        }
        break;
      case 7:
        history.operation(op::MarkRead{account(), target(), {{1, {}}, seq(below(400))}});
        break;
      case 8:
        if (below(4) == 0) history.view(++counter_);
        break;
      default:
        history.send(account(), target(), "text " + std::to_string(below(1000)));
    }
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

 private:
  AccountId account() {
    return accounts_.empty() ? AccountId{} : accounts_[below(accounts_.size())];
  }
  RoomId room() { return rooms_.empty() ? RoomId{} : rooms_[below(rooms_.size())]; }
  std::variant<AccountId, RoomId> target() {
    if (below(2) == 0) return account();
    return room();
  }
  Hash token() { return Hash{{static_cast<std::uint8_t>(below(20)), 1}}; }

  std::mt19937_64 random_;
  std::vector<AccountId> accounts_;
  std::vector<RoomId> rooms_;
  std::uint64_t counter_ = 1;
};

History chatter(std::uint64_t seed, int operations) {
  History history;
  history.view(1);
  Chatter chatter(seed);
  for (int i = 0; i < operations; ++i) chatter.add(history);
  return history;
}

}  // namespace

TEST_CASE("Overlay, sealed, flushed, undone: the tables are always those of the log") {
  const auto seed = GENERATE(range(1, 13));
  CAPTURE(seed);
  const TempDir dir;
  const auto log = open_log(dir.path());
  auto tables = open_tables(dir.path(), *log);
  History history;
  history.view(1);
  Chatter chatter(static_cast<std::uint64_t>(seed));
  Seq committed{};
  bool sealed = false;
  for (int step = 0; step < 600; ++step) {
    chatter.add(history);
    if (chatter.below(3) == 0) {
      write_all(*log, history);
      apply_all(*tables, history);
    }
    switch (chatter.below(24)) {
      case 0:
      case 1:
        committed = std::max(committed, seq(tables->applied().value - chatter.below(9)));
        if (committed > tables->applied()) committed = tables->applied();
        sealed = tables->seal(committed) || sealed;
        break;
      case 2:
      case 3:
        if (sealed) must(tables->write_behind(*log));
        break;
      case 4:
        tables->settle();
        sealed = false;
        break;
      case 5: {  // what is not committed is cut, and something else said instead
        const Seq to = std::min(tables->applied(), seq(committed.value + chatter.below(5)));
        must(tables->revert_to(to));
        REQUIRE(tables->applied() <= to);
        history.cut(std::min(to, history.last()));
        const LogWrite cut{.cut_after = history.last(), .commit = committed};
        must(log->write({&cut, 1}));
        break;
      }
      case 6:
        if (chatter.below(4) == 0) {  // a healed split: below what is committed
          const Seq to = seq(history.last().value - chatter.below(history.last().value / 2 + 1));
          must(tables->revert_to(to));
          REQUIRE(tables->applied() <= to);
          history.cut(to);
          const LogWrite cut{.cut_after = to};
          must(log->write({&cut, 1}));
          committed = std::min(committed, to);
          sealed = false;
        }
        break;
      case 7:
        if (chatter.below(4) == 0) {  // a restart
          write_all(*log, history);
          tables.reset();
          tables = open_tables(dir.path(), *log);
          REQUIRE(tables->applied() <= std::max(committed, tables->durable()));
          sealed = false;
        }
        break;
      default:
        break;
    }
    if (step % 50 == 0) {
      REQUIRE(tables->digest() == fresh_digest(history, tables->applied(), *log));
    }
  }
  write_all(*log, history);
  apply_all(*tables, history);
  const Hash expected = fresh_digest(history, history.last(), *log);
  CHECK(tables->digest() == expected);
  while (tables->durable() < history.last()) flush(*tables, *log, history.last());
  CHECK(tables->digest() == expected);
  CHECK_FALSE(tables->fault());
}

TEST_CASE("Nothing above the commit is ever written to disk") {
  const TempDir dir;
  const History history = chatter(5, 200);
  const auto log = open_log(dir.path());
  write_all(*log, history);
  auto tables = open_tables(dir.path(), *log);
  apply_all(*tables, history);
  flush(*tables, *log, seq(120));
  CHECK(tables->durable() == seq(120));
  CHECK(tables->applied() == history.last());
  tables.reset();
  tables = open_tables(dir.path(), *log);
  CHECK(tables->applied() == seq(120));
  CHECK(tables->digest() == fresh_digest(history, seq(120), *log));
  CHECK_FALSE(tables->seal(seq(120)));
}

TEST_CASE("Look-ups are right while a generation is being written and after") {
  const TempDir dir;
  const auto log = open_log(dir.path());
  const auto tables = open_tables(dir.path(), *log);
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  history.send(ann, ann, "one");
  write_all(*log, history);
  apply_all(*tables, history);
  const ConversationId id = direct_conversation(ann, ann);
  const auto check = [&](std::size_t count) {
    CHECK(tables->items_above(id, seq(0), 99).size() == count);
    CHECK(tables->account(ann)->name == "ann");
  };
  REQUIRE(tables->seal(history.last()));
  check(1);
  CHECK_FALSE(tables->seal(history.last()));
  history.send(ann, ann, "two");
  apply_all(*tables, history);
  check(2);
  must(tables->write_behind(*log));
  check(2);
  CHECK_FALSE(tables->seal(history.last()));
  tables->settle();
  check(2);
  CHECK(tables->durable() == seq(3));
  const std::size_t before = tables->overlay_bytes();
  CHECK(before > 0);
  write_all(*log, history);
  flush(*tables, *log, history.last());
  CHECK(tables->overlay_bytes() < before);
  check(2);
}

TEST_CASE("Tables removed by hand are built again, the same") {
  const TempDir dir;
  const History history = chatter(7, 500);
  const auto log = open_log(dir.path());
  write_all(*log, history);
  auto tables = open_tables(dir.path(), *log);
  apply_all(*tables, history);
  flush(*tables, *log, history.last());
  const Hash digest = tables->digest();
  tables.reset();
  fs::remove_all(dir / "tables");
  tables = open_tables(dir.path(), *log);
  CHECK(tables->applied() == seq(0));
  for (const Entry& entry : must(log->read(seq(1), log->last(), 64 << 20))) {
    must(tables->apply(entry));
  }
  CHECK(tables->digest() == digest);
}

TEST_CASE("Tables of another history are started anew") {
  const TempDir dir;
  {
    const History history = chatter(8, 100);
    const auto log = open_log(dir / "a");
    write_all(*log, history);
    const auto tables = open_tables(dir / "a", *log);
    apply_all(*tables, history);
    flush(*tables, *log, history.last());
  }
  const auto log = open_log(dir / "b");
  write_all(*log, chatter(9, 100));
  fs::copy(dir / "a/tables", dir / "b/tables", fs::copy_options::recursive);
  CHECK(open_tables(dir / "b", *log)->applied() == seq(0));
}

TEST_CASE("A damaged record is seen when it is read, and the tables are built anew") {
  const TempDir dir;
  const auto log = open_log(dir.path());
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  write_all(*log, history);
  auto tables = open_tables(dir.path(), *log);
  apply_all(*tables, history);
  flush(*tables, *log, history.last());
  const Hash digest = tables->digest();
  tables.reset();
  {  // one bit of the password's hash
    std::fstream file(dir / "tables/data.mdb", std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    std::size_t found = 0;
    for (auto at = bytes.find("hash of ann"); at != std::string::npos;
         at = bytes.find("hash of ann", at + 1)) {
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      ++found;
    }
    REQUIRE(found > 0);
    file.seekp(0);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  tables = open_tables(dir.path(), *log);
  REQUIRE(tables->applied() == seq(2));
  CHECK_FALSE(tables->account(ann));
  REQUIRE(tables->fault());
  CHECK(tables->fault()->code == Errc::corrupt);
  history.send(ann, ann, "hello");
  CHECK(tables->apply(history.entries().back()).error().code == Errc::corrupt);

  SECTION("at once") {
    must(tables->revert_to(seq(0)));
    CHECK_FALSE(tables->fault());
  }
  SECTION("at the next start") {
    tables.reset();
    tables = open_tables(dir.path(), *log);
  }
  CHECK(tables->applied() == seq(0));
  history.cut(seq(2));
  apply_all(*tables, history);
  CHECK(tables->account(ann)->name == "ann");
  CHECK(tables->digest() == digest);
}

TEST_CASE("The tables' map grows when it is full") {
  const TempDir dir;
  const History history = chatter(11, 4000);
  const auto log = open_log(dir.path());
  write_all(*log, history);
  const auto tables = must(Tables::open({.directory = dir.path(), .map_bytes = 128 << 10}, *log));
  apply_all(*tables, history);
  const Hash digest = tables->digest();
  REQUIRE(tables->seal(history.last()));
  int failures = 0;
  while (true) {
    const auto done = tables->write_behind(*log);
    if (done) break;
    REQUIRE(done.error().code == Errc::disk_full);
    ++failures;
    CHECK(tables->digest() == digest);
    REQUIRE(tables->seal(history.last()));
  }
  tables->settle();
  CHECK(failures > 0);
  CHECK(tables->durable() == history.last());
  CHECK(tables->digest() == digest);
}

}  // namespace chat262::store::test

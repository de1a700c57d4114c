#include "history.hpp"

namespace chat262::store::test {

namespace {

// A log and its tables, both on disk, with a history that is applied as it is made.
struct Bench {
  TempDir dir;
  History history;
  std::unique_ptr<Log> log = open_log(dir.path());
  std::unique_ptr<Tables> tables = open_tables(dir.path(), *log);

  Bench() {
    history.view(1);
    run();
  }
  Outcome run() { return apply_all(*tables, history); }
  Status status(OperationBody body) {
    history.operation(std::move(body));
    return run().status;
  }
  AccountId account(const std::string& name) {
    const AccountId id = history.register_account(name);
    REQUIRE(run().status == Status::ok);
    return id;
  }
  Status send(const AccountId& from, const std::variant<AccountId, RoomId>& to,
              const std::string& text = "hello") {
    history.send(from, to, text);
    return run().status;
  }
  RoomId room(const AccountId& by, const std::string& name) {
    const RoomId id = history.create_room(by, name);
    REQUIRE(run().status == Status::ok);
    return id;
  }
  void flush_all() {
    write_all(*log, history);
    flush(*tables, *log, history.last());
    REQUIRE(tables->durable() == history.last());
  }
  Position here() { return history.entries().back().position(); }
};

Hash token(std::uint8_t n) {
  return Hash{{n}};
}

std::vector<std::uint64_t> seqs(const std::vector<Tables::Happening>& happenings) {
  std::vector<std::uint64_t> all;
  for (const auto& happening : happenings) all.push_back(happening.seq.value);
  return all;
}

}  // namespace

TEST_CASE("A name is given once, even after its account is deleted") {
  Bench b;
  const AccountId ann = b.account("ann");
  CHECK(b.tables->account_named("ann")->id == ann);
  CHECK(b.tables->account(ann)->password_hash == "hash of ann");
  CHECK(b.status(op::Register{AccountId{{9}}, "Ann", "ann", "x"}) == Status::name_taken);
  CHECK(b.status(op::DeleteAccount{ann}) == Status::ok);
  CHECK(b.status(op::Register{AccountId{{8}}, "ann", "ann", "x"}) == Status::name_taken);
  CHECK(b.tables->account_named("ann")->deleted);
  CHECK(b.tables->account(ann)->password_hash.empty());
  CHECK(b.status(op::Register{AccountId{{7}}, "", "", "x"}) == Status::bad_name);
  CHECK(b.status(op::Register{AccountId{{7}}, "long", std::string(65, 'x'), "x"}) ==
        Status::bad_name);
}

TEST_CASE("A request id is applied once; its first outcome stands") {
  Bench b;
  const AccountId ann = b.account("ann");
  const RequestId request = b.history.next_request();
  const auto send = [&](const std::string& text) {
    b.history.add(operation_entry(request, b.history.next_time(),
                                  op::SendMessage{ann, message_id(request), ann, std::nullopt},
                                  text));
    return b.run();
  };
  const Outcome first = send("once");
  CHECK(first.at == b.here());
  CHECK(send("once") == first);
  CHECK(*b.tables->request(request) == first);
  CHECK(b.tables->items_above(direct_conversation(ann, ann), seq(0), 9).size() == 1);
  CHECK_FALSE(b.tables->request(b.history.next_request()));
}

TEST_CASE("An entry that makes no sense is an outcome, not an error") {
  Bench b;
  Entry entry = operation_entry(b.history.next_request(), TimeMs{}, op::CloseAllSessions{});
  entry.head = {0xc1, 0x00};
  b.history.add(entry);
  CHECK(b.run().status == Status::malformed);
  CHECK(b.tables->apply(b.history.entries().back()).error().code == Errc::invalid);
}

TEST_CASE("Sessions: opened, closed, all closed, expired ones cleared away") {
  Bench b;
  const AccountId ann = b.account("ann");
  const AccountId bob = b.account("bob");
  const TimeMs later{{2'000'000'000'000}};
  const TimeMs soon{{b.tables->applied_time().value + 2}};
  CHECK(b.status(op::OpenSession{ann, token(1), soon}) == Status::ok);
  CHECK(b.tables->session(token(1))->account == ann);
  CHECK(b.status(op::OpenSession{bob, token(1), later}) == Status::bad_argument);
  CHECK(b.status(op::OpenSession{ann, token(2), later}) == Status::ok);
  CHECK_FALSE(b.tables->session(token(1)));
  CHECK(b.status(op::CloseSession{bob, token(2)}) == Status::not_signed_in);
  CHECK(b.status(op::CloseSession{ann, token(2)}) == Status::ok);
  CHECK_FALSE(b.tables->session(token(2)));
  for (std::uint8_t n = 3; n < 6; ++n) b.status(op::OpenSession{ann, token(n), later});
  CHECK(b.status(op::ChangePassword{ann, "new", token(4)}) == Status::ok);
  CHECK_FALSE(b.tables->session(token(3)));
  CHECK(b.tables->session(token(4)));
  CHECK_FALSE(b.tables->session(token(5)));
  CHECK(b.tables->account(ann)->password_hash == "new");
  CHECK(b.status(op::CloseAllSessions{ann}) == Status::ok);
  CHECK_FALSE(b.tables->session(token(4)));
  CHECK(b.status(op::OpenSession{AccountId{{1}}, token(9), later}) == Status::not_signed_in);
}

TEST_CASE("Rooms: who is in, who may write, what it shows") {
  Bench b;
  const AccountId ann = b.account("ann");
  const AccountId bob = b.account("bob");
  const RoomId room = b.room(ann, "tea");
  CHECK(b.tables->room_named("tea")->id == room);
  CHECK(b.tables->room(room)->members == 1);
  CHECK(b.status(op::CreateRoom{bob, RoomId{{5}}, "Tea", "tea"}) == Status::name_taken);
  CHECK(b.send(bob, room) == Status::not_a_member);
  CHECK(b.send(bob, RoomId{{5}}) == Status::no_such_room);
  CHECK(b.status(op::LeaveRoom{bob, room}) == Status::not_a_member);
  CHECK(b.status(op::JoinRoom{ann, room}) == Status::already_a_member);
  CHECK(b.status(op::JoinRoom{bob, RoomId{{5}}}) == Status::no_such_room);
  const Seq before_bob = b.history.last();
  CHECK(b.send(ann, room) == Status::ok);
  CHECK(b.status(op::JoinRoom{bob, room}) == Status::ok);
  CHECK(b.tables->is_member(room, bob));
  CHECK(b.tables->members(room, "", 9).items.size() == 2);
  CHECK(b.send(bob, room) == Status::ok);
  const Seq last = b.history.last();
  // Ann sees her own message, Bob's entering and his message; Bob what came since he is in.
  CHECK(seqs(b.tables->happenings(ann, before_bob, 9)) ==
        std::vector<std::uint64_t>{last.value - 2, last.value - 1, last.value});
  CHECK(seqs(b.tables->happenings(bob, before_bob, 9)) ==
        std::vector<std::uint64_t>{last.value - 1, last.value});
  CHECK(b.tables->concerned(b.history.entries().back()).room == room);
  CHECK(b.status(op::LeaveRoom{bob, room}) == Status::ok);
  CHECK(b.tables->room(room)->members == 1);
  const auto left = b.tables->happenings(bob, last, 9);
  REQUIRE(left.size() == 1);
  CHECK(left[0].kind == Tables::Happening::Kind::left);
  CHECK(b.tables->happenings(ann, last, 9)[0].kind == Tables::Happening::Kind::left);
  CHECK(b.tables->conversations(bob, {}, 9).items.empty());
}

TEST_CASE("Messages between two: conversation, order, unread, markers") {
  Bench b;
  const AccountId ann = b.account("ann");
  const AccountId bob = b.account("bob");
  CHECK(b.send(ann, AccountId{{1}}) == Status::no_such_user);
  CHECK(b.send(AccountId{{1}}, ann) == Status::not_signed_in);
  CHECK_FALSE(b.tables->conversation(ann, bob));
  std::vector<std::uint64_t> sent;
  for (int i = 0; i < 5; ++i) {
    CHECK(b.send(i % 2 == 0 ? ann : bob, i % 2 == 0 ? bob : ann) == Status::ok);
    sent.push_back(b.history.last().value);
  }
  const ConversationId id = direct_conversation(ann, bob);
  CHECK(b.tables->conversation(bob, ann)->id == id);
  CHECK(b.tables->unread(id, bob, seq(0), 99) == 3);
  CHECK(b.tables->unread(id, ann, seq(0), 99) == 2);
  CHECK(b.tables->unread(id, bob, seq(0), 2) == 2);
  CHECK(b.tables->items_below(id, std::nullopt, 2)[0].seq == seq(sent[4]));
  CHECK(b.tables->items_below(id, seq(sent[1]), 9).size() == 1);
  CHECK(b.tables->items_above(id, seq(sent[1]), 2)[0].who == ann);

  const Position third{{1, server_id(0)}, seq(sent[2])};
  CHECK(b.status(op::MarkRead{bob, ann, third}) == Status::ok);
  CHECK(b.tables->conversation(bob, ann)->read_upto == third);
  const auto read = b.tables->happenings(bob, seq(sent[4]), 9);
  REQUIRE(read.size() == 1);
  CHECK(read[0].kind == Tables::Happening::Kind::read);
  CHECK(b.tables->happenings(ann, seq(sent[4]), 9).empty());
  // Never backwards, never beyond what is there; the newest marker replaces the one before.
  CHECK(b.status(op::MarkRead{bob, ann, {{1, server_id(0)}, seq(sent[0])}}) == Status::ok);
  CHECK(b.tables->conversation(bob, ann)->read_upto == third);
  CHECK(b.status(op::MarkRead{bob, ann, {{1, server_id(0)}, seq(9999)}}) == Status::ok);
  CHECK(b.tables->conversation(bob, ann)->read_upto.seq == b.history.last().previous());
  CHECK(b.tables->happenings(bob, seq(sent[4]), 9).size() == 1);
  CHECK(b.status(op::MarkRead{ann, RoomId{{1}}, third}) == Status::no_such_room);
}

TEST_CASE("Searching accounts goes in pages and leaves out the deleted") {
  Bench b;
  const AccountId gone = b.account("anne");
  for (const char* name : {"ann", "anton", "bob", "hannah", "zed"}) b.account(name);
  b.status(op::DeleteAccount{gone});
  const auto names = [&b](const std::string& pattern) {
    std::string all;
    std::string after;
    do {
      const auto page = b.tables->accounts(pattern, after, 2);
      for (const auto& account : page.items) all += account.name + " ";
      after = page.next;
    } while (!after.empty());
    return all;
  };
  for (const bool flushed : {false, true}) {
    if (flushed) b.flush_all();
    CHECK(names("*") == "ann anton bob hannah zed ");
    CHECK(names("an*") == "ann anton ");
    CHECK(names("*an*n*") == "ann anton hannah ");
    CHECK(names("bob") == "bob ");
    CHECK(names("q*").empty());
  }
}

TEST_CASE("Conversations come in pages, in a fixed order") {
  Bench b;
  const AccountId ann = b.account("ann");
  std::vector<RoomId> rooms;
  for (int i = 0; i < 7; ++i) rooms.push_back(b.room(ann, "room" + std::to_string(i)));
  b.send(ann, ann);
  std::size_t count = 0;
  Bytes after;
  do {
    const auto page = b.tables->conversations(ann, after, 3);
    count += page.items.size();
    after = page.next;
  } while (!after.empty());
  CHECK(count == 8);
}

TEST_CASE("Deleting an account: out of its rooms, its texts erased before that is durable") {
  Bench b;
  const AccountId ann = b.account("ann");
  const AccountId bob = b.account("bob");
  const RoomId tea = b.room(ann, "tea");
  const RoomId rum = b.room(bob, "rum");
  b.status(op::JoinRoom{ann, rum});
  b.status(op::OpenSession{ann, token(1), TimeMs{{2'000'000'000'000}}});
  b.send(ann, bob, "secret one");
  const Seq one = b.history.last();
  b.flush_all();
  b.send(ann, rum, "secret two");
  const Seq two = b.history.last();
  b.send(bob, rum, "not hers");
  const Seq other = b.history.last();
  CHECK(b.status(op::DeleteAccount{ann}) == Status::ok);
  const auto concerned = b.tables->concerned(b.history.entries().back());
  CHECK(concerned.more_rooms.size() == 2);
  CHECK_FALSE(b.tables->session(token(1)));
  CHECK_FALSE(b.tables->is_member(tea, ann));
  CHECK(b.tables->room(rum)->members == 1);
  CHECK(b.tables->items_below(room_conversation(rum), std::nullopt, 1)[0].kind ==
        Tables::ItemKind::left);
  CHECK(b.send(bob, ann) == Status::no_such_user);
  CHECK(b.send(ann, bob, "from the grave") == Status::not_signed_in);
  const Seq grave = b.history.last();
  write_all(*b.log, b.history);
  CHECK_FALSE(must(b.log->read(one, one, 1))[0].erased);
  b.flush_all();
  for (const Seq at : {one, two, grave}) CHECK(must(b.log->read(at, at, 1))[0].erased);
  CHECK_FALSE(must(b.log->read(other, other, 1))[0].erased);
  // Bob still has the conversation.
  CHECK(b.tables->conversation(bob, ann));
}

TEST_CASE("A text of a deleted account that comes late is erased too") {
  Bench b;
  const AccountId ann = b.account("ann");
  b.status(op::DeleteAccount{ann});
  b.flush_all();
  CHECK(b.send(ann, ann, "late") == Status::not_signed_in);
  b.flush_all();
  CHECK(must(b.log->read(b.history.last(), b.history.last(), 1))[0].erased);
}

TEST_CASE("A cursor of a history that was merged away resumes at the fork") {
  Bench b;
  const AccountId ann = b.account("ann");
  const Seq fork = b.history.last();  // 2
  b.history.view(3, 1);               // seq 3: the other side had 2.x from here on
  b.run();
  const auto epoch = [](std::uint64_t counter, unsigned server) {
    return Epoch{counter, server_id(server)};
  };
  CHECK(b.tables->resolve({epoch(1, 0), seq(2)}) == seq(2));
  CHECK(b.tables->resolve({epoch(3, 1), seq(3)}) == seq(3));
  CHECK(b.tables->resolve({}) == seq(0));
  // Epoch 1 went on elsewhere: both have it up to 2.
  CHECK(b.tables->resolve({epoch(1, 0), seq(9)}) == fork);
  // Of epoch 2 nothing is known yet: somewhere in epoch 1.
  CHECK(b.tables->resolve({epoch(2, 2), seq(9)}) == seq(0));

  const RequestId request{ClientId{{42}}, 1};
  Entry offered =
      operation_entry(request, TimeMs{}, op::SendMessage{ann, message_id(request), ann});
  offered.epoch = epoch(2, 2);
  offered.seq = seq(4);
  b.history.add(must(make_merged_entry(offered, {epoch(1, 0), fork})));
  CHECK(b.run().status == Status::ok);
  CHECK(b.tables->resolve({epoch(2, 2), seq(9)}) == fork);
  CHECK(b.tables->resolve({epoch(2, 2), seq(1)}) == seq(1));
  CHECK(b.tables->request(request)->status == Status::ok);
}

}  // namespace chat262::store::test

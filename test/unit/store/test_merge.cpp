// Two histories that parted are merged: one case a rule of REPLICATION.md, "Merging", in both
// orders where the order makes a difference.
#include <algorithm>

#include "history.hpp"
#include "protocol/names.hpp"

namespace chat262::store::test {

namespace {

const TimeMs far_future{{2'000'000'000'000}};

Hash token(std::uint8_t n) {
  return Hash{{n}};
}

// Two sides with a common beginning.
struct Split {
  History shared;
  History left;
  History right;

  Split() { shared.view(1); }
  void part() {
    left = right = shared;
    left.set_client(0xa1);
    right.set_client(0xb2);
    left.view(2, 0);
    right.view(2, 1);
  }
  [[nodiscard]] Position fork() const { return shared.entries().back().position(); }
};

// `winner`, and what `loser` has above the fork behind it.
History merge(const Split& split, const History& winner, const History& loser) {
  History merged = winner;
  merged.view(winner.entries().back().epoch.counter + 5, 0);
  for (const Entry& entry : loser.above(split.fork().seq)) {
    if (entry.kind == EntryKind::view) continue;
    merged.add(must(make_merged_entry(entry, split.fork())));
  }
  return merged;
}

// What a history comes to.
struct Applied {
  TempDir dir;
  std::unique_ptr<Log> log = open_log(dir.path());
  std::unique_ptr<Tables> tables = open_tables(dir.path(), *log);
  const History& history;

  explicit Applied(const History& all) : history(all) { apply_all(*tables, history); }
  const Tables* operator->() const { return tables.get(); }
  [[nodiscard]] Status outcome(const Entry& of) const {
    const auto found = tables->request(of.request);
    REQUIRE(found);
    return found->status;
  }
  // Texts of a conversation, "!" before an undelivered one, as a reader sees them.
  [[nodiscard]] std::vector<std::string> texts(const ConversationId& conversation) const {
    std::vector<std::string> found;
    for (const auto& item : tables->items_above(conversation, Seq{}, 99)) {
      if (item.kind != Tables::ItemKind::message) continue;
      const Entry& entry = history.entries()[item.seq.value - 1];
      std::string text(entry.text.begin(), entry.text.end());
      if (tables->account(item.who)->deleted) text = "(erased)";
      found.push_back((item.undelivered ? "!" : "") + text);
    }
    return found;
  }
  [[nodiscard]] std::uint64_t unread(const AccountId& account, const AccountId& with) const {
    const auto seen = tables->conversation(account, with);
    REQUIRE(seen);
    return tables->unread(seen->id, account, tables->resolve(seen->read_upto), 99);
  }
  [[nodiscard]] bool told(const AccountId& account, Tables::Happening::Kind kind) const {
    const auto all = tables->happenings(account, Seq{}, 99);
    return std::any_of(all.begin(), all.end(), [kind](const auto& h) { return h.kind == kind; });
  }
};

using Kind = Tables::Happening::Kind;
using Texts = std::vector<std::string>;

Position last(const History& history) {
  return history.entries().back().position();
}

}  // namespace

TEST_CASE("Two registrations of one name: the merged account gets a suffixed name") {
  Split s;
  const AccountId bob = s.shared.register_account("bob");
  s.part();
  const AccountId left = s.left.register_account("ann");
  const AccountId right = s.right.register_account("ann");
  const Entry& session = s.right.add(operation_entry(s.right.next_request(), s.right.next_time(),
                                                     op::OpenSession{right, token(1), far_future}));
  s.right.send(right, bob, "I am ann");

  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a->account_named("ann")->id == left);
  CHECK(a->account(left)->former_name.empty());
  const AccountRecord renamed = *a->account(right);
  CHECK(renamed.name.starts_with("ann~"));
  CHECK(renamed.name.size() == 8);
  CHECK(renamed.former_name == "ann");
  CHECK(renamed.password_hash == "hash of ann");
  CHECK(parse_name(renamed.name)->folded == renamed.folded);
  CHECK(a->account_named(renamed.folded)->id == right);
  REQUIRE(a->accounts_once_named("ann", 9).size() == 1);
  CHECK(a->accounts_once_named("ann", 9).front().id == right);
  CHECK(a->accounts_once_named("an", 9).empty());
  CHECK(a->session(token(1))->account == right);
  CHECK(a.outcome(session) == Status::ok);
  CHECK(a.told(right, Kind::renamed));
  CHECK_FALSE(a.told(left, Kind::renamed));
  CHECK(a.texts(direct_conversation(right, bob)) == Texts{"I am ann"});

  // The other way round the other one is renamed; and the same one always gets the same name.
  const History reverse = merge(s, s.right, s.left);
  const Applied b(reverse);
  CHECK(b->account_named("ann")->id == right);
  CHECK(b->account(left)->name.starts_with("ann~"));
  CHECK(b->account(left)->name != renamed.name);
  const Applied again(history);
  CHECK(again->digest() == a->digest());
}

TEST_CASE("A suffixed name is legal, free and at most 64 bytes") {
  Split s;
  s.part();
  const std::string longest = std::string(30, 'X') + std::string(2, 'Y') + "\u00e9\u00e9" +
                              std::string(28, 'Z');  // 64 bytes
  REQUIRE(longest.size() == 64);
  const Name name = *parse_name(longest);
  const auto add = [&name](History& side) {
    const RequestId request = side.next_request();
    side.add(operation_entry(request, side.next_time(),
                             op::Register{account_id(request), name.shown, name.folded, "x"}));
    return account_id(request);
  };
  add(s.left);
  const AccountId right = add(s.right);
  const History history = merge(s, s.left, s.right);
  const AccountRecord renamed = *Applied(history)->account(right);
  CHECK(renamed.name.size() <= 64);
  const auto parsed = parse_name(renamed.name);
  REQUIRE(parsed);
  CHECK(parsed->shown == renamed.name);
  CHECK(parsed->folded == renamed.folded);
  CHECK(renamed.former_name == name.shown);

  // Somebody on the winning side has the suffixed name already.
  s.left.register_account(renamed.folded);
  const History crowded = merge(s, s.left, s.right);
  const Applied c(crowded);
  CHECK(c->account(right)->folded != renamed.folded);
  CHECK(c->account_named(c->account(right)->folded)->id == right);
  CHECK(parse_name(c->account(right)->name)->folded == c->account(right)->folded);
}

TEST_CASE("A name that its own side refused stays refused when it is merged") {
  Split s;
  s.shared.register_account("bob");
  s.part();
  s.left.register_account("eve");
  const AccountId first = s.right.register_account("ann");
  const Entry& second =
      s.right.add(operation_entry(s.right.next_request(), s.right.next_time(),
                                  op::Register{AccountId{{9}}, "ann", "ann", "x"}));
  const Entry& bob = s.right.add(operation_entry(s.right.next_request(), s.right.next_time(),
                                                 op::Register{AccountId{{8}}, "bob", "bob", "x"}));
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a->account_named("ann")->id == first);
  CHECK(a.outcome(second) == Status::name_taken);
  CHECK(a.outcome(bob) == Status::name_taken);
  CHECK_FALSE(a->account(AccountId{{9}}));
}

TEST_CASE("What was renamed once is renamed again when its history is merged into a third") {
  Split inner;
  inner.part();
  inner.left.register_account("ann");
  const AccountId right = inner.right.register_account("ann");
  const Split outer = [&inner] {
    Split s;
    s.shared = inner.shared;
    s.left = s.shared;
    s.left.set_client(0xc3);
    s.left.view(9, 2);
    s.left.register_account("eve");
    s.right = merge(inner, inner.left, inner.right);
    return s;
  }();
  const std::string name = Applied(outer.right)->account(right)->name;
  const History history = merge(outer, outer.left, outer.right);
  const Applied a(history);
  CHECK(a->account(right)->name == name);
  CHECK(a->account_named("ann")->id != right);
  CHECK(a->account_named("eve"));
}

TEST_CASE("Rooms of one name: the merged one gets a suffixed name, its members keep it") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  s.part();
  const RoomId left = s.left.create_room(ann, "tea");
  const RoomId right = s.right.create_room(bob, "tea");
  s.right.operation(op::JoinRoom{ann, right});
  s.right.send(ann, right, "here");
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a->room_named("tea")->id == left);
  CHECK(a->room(right)->name.starts_with("tea~"));
  CHECK(a->room(right)->former_name == "tea");
  CHECK(a->room_named(a->room(right)->folded)->id == right);
  CHECK(a->room(right)->members == 2);
  CHECK(a->is_member(right, ann));
  CHECK(a->is_member(right, bob));
  CHECK(a.texts(room_conversation(right)) == Texts{"here"});
  const History reverse = merge(s, s.right, s.left);
  const Applied b(reverse);
  CHECK(b->room_named("tea")->id == right);
  CHECK(b->room(left)->name.starts_with("tea~"));
  CHECK(b->is_member(left, ann));
}

TEST_CASE("A message to an account deleted on the other side stays with its sender, undelivered") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  const AccountId eve = s.shared.register_account("eve");
  s.shared.send(ann, bob, "before");
  s.part();
  s.left.operation(op::DeleteAccount{bob});
  const Entry first = s.right.send(ann, bob, "after");
  const Entry second = s.right.send(eve, bob, "the first word of eve");

  SECTION("the message is merged") {
    const History history = merge(s, s.left, s.right);
    const Applied a(history);
    CHECK(a->account(bob)->deleted);
    CHECK(a.outcome(first) == Status::ok);
    CHECK(a.outcome(second) == Status::ok);
    CHECK(a.texts(direct_conversation(ann, bob)) == Texts{"before", "!after"});
    CHECK(a.texts(direct_conversation(eve, bob)) == Texts{"!the first word of eve"});
    CHECK(a->conversation(ann, bob));
    CHECK(a->conversation(eve, bob));
    CHECK_FALSE(a->conversation(bob, ann));
    CHECK_FALSE(a->conversation(bob, eve));
    const auto events = a->happenings(eve, s.fork().seq, 9);
    REQUIRE(events.size() == 1);
    CHECK(events.front().undelivered_message);
  }
  SECTION("the deletion is merged") {
    const History history = merge(s, s.right, s.left);
    const Applied a(history);
    CHECK(a->account(bob)->deleted);
    CHECK(a.texts(direct_conversation(ann, bob)) == Texts{"before", "!after"});
    CHECK(a.told(ann, Kind::undelivered));
    CHECK(a.told(eve, Kind::undelivered));
    CHECK_FALSE(a->conversation(bob, ann));
  }
  SECTION("a message that the deleting side knew was delivered") {
    s.left = s.shared;
    s.left.view(2, 0);
    s.left.send(ann, bob, "read in time");
    s.left.operation(op::DeleteAccount{bob});
    const History history = merge(s, s.right, s.left);
    const Applied a(history);
    CHECK(a.texts(direct_conversation(ann, bob)) == Texts{"before", "!after", "read in time"});
  }
}

TEST_CASE("Merged messages of a deleted account are kept without their text") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  const AccountId eve = s.shared.register_account("eve");
  const RoomId room = s.shared.create_room(ann, "tea");
  s.shared.operation(op::JoinRoom{bob, room});
  s.part();
  s.left.operation(op::DeleteAccount{bob});
  const Entry to_ann = s.right.send(bob, ann, "secret");
  const Entry to_room = s.right.send(bob, room, "secret too");
  const RoomId cake = s.right.create_room(bob, "cake");
  s.right.operation(op::JoinRoom{eve, cake});
  const Entry to_cake = s.right.send(bob, cake, "secret three");

  for (const bool deletion_first : {true, false}) {
    const History history = deletion_first ? merge(s, s.left, s.right) : merge(s, s.right, s.left);
    Applied a(history);
    CHECK(a->account(bob)->deleted);
    for (const Entry& entry : {to_ann, to_room, to_cake}) CHECK(a.outcome(entry) == Status::ok);
    CHECK(a.texts(direct_conversation(ann, bob)) == Texts{"(erased)"});
    CHECK(a.texts(room_conversation(room)) == Texts{"(erased)"});
    CHECK(a.texts(room_conversation(cake)) == Texts{"(erased)"});
    CHECK(a->conversation(ann, bob));
    CHECK_FALSE(a->conversation(bob, ann));
    CHECK_FALSE(a->is_member(room, bob));
    CHECK_FALSE(a->is_member(cake, bob));
    CHECK(a->is_member(cake, eve));
    CHECK(a->room(cake)->members == 1);
    // And the texts are gone from the disk.
    write_all(*a.log, history);
    flush(*a.tables, *a.log, history.last());
    for (const Entry& entry : must(a.log->read(seq(1), history.last(), 1 << 20))) {
      const auto decoded = decode_operation(entry);
      if (!decoded || !std::holds_alternative<op::SendMessage>(decoded->operation.body)) continue;
      CHECK(entry.erased);
      CHECK(entry.text.empty());
    }
  }
}

TEST_CASE("Nothing that is merged brings a deleted account back") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  const RoomId room = s.shared.create_room(ann, "tea");
  s.part();
  s.left.operation(op::DeleteAccount{bob});
  const std::vector<std::pair<OperationBody, Status>> operations = {
      {op::OpenSession{bob, token(1), far_future}, Status::not_signed_in},
      {op::CloseAllSessions{bob}, Status::ok},
      {op::ChangePassword{bob, "new", token(1)}, Status::not_signed_in},
      {op::JoinRoom{bob, room}, Status::ok},
      {op::LeaveRoom{bob, room}, Status::ok},
      {op::MarkRead{bob, ann, {}}, Status::not_signed_in},
      {op::DeleteAccount{bob}, Status::ok},
  };
  std::vector<Entry> entries;
  for (const auto& [body, status] : operations) entries.push_back(s.right.operation(body));
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    INFO(i);
    CHECK(a.outcome(entries[i]) == operations[i].second);
  }
  CHECK(a->account(bob)->deleted);
  CHECK(a->account(bob)->password_hash.empty());
  CHECK_FALSE(a->session(token(1)));
  CHECK_FALSE(a->is_member(room, bob));
  CHECK(a->room(room)->members == 1);
  CHECK(a->conversations(bob, {}, 9).items.empty());
}

TEST_CASE("Joined or left in both histories is no refusal; the merged step counts as the later") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  const AccountId eve = s.shared.register_account("eve");
  const RoomId room = s.shared.create_room(ann, "tea");
  s.shared.operation(op::JoinRoom{eve, room});
  s.part();
  s.left.operation(op::JoinRoom{bob, room});
  s.left.operation(op::LeaveRoom{eve, room});
  s.left.operation(op::LeaveRoom{ann, room});
  const Entry joined = s.right.operation(op::JoinRoom{bob, room});
  const Entry wrote = s.right.send(eve, room, "I am still here");
  const Entry left = s.right.operation(op::LeaveRoom{eve, room});
  const Entry stranger = s.right.operation(op::LeaveRoom{bob, RoomId{{7}}});
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a.outcome(joined) == Status::ok);
  CHECK(a.outcome(left) == Status::ok);
  CHECK(a.outcome(stranger) == Status::no_such_room);
  CHECK(a.outcome(wrote) == Status::ok);
  CHECK(a.texts(room_conversation(room)) == Texts{"I am still here"});
  CHECK(a->is_member(room, bob));
  CHECK_FALSE(a->is_member(room, eve));
  CHECK(a->room(room)->members == 1);
  const auto items = a->items_above(room_conversation(room), s.fork().seq, 99);
  CHECK(std::count_if(items.begin(), items.end(), [&](const auto& item) {
          return item.who == bob && item.kind == Tables::ItemKind::joined;
        }) == 1);
}

TEST_CASE("Who was no member there either cannot write into a room by a merge") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  const RoomId room = s.shared.create_room(ann, "tea");
  s.part();
  const Entry never = s.right.send(bob, room, "never in");
  s.right.operation(op::LeaveRoom{ann, room});
  const Entry after = s.right.send(ann, room, "already out");
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a.outcome(never) == Status::not_a_member);
  CHECK(a.outcome(after) == Status::not_a_member);
  CHECK(a.texts(room_conversation(room)).empty());
}

TEST_CASE("Password changed on both sides: the later change stands, with the session it kept") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.shared.operation(op::OpenSession{ann, token(1), far_future});
  s.shared.operation(op::OpenSession{ann, token(2), far_future});
  s.part();
  const auto change = [ann](History& side, std::int64_t time, const char* hash, std::uint8_t keep) {
    return side.add(operation_entry(side.next_request(), TimeMs{{time}},
                                    op::ChangePassword{ann, hash, token(keep)}));
  };
  const Entry earlier = change(s.left, 1'800'000'000'000, "earlier", 1);
  s.left.operation(op::OpenSession{ann, token(3), far_future});
  const Entry later = change(s.right, 1'800'000'000'001, "later", 2);
  s.right.operation(op::OpenSession{ann, token(4), far_future});

  SECTION("the later one is merged: only its own sessions stay") {
    const History history = merge(s, s.left, s.right);
    const Applied a(history);
    CHECK(a->account(ann)->password_hash == "later");
    CHECK_FALSE(a->session(token(1)));
    CHECK_FALSE(a->session(token(3)));
    CHECK(a->session(token(4)));
    // token 2 was ended by the first change in this log; nothing brings a session back.
    CHECK_FALSE(a->session(token(2)));
    CHECK(a.outcome(earlier) == Status::ok);
    CHECK(a.outcome(later) == Status::ok);
  }
  SECTION("the earlier one is merged: it is void") {
    const History history = merge(s, s.right, s.left);
    const Applied a(history);
    CHECK(a->account(ann)->password_hash == "later");
    CHECK(a->session(token(2)));
    CHECK(a->session(token(4)));
    CHECK_FALSE(a->session(token(1)));
    CHECK_FALSE(a->session(token(3)));
    CHECK(a.outcome(earlier) == Status::ok);
  }
}

TEST_CASE("Sessions opened with a password that the other side had changed end with the split") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.part();
  s.left.operation(op::OpenSession{ann, token(3), far_future});
  s.left.operation(op::ChangePassword{ann, "new", token(3)});
  const Entry opened = s.right.operation(op::OpenSession{ann, token(1), far_future});
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a.outcome(opened) == Status::wrong_credentials);
  CHECK_FALSE(a->session(token(1)));
  CHECK(a->session(token(3)));
  const History reverse = merge(s, s.right, s.left);
  const Applied b(reverse);
  CHECK_FALSE(b->session(token(1)));
  CHECK(b->session(token(3)));
}

TEST_CASE("Log out everywhere ends what was opened before it, on either side") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.part();
  const auto at = [ann](History& side, std::int64_t time, OperationBody body) {
    return side.add(operation_entry(side.next_request(), TimeMs{{time}}, std::move(body)));
  };
  at(s.left, 1'800'000'000'005, op::CloseAllSessions{ann});
  const Entry before = at(s.right, 1'800'000'000'001, op::OpenSession{ann, token(1), far_future});
  const Entry after = at(s.right, 1'800'000'000'009, op::OpenSession{ann, token(2), far_future});
  for (const bool reverse : {false, true}) {
    const History history = reverse ? merge(s, s.right, s.left) : merge(s, s.left, s.right);
    const Applied a(history);
    CHECK_FALSE(a->session(token(1)));
    CHECK(a->session(token(2)));
    CHECK(a.outcome(after) == Status::ok);
    CHECK(a.outcome(before) == (reverse ? Status::ok : Status::not_signed_in));
  }
  SECTION("a session that ended on both sides") {
    s.left.operation(op::OpenSession{ann, token(5), far_future});
    const Entry closed = s.right.operation(op::CloseSession{ann, token(7)});
    const History history = merge(s, s.left, s.right);
    const Applied a(history);
    CHECK(a.outcome(closed) == Status::ok);
  }
}

TEST_CASE("Read markers: what was read on the other side stays read, what was not does not") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  const AccountId bob = s.shared.register_account("bob");
  const AccountId eve = s.shared.register_account("eve");
  s.shared.send(bob, ann, "old");
  s.part();
  s.left.send(eve, ann, "eve, left");
  s.right.send(bob, ann, "new 1");
  s.right.send(bob, ann, "new 2");
  s.right.operation(op::MarkRead{ann, bob, last(s.right)});
  s.right.send(bob, ann, "new 3");

  SECTION("nothing else was written in the conversation") {
    const History history = merge(s, s.left, s.right);
    const Applied a(history);
    CHECK(a.unread(ann, bob) == 1);
    CHECK(a.unread(ann, eve) == 1);
  }
  SECTION("the other side has an unread message before them") {
    s.left.send(bob, ann, "left, unread");
    const History history = merge(s, s.left, s.right);
    CHECK(Applied(history).unread(ann, bob) == 4);
  }
  SECTION("it was read there too") {
    s.left.send(bob, ann, "left, read");
    s.left.operation(op::MarkRead{ann, bob, last(s.left)});
    const History history = merge(s, s.left, s.right);
    CHECK(Applied(history).unread(ann, bob) == 1);
  }
  SECTION("a marker that is lower changes nothing") {
    s.left.send(bob, ann, "left, read");
    s.left.operation(op::MarkRead{ann, bob, last(s.left)});
    s.right = s.shared;
    s.right.set_client(0xb2);
    s.right.view(2, 1);
    s.right.operation(op::MarkRead{ann, bob, s.fork()});
    const History history = merge(s, s.left, s.right);
    CHECK(Applied(history).unread(ann, bob) == 0);
  }
}

TEST_CASE("A cursor of the merged history goes on where the two parted") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.part();
  s.left.send(ann, ann, "left");
  s.right.send(ann, ann, "right 1");
  const Position seen = last(s.right);
  s.right.send(ann, ann, "right 2");
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  const Seq from = a->resolve(seen);
  CHECK(from == s.fork().seq);
  CHECK(a->happenings(ann, from, 9).size() == 3);
  CHECK(a->resolve(last(s.left)) == last(s.left).seq);
  CHECK(a->resolve(s.fork()) == s.fork().seq);
}

TEST_CASE("A merged operation keeps its time, its author and its request id") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.part();
  s.left.operation(op::CloseAllSessions{ann});
  const Entry sent = s.right.send(ann, ann, "late");
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  const Outcome outcome = *a->request(sent.request);
  const Operation original = decode_operation(sent)->operation;
  CHECK(outcome.time == original.time);
  CHECK(outcome.fingerprint == original.fingerprint);
  CHECK(outcome.at == last(history));
  CHECK(decode_operation(history.entries().back())->operation == original);
}

}  // namespace chat262::store::test

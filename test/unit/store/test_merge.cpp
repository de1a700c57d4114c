// Deletions, messages and memberships of two histories that are merged: one case a rule.
#include "merge.hpp"

namespace chat262::store::test {

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

}  // namespace chat262::store::test

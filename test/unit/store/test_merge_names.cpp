// Names that both histories gave: one case a rule, in both orders.
#include "merge.hpp"
#include "protocol/names.hpp"

namespace chat262::store::test {

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

}  // namespace chat262::store::test

// Passwords, sessions, read markers and cursors of two histories that are merged.
#include "merge.hpp"

namespace chat262::store::test {

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

// Invitations, suspensions, codes for a new password, hashes made anew; alone and merged.
#include "merge.hpp"

namespace chat262::store::test {

namespace {

const Hash code{{42}};

op::Register invited(const std::string& name, std::uint8_t id) {
  return {AccountId{{id}}, name, name, "hash", code};
}

Hash hash_of_text(const std::string& text) {
  return hash_of(Bytes(text.begin(), text.end()));
}

}  // namespace

TEST_CASE("An invitation is good for as many accounts as it says, until its day") {
  History history;
  history.view(1);
  history.operation(op::CreateInvitation{code, 2, far_future, "root"});
  history.operation(op::CreateInvitation{code, 9, far_future, "root"});  // said twice
  const Entry one = history.operation(invited("ann", 1));
  const Entry taken = history.operation(invited("ann", 2));
  const Entry two = history.operation(invited("bob", 3));
  const Entry three = history.operation(invited("cid", 4));
  const Entry unknown =
      history.operation(op::Register{AccountId{{5}}, "dan", "dan", "hash", Hash{{9}}});
  history.operation(op::CreateInvitation{Hash{{1}}, 1, TimeMs{{1}}, "root"});
  const Entry late =
      history.operation(op::Register{AccountId{{6}}, "eve", "eve", "hash", Hash{{1}}});
  const Entry free = history.operation(op::Register{AccountId{{7}}, "fay", "fay", "hash"});
  const Applied a(history);
  CHECK(a.outcome(one) == Status::ok);
  CHECK(a.outcome(taken) == Status::name_taken);  // which takes no use
  CHECK(a.outcome(two) == Status::ok);
  CHECK(a.outcome(three) == Status::no_permission);
  CHECK_FALSE(a->account_named("cid"));
  CHECK(a.outcome(unknown) == Status::no_permission);
  CHECK(a.outcome(late) == Status::no_permission);
  CHECK(a.outcome(free) == Status::ok);
  CHECK(a->invitation(code)->uses == 0);
}

TEST_CASE("The last use of an invitation, taken on both sides of a split, lets both stay") {
  Split s;
  s.shared.operation(op::CreateInvitation{code, 1, far_future, "root"});
  s.part();
  s.left.operation(invited("ann", 1));
  const Entry other = s.right.operation(invited("bob", 2));
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a.outcome(other) == Status::ok);
  CHECK(a->account_named("bob"));
  CHECK(a->invitation(code)->uses == 0);
}

TEST_CASE("A suspended account has no session and gets none") {
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  history.operation(op::OpenSession{ann, token(1), far_future});
  const Entry suspended = history.operation(op::SuspendAccount{ann, true, "root"});
  const Entry refused = history.operation(op::OpenSession{ann, token(2), far_future});
  {
    const Applied a(history);
    CHECK(a.outcome(suspended) == Status::ok);
    CHECK_FALSE(a->session(token(1)));
    CHECK(a.outcome(refused) == Status::suspended);
    CHECK(a->account(ann)->suspended);
    CHECK_FALSE(a->account(ann)->deleted);
  }
  history.operation(op::SuspendAccount{ann, false, "root"});
  const Entry again = history.operation(op::OpenSession{ann, token(3), far_future});
  const Entry nobody = history.operation(op::SuspendAccount{AccountId{{9}}, true, "root"});
  const Applied a(history);
  CHECK(a.outcome(again) == Status::ok);
  CHECK_FALSE(a->account(ann)->suspended);
  CHECK(a.outcome(nobody) == Status::no_such_user);
}

TEST_CASE("A suspension of either side wins over what the other side did") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.shared.operation(op::SuspendAccount{ann, true, "root"});
  s.part();
  s.left.operation(op::SuspendAccount{ann, false, "left"});
  s.left.operation(op::OpenSession{ann, token(1), far_future});
  SECTION("suspended anew there, ended here") {
    s.right.operation(op::SuspendAccount{ann, true, "right"});
  }
  SECTION("the other way round") {
    std::swap(s.left, s.right);
    s.left.operation(op::SuspendAccount{ann, true, "right"});
  }
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a->account(ann)->suspended);
  CHECK_FALSE(a->session(token(1)));
}

TEST_CASE("The end of a suspension that both sides knew is merged") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.shared.operation(op::SuspendAccount{ann, true, "root"});
  s.part();
  s.right.operation(op::SuspendAccount{ann, false, "right"});
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK_FALSE(a->account(ann)->suspended);
}

TEST_CASE("A code sets a new password once, ends all sessions, and the newest code counts") {
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  history.operation(op::OpenSession{ann, token(1), far_future});
  history.operation(op::OfferReset{ann, Hash{{1}}, far_future, "root"});
  history.operation(op::OfferReset{ann, code, far_future, "root"});
  const Entry older = history.operation(op::ResetPassword{ann, Hash{{1}}, "older"});
  const Entry right = history.operation(op::ResetPassword{ann, code, "new"});
  const Entry again = history.operation(op::ResetPassword{ann, code, "again"});
  history.operation(op::OfferReset{ann, Hash{{2}}, TimeMs{{1}}, "root"});
  const Entry late = history.operation(op::ResetPassword{ann, Hash{{2}}, "late"});
  const Applied a(history);
  CHECK(a.outcome(older) == Status::wrong_credentials);
  CHECK(a.outcome(right) == Status::ok);
  CHECK(a.outcome(again) == Status::wrong_credentials);
  CHECK(a.outcome(late) == Status::wrong_credentials);
  CHECK(a->account(ann)->password_hash == "new");
  CHECK_FALSE(a->session(token(1)));
}

TEST_CASE("A code that both sides used is as two changes of the password") {
  Split s;
  const AccountId ann = s.shared.register_account("ann");
  s.shared.operation(op::OfferReset{ann, code, far_future, "root"});
  s.part();
  const auto reset = [ann](History& side, std::int64_t time, const char* hash) {
    return side.add(
        operation_entry(side.next_request(), TimeMs{{time}}, op::ResetPassword{ann, code, hash}));
  };
  reset(s.left, 1'800'000'000'000, "earlier");
  const Entry later = reset(s.right, 1'800'000'000'001, "later");
  const Entry twice = reset(s.right, 1'800'000'000'002, "twice");
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a.outcome(later) == Status::ok);
  CHECK(a->account(ann)->password_hash == "later");
  CHECK(a.outcome(twice) == Status::wrong_credentials);  // as on its own side
}

TEST_CASE("A hash made anew is void if the password was changed meanwhile, and ends no session") {
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  const std::string before = [&] {
    const Applied a(history);
    return a->account(ann)->password_hash;
  }();
  history.operation(op::OpenSession{ann, token(1), far_future});
  history.operation(op::Rehash{ann, hash_of_text(before), "costly"});
  const Entry stale = history.operation(op::Rehash{ann, hash_of_text(before), "stale"});
  const Applied a(history);
  CHECK(a->account(ann)->password_hash == "costly");
  CHECK(a->session(token(1)));
  CHECK(a.outcome(stale) == Status::ok);
}

}  // namespace chat262::store::test

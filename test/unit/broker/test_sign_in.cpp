// Guessing, passwords made anew, invitations, and what operators do, through service and desk.
#include "broker/account_desk.hpp"
#include "protocol/codes.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

namespace {

const std::string password = "a long password";

struct One {
  TempDirectory directory;
  Server server;
  Client client{server};
  AccountDesk desk{server.node(), server.tables()};
  std::uint64_t asked = 0;

  explicit One(ClusterConfig rules = {}) : server(directory.path(), 1, rules) { server.pass(3000); }

  Reply log_in_from(const std::string& address, const std::string& name, const std::string& with) {
    Client other(server);
    auto request = other.make(request::LogIn{name, with, random_token()});
    request.address = address;
    return server.get(request);
  }
  static Bytes random_token() {
    static std::uint8_t next = 0;
    Bytes token(32, ++next);
    token[1] = 77;
    return token;
  }
  Reply operate(RequestBody body, std::optional<ServerId> outdated = {}) {
    Request request;
    request.client.bytes[0] = 9;
    request.number = ++asked;
    request.body = std::move(body);
    desk.ask(asked, request, outdated, server.now());
    server.work();
    const auto answers = desk.take_answers(server.now());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].first == asked);
    return answers[0].second;
  }
};

ClusterConfig with(Registration registration) {
  ClusterConfig rules;
  rules.registration = registration;
  return rules;
}

ClusterConfig costing(unsigned memory_mib, unsigned passes) {
  ClusterConfig rules;
  rules.password = {memory_mib, passes};
  return rules;
}

const std::string code = "7K3QF-0M9XW-2TVNB-A8RZD";

}  // namespace

TEST_CASE_METHOD(One, "too many wrong passwords are not even hashed, whoever has the name") {
  client.sign_up("alice");
  const bool exists = GENERATE(true, false);
  const std::string name = exists ? "alice" : "nobody";
  for (int i = 0; i < 8; ++i) {
    CHECK(log_in_from("192.0.2.7", name, "wrong password").status == Status::wrong_credentials);
  }
  Client other(server);
  auto request = other.make(request::LogIn{name, password, random_token()});
  request.address = "192.0.2.7";
  const auto to = server.ask(request);
  CHECK(server.jobs() == 0);
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::too_many);
  CHECK(body_of<reply::ErrorBody>(*server.reply_to(to)).retry_ms == 2'000);
  // The session goes on, and so does the account from elsewhere.
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::ok);
  if (exists) CHECK(log_in_from("192.0.2.8", name, password).status == Status::ok);
  server.pass(2'010);
  if (exists) CHECK(log_in_from("192.0.2.7", name, password).status == Status::ok);
}

TEST_CASE_METHOD(One, "a password that is too long counts as a wrong one") {
  client.sign_up("alice");
  for (int i = 0; i < 8; ++i) {
    CHECK(log_in_from("192.0.2.7", "alice", std::string(129, 'x')).status ==
          Status::wrong_credentials);
  }
  CHECK(log_in_from("192.0.2.7", "alice", password).status == Status::too_many);
  CHECK(server.jobs() == 0);
}

TEST_CASE_METHOD(One, "a stolen token is no key to the password") {
  client.sign_up("alice");
  for (int i = 0; i < 8; ++i) {
    CHECK(client.get(request::DeleteAccount{"wrong password"}).status == Status::wrong_credentials);
  }
  CHECK(client.get(request::DeleteAccount{password}).status == Status::too_many);
  CHECK(client.get(request::ChangePassword{password, "another one"}).status == Status::too_many);
}

TEST_CASE_METHOD(One,
                 "a stolen token guesses no faster from many addresses, and locks nobody out") {
  Client home(server);
  home.sign_up("bob");
  auto log_in = home.make(request::LogIn{"bob", password, random_token()});
  log_in.address = "192.0.2.7";
  REQUIRE(server.get(log_in).status == Status::ok);
  const auto try_from = [&](const std::string& address, const std::string& old) {
    auto request = home.make(request::ChangePassword{old, "another password"});
    request.address = address;
    return server.get(request).status;
  };
  int wrong = 0;
  for (int i = 0; i < 60; ++i) {
    const auto status = try_from("10.0.0." + std::to_string(i), "wrong password");
    CHECK((status == Status::wrong_credentials || status == Status::too_many));
    wrong += status == Status::wrong_credentials ? 1 : 0;
  }
  CHECK(wrong == 30);
  CHECK(log_in_from("192.0.2.8", "bob", password).status == Status::ok);
  CHECK(try_from("192.0.2.7", password) == Status::ok);
}

TEST_CASE("a hash that is too cheap is made anew when its owner signs in") {
  TempDirectory directory;
  const auto hash = [](Server& server) {
    return server.tables().account_named("alice")->password_hash;
  };
  std::string before;
  {
    Server server(directory.path(), 1, costing(8, 1));
    server.pass(3000);
    Client client(server);
    client.sign_up("alice");
    before = hash(server);
    CHECK(before.find("m=8192,t=1") != std::string::npos);
    Client again(server);
    CHECK(again.log_in("alice", password).status == Status::ok);
    CHECK(hash(server) == before);
  }
  Server server(directory.path(), 1, costing(9, 2));
  server.pass(3000);
  Client client(server);
  CHECK(client.log_in("alice", "wrong password").status == Status::wrong_credentials);
  CHECK(hash(server) == before);
  // Two at once: the second was verified against the hash that the first replaces.
  const auto one = client.ask(request::LogIn{"alice", password, Bytes(32, 1)});
  const auto two = client.ask(request::LogIn{"alice", password, Bytes(32, 2)});
  server.work();
  CHECK(server.reply_to(one)->status == Status::ok);
  CHECK(server.reply_to(two)->status == Status::ok);
  CHECK(hash(server).find("m=9216,t=2") != std::string::npos);
  client.token = Bytes(32, 1);
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::ok);
}

TEST_CASE("where registration is closed nobody registers") {
  One one(with(Registration::closed));
  CHECK(one.client.get(request::Register{"alice", password}).status == Status::no_permission);
}

TEST_CASE("an invitation lets in as many as it is for, also if they come at once") {
  One one(with(Registration::invitation));
  CHECK(one.client.get(request::Register{"alice", password}).status == Status::no_permission);
  CHECK(one.client.get(request::Register{"alice", password, code}).status == Status::no_permission);
  REQUIRE(one.operate(request::Invite{*code_hash(code), 2, 7, "root"}).status == Status::ok);
  CHECK(one.client.get(request::Register{"alice", password, "7k3qf om9xw 2tvnb a8rzd"}).status ==
        Status::ok);
  const auto first = one.client.ask(request::Register{"bob", password, code});
  const auto second = one.client.ask(request::Register{"cid", password, code});
  one.server.work();
  CHECK(one.server.reply_to(first)->status == Status::ok);
  CHECK(one.server.reply_to(second)->status == Status::no_permission);
  CHECK(error_text(*one.server.reply_to(second)).find("used up") != std::string::npos);
  CHECK(one.client.get(request::Register{"dan", password, code}).status == Status::no_permission);
}

TEST_CASE("who guesses invitations is slowed down like who registers") {
  One one(with(Registration::invitation));
  REQUIRE(one.operate(request::Invite{*code_hash(code), 1, 7, "root"}).status == Status::ok);
  const auto from = [&](const std::string& address, const std::string& invitation) {
    auto request = one.client.make(request::Register{"alice", password, invitation});
    request.address = address;
    return one.server.get(request).status;
  };
  for (int i = 0; i < 5; ++i) CHECK(from("192.0.2.7", "") == Status::no_permission);
  for (int i = 0; i < 20; ++i) {
    CHECK(from("192.0.2.7", "7K3QF-0M9XW-2TVNB-A8RZE") == Status::no_permission);
  }
  CHECK(from("192.0.2.7", "7K3QF-0M9XW-2TVNB-A8RZE") == Status::too_many);
  CHECK(from("192.0.2.7", code) == Status::too_many);
  CHECK(one.server.jobs() == 0);
  CHECK(from("192.0.2.8", code) == Status::ok);
}

TEST_CASE("one address registers so many accounts an hour, and no more") {
  One one(costing(8, 1));
  Status status = Status::ok;
  int made = 0;
  for (; made < 30 && status == Status::ok; ++made) {
    auto request = one.client.make(request::Register{"user" + std::to_string(made), password});
    request.address = "192.0.2.7";
    status = one.server.get(request).status;
  }
  CHECK(made == 21);
  CHECK(status == Status::too_many);
}

TEST_CASE_METHOD(One, "operators see accounts, suspend them and log them out") {
  client.sign_up("alice");
  Client bob(server);
  bob.sign_up("bob");
  REQUIRE(bob.get(request::DeleteAccount{password}).status == Status::ok);
  const auto listed = operate(request::ListAccounts{"*", "", 10});
  const auto& all = body_of<reply::AccountStates>(listed).accounts;
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "alice");
  CHECK(all[0].sessions == 1);
  CHECK(all[1].deleted);
  CHECK(body_of<reply::AccountShown>(operate(request::ShowAccount{"ALICE"})).sessions.size() == 1);
  CHECK(operate(request::ShowAccount{"nobody"}).status == Status::no_such_user);

  CHECK(operate(request::SuspendAccount{"alice", true, "root"}, server_id(1)).status ==
        Status::unavailable);
  CHECK(operate(request::SuspendAccount{"alice", true, "root"}).status == Status::ok);
  CHECK(operate(request::SuspendAccount{"alice", true, "root"}).status == Status::bad_argument);
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
  Client again(server);
  CHECK(again.log_in("alice", "wrong password").status == Status::wrong_credentials);
  CHECK(again.log_in("alice", password).status == Status::suspended);
  CHECK(operate(request::SuspendAccount{"alice", false, "root"}).status == Status::ok);
  CHECK(again.log_in("alice", password).status == Status::ok);
  CHECK(operate(request::LogOutAccount{"alice", "root"}).status == Status::ok);
  CHECK(again.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
  CHECK(operate(request::RemoveAccount{"alice", "root"}).status == Status::ok);
  CHECK(again.log_in("alice", password).status == Status::wrong_credentials);
  CHECK(operate(request::RemoveAccount{"alice", "root"}).status == Status::no_such_user);
}

TEST_CASE_METHOD(One, "a code sets a new password once") {
  client.sign_up("alice");
  Client other(server);
  const request::ResetPassword reset{"alice", code, "a new password"};
  CHECK(other.get(reset).status == Status::wrong_credentials);
  const auto made = operate(request::OfferReset{"alice", *code_hash(code), "root"});
  REQUIRE(made.status == Status::ok);
  CHECK(body_of<reply::AccountShown>(operate(request::ShowAccount{"alice"})).reset_until ==
        body_of<reply::CodeMade>(made).expires);
  CHECK(other.get(request::ResetPassword{"alice", code, "short"}).status == Status::bad_password);
  CHECK(other.get(request::ResetPassword{"nobody", code, "a new password"}).status ==
        Status::wrong_credentials);
  CHECK(other.get(reset).status == Status::ok);
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
  CHECK(other.get(reset).status == Status::wrong_credentials);
  CHECK(other.log_in("alice", password).status == Status::wrong_credentials);
  CHECK(other.log_in("alice", "a new password").status == Status::ok);
}

TEST_CASE_METHOD(One, "a code is guessed no faster than a password") {
  client.sign_up("alice");
  REQUIRE(operate(request::OfferReset{"alice", *code_hash(code), "root"}).status == Status::ok);
  Client other(server);
  for (int i = 0; i < 8; ++i) {
    CHECK(other.get(request::ResetPassword{"alice", "00000-00000-00000-00000", password}).status ==
          Status::wrong_credentials);
  }
  CHECK(other.get(request::ResetPassword{"alice", code, password}).status == Status::too_many);
}

TEST_CASE("codes are read as people type them") {
  const auto hash = code_hash(code);
  REQUIRE(hash);
  CHECK(code_hash("7k3qfom9xw2tvnba8rzd") == hash);
  CHECK(code_hash(" 7K3QF 0M9XW-2TVNB  A8RZD ") == hash);
  CHECK_FALSE(code_hash("7K3QF-0M9XW-2TVNB-A8RZ"));
  CHECK_FALSE(code_hash("7K3QF-0M9XW-2TVNB-A8RZU"));
  const Bytes random{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 31, 32, 33, 34, 255, 36, 37, 38, 39};
  CHECK(code_hash(code_text(random)));
  CHECK(code_text(random).size() == 23);
}

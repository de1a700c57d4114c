// The node: tables that are behind the log, restarts, failed writes.
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

namespace {
void talk(Server& server, int messages) {
  server.pass(3000);
  Client alice(server);
  alice.sign_up("alice");
  for (int i = 0; i < messages; ++i) {
    REQUIRE(alice.get(request::Send{user("alice"), std::to_string(i), {}}).status == Status::ok);
  }
}
}  // namespace

TEST_CASE("a restart applies the log from where the tables stand") {
  const TempDirectory directory;
  Hash digest{};
  Seq last{};
  const bool some_written = GENERATE(false, true);
  {
    Server server(directory.path());
    talk(server, 20);
    if (some_written) server.write_tables();
    digest = server.tables().digest();
    last = server.tables().applied();
  }
  Server server(directory.path());
  server.pass(5000);
  // The new leadership's view stands above; it changes no table.
  CHECK(server.tables().applied() > last);
  Client alice(server);
  REQUIRE(alice.log_in("alice", "a long password").status == Status::ok);
  const auto history =
      body_of<reply::History>(alice.get(request::History{user("alice"), {}, false, 100}));
  CHECK(history.messages.size() == 20);
}

TEST_CASE("tables that are far behind are applied in slices, and do not lead meanwhile") {
  const TempDirectory directory;
  {
    Server server(directory.path());
    server.pass(3000);
    Client alice(server);
    alice.sign_up("alice");
    for (int turn = 0; turn < 10; ++turn) {
      for (int i = 0; i < 1000; ++i) {
        alice.ask(request::Send{user("alice"), std::to_string(i), {}});
      }
      server.work();
    }
    server.pass(200);  // the commit hint reaches the disk
  }
  Server server(directory.path());
  REQUIRE(server.node().catching_up());
  Client alice(server);
  const auto to = alice.ask(request::LogIn{"alice", "a long password", Bytes(32, 1)});
  server.finish_turn();
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::unavailable);
  const auto before = server.tables().applied();
  server.node().catch_up(server.now().steady);
  CHECK(server.tables().applied() > before);
  CHECK(server.node().catching_up());
  while (server.node().catching_up()) server.node().catch_up(server.now().steady);
  server.pass(2500);
  CHECK(alice.log_in("alice", "a long password").status == Status::ok);
}

TEST_CASE("after a failed write the tables hold nothing that the log lost") {
  const TempDirectory directory;
  Server server(directory.path());
  talk(server, 3);
  Client alice(server);
  REQUIRE(alice.log_in("alice", "a long password").status == Status::ok);
  server.fail_next_write();
  const auto request = alice.make(request::Send{user("alice"), "again", {}});
  server.ask(request);
  server.work();
  server.set_disk_full(false);
  server.pass(5000);
  const auto reply = server.get(request);
  REQUIRE(reply.status == Status::ok);
  const auto history =
      body_of<reply::History>(alice.get(request::History{user("alice"), {}, false, 100}));
  CHECK(history.messages.size() == 4);
  CHECK(server.tables().applied() == server.log().last());
}

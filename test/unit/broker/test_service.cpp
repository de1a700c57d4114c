// Requests answered by a whole server: what leaves when, and what a repeat gets.
#include "broker/server_limits.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

TEST_CASE("a fresh server of a cluster of one leads as soon as a client asks") {
  const TempDirectory directory;
  Server server(directory.path());
  Client client(server);
  client.token = Bytes(32, 7);
  server.pass(500);  // what it may owe another leader's lease; far less than it waits by itself
  const auto to = client.ask(request::Send{user("bob"), "hello", {}});
  server.work();
  server.pass(50);
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::not_signed_in);
}

TEST_CASE("hello and status are answered also while nobody leads") {
  const TempDirectory directory;
  Server server(directory.path(), 3);
  Client client(server);
  const auto hello = server.reply_to(client.ask(request::Hello{}));
  REQUIRE(hello != nullptr);
  CHECK(body_of<reply::Hello>(*hello).servers.size() == 3);
  CHECK(body_of<reply::Hello>(*hello).servers[1].endpoint == "tcp://127.0.0.2:26262");
  const auto status = server.reply_to(client.ask(request::Status{}));
  REQUIRE(status != nullptr);
  CHECK(body_of<reply::ServerStatus>(*status).role == "learner");
  CHECK(body_of<reply::ServerStatus>(*status).starts == 1);
}

TEST_CASE("a request that finds no leader is held, and answered before the client's poll ends") {
  const TempDirectory directory;
  Server server(directory.path());
  Client client(server);
  server.pass(500);
  server.hold_disk(true);  // no promise can become durable: no leader
  const auto to = client.ask(request::CreateRoom{"a"});
  server.finish_turn();
  CHECK(server.reply_to(to) == nullptr);
  server.pass(broker::limits::parked_ms_max - 100);
  CHECK(server.reply_to(to) == nullptr);
  server.pass(200);
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::unavailable);
}

struct Signed {
  TempDirectory directory;
  Server server{directory.path()};
  Client alice{server};
  Client bob{server};
  Signed() {
    server.pass(3000);
    alice.sign_up("alice");
    bob.sign_up("bob");
  }
};

TEST_CASE_METHOD(Signed, "a write is answered when it is on disk and not before") {
  server.hold_disk(true);
  const auto to = alice.ask(request::Send{user("bob"), "hello", {}});
  server.work();
  CHECK(server.reply_to(to) == nullptr);
  server.hold_disk(false);
  server.work();
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::ok);
}

TEST_CASE_METHOD(Signed, "a read that saw an uncommitted write waits for it") {
  server.hold_disk(true);
  alice.ask(request::Send{user("bob"), "hello", {}});
  server.work();
  const auto history = bob.ask(request::History{user("alice"), {}, false, 10});
  const auto refused = bob.ask(request::History{user("nobody"), {}, false, 10});
  server.work();
  CHECK(server.reply_to(history) == nullptr);
  CHECK(server.reply_to(refused) == nullptr);
  server.hold_disk(false);
  server.work();
  REQUIRE(server.reply_to(history) != nullptr);
  CHECK(body_of<reply::History>(*server.reply_to(history)).messages.at(0).text == "hello");
  REQUIRE(server.reply_to(refused) != nullptr);
  CHECK(server.reply_to(refused)->status == Status::no_such_user);
}

TEST_CASE_METHOD(Signed, "all writes of one turn become one write of the disk") {
  server.hold_disk(true);
  const auto before = server.log().last();
  std::vector<ReplyTo> asked;
  for (int i = 0; i < 50; ++i) {
    asked.push_back(alice.ask(request::Send{user("bob"), std::to_string(i), {}}));
  }
  server.work();
  server.hold_disk(false);
  server.work();
  std::vector<Position> places;
  for (const auto to : asked) {
    REQUIRE(server.reply_to(to) != nullptr);
    const auto at = read_cursor(body_of<reply::Sent>(*server.reply_to(to)).at);
    REQUIRE(at);
    places.push_back(*at);
  }
  CHECK(std::is_sorted(places.begin(), places.end()));
  CHECK(server.log().last().value == before.value + 50);
}

TEST_CASE_METHOD(Signed, "a repeat gets the first one's answer and adds nothing to the log") {
  const request::Send send{user("bob"), "once", {}};
  const auto first = alice.get(send);
  REQUIRE(first.status == Status::ok);
  const auto last = server.log().last();
  server.pass(500);
  const auto again = server.get(alice.make(send, alice.last_number()));
  CHECK(again == first);
  CHECK(server.log().last() == last);
}

TEST_CASE_METHOD(Signed, "two copies in one turn are one message with two answers") {
  const auto request = alice.make(request::Send{user("bob"), "once", {}});
  const auto one = server.ask(request);
  const auto two = server.ask(request);
  server.work();
  REQUIRE(server.reply_to(one) != nullptr);
  REQUIRE(server.reply_to(two) != nullptr);
  CHECK(*server.reply_to(one) == *server.reply_to(two));
  const auto history = bob.get(request::History{user("alice"), {}, false, 10});
  CHECK(body_of<reply::History>(history).messages.size() == 1);
}

TEST_CASE_METHOD(Signed, "another request under a used id is refused, in the log or in one turn") {
  alice.get(request::Send{user("bob"), "first", {}});
  const auto number = alice.last_number();
  const auto other = server.get(alice.make(request::Send{user("bob"), "second", {}}, number));
  CHECK(other.status == Status::request_reused);

  const auto one = server.ask(alice.make(request::Send{user("bob"), "third", {}}, number + 1));
  const auto two = server.ask(alice.make(request::Send{user("bob"), "fourth", {}}, number + 1));
  server.work();
  CHECK(server.reply_to(one)->status == Status::ok);
  CHECK(server.reply_to(two)->status == Status::request_reused);
}

TEST_CASE_METHOD(Signed, "a repeat of what ended the session is answered, a new request is not") {
  REQUIRE(alice.get(request::LogOut{}).status == Status::ok);
  CHECK(server.get(alice.make(request::LogOut{}, alice.last_number())).status == Status::ok);
  CHECK(alice.get(request::LogOut{}).status == Status::not_signed_in);
  CHECK(alice.get(request::Events{}).status == Status::not_signed_in);
}

TEST_CASE_METHOD(Signed, "events wait for something to happen, and name where to go on") {
  auto events = body_of<reply::Events>(bob.get(request::Events{Cursor{}, 0, 100}));
  const auto since = events.next;
  const auto to = bob.ask(request::Events{since, 700, 100});
  server.work();
  CHECK(server.reply_to(to) == nullptr);
  alice.get(request::Send{user("bob"), "wake up", {}});
  REQUIRE(server.reply_to(to) != nullptr);
  events = body_of<reply::Events>(*server.reply_to(to));
  REQUIRE(events.events.size() == 1);
  CHECK(std::get<Message>(events.events[0]).text == "wake up");
  CHECK(std::get<Message>(events.events[0]).conversation == user("alice"));

  const auto empty = bob.ask(request::Events{events.next, 700, 100});
  server.pass(600);
  CHECK(server.reply_to(empty) == nullptr);
  server.pass(150);
  REQUIRE(server.reply_to(empty) != nullptr);
  CHECK(body_of<reply::Events>(*server.reply_to(empty)).events.empty());
}

TEST_CASE_METHOD(Signed, "events that wait are not told to a session that has ended") {
  const auto since = body_of<reply::Events>(bob.get(request::Events{Cursor{}, 0, 100})).next;
  const auto to = bob.ask(request::Events{since, 700, 100});
  server.work();
  REQUIRE(bob.get(request::LogOut{}).status == Status::ok);
  alice.get(request::Send{user("bob"), "too late", {}});
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::not_signed_in);
}

TEST_CASE_METHOD(Signed, "an event is told when its entry is committed and not before") {
  const auto since = body_of<reply::Events>(bob.get(request::Events{Cursor{}, 0, 100})).next;
  const auto to = bob.ask(request::Events{since, 700, 100});
  server.work();
  server.hold_disk(true);
  alice.ask(request::Send{user("bob"), "not yet", {}});
  server.work();
  CHECK(server.reply_to(to) == nullptr);
  server.hold_disk(false);
  server.work();
  CHECK(server.reply_to(to) != nullptr);
}

TEST_CASE_METHOD(Signed, "what happens in a room wakes its members and nobody else") {
  Client carol(server);
  carol.sign_up("carol");
  REQUIRE(alice.get(request::CreateRoom{"lounge"}).status == Status::ok);
  REQUIRE(bob.get(request::JoinRoom{"lounge"}).status == Status::ok);
  const auto of_bob = bob.ask(request::Events{{}, 700, 100});
  const auto of_carol = carol.ask(request::Events{{}, 700, 100});
  server.work();
  alice.get(request::Send{room("lounge"), "hello all", {}});
  CHECK(server.reply_to(of_bob) != nullptr);
  CHECK(server.reply_to(of_carol) == nullptr);
}

TEST_CASE_METHOD(Signed, "time stamps never go back, though the clock does") {
  const auto first = body_of<reply::Sent>(alice.get(request::Send{user("bob"), "1", {}}));
  auto early = server.now();
  early.wall = TimeMs{{early.wall.value - 3'600'000}};
  const auto request = alice.make(request::Send{user("bob"), "2", {}});
  server.service().request(ReplyTo{{999'999}}, Request(request), early);
  server.work();
  const auto* second = server.reply_to(ReplyTo{{999'999}});
  REQUIRE(second != nullptr);
  CHECK(body_of<reply::Sent>(*second).time >= first.time);
}

TEST_CASE_METHOD(Signed, "a full password queue answers busy, and the same request works later") {
  server.password_queue_max = 0;
  const request::LogIn login{"alice", "a long password", Bytes(32, 9)};
  const auto busy = alice.get(login);
  CHECK(busy.status == Status::busy);
  CHECK(body_of<reply::ErrorBody>(busy).retry_ms > 0);
  server.password_queue_max = 10;
  CHECK(server.get(alice.make(login, alice.last_number())).status == Status::ok);
}

TEST_CASE_METHOD(Signed, "guessing a password is slowed down, for that name only") {
  Client guesser(server);
  Status status = Status::ok;
  for (unsigned i = 0; i <= broker::limits::login_failures_max; ++i) {
    status = guesser.log_in("alice", "guess " + std::to_string(i)).status;
  }
  CHECK(status == Status::too_many);
  CHECK(guesser.log_in("bob", "a long password").status == Status::ok);
  server.pass(broker::limits::login_delay_ms + 10);
  CHECK(guesser.log_in("alice", "a long password").status == Status::ok);
}

TEST_CASE("a new server that has not met the others says for whom it waits") {
  const TempDirectory directory;
  Server server(directory.path(), 3);
  Client client(server);
  server.pass(1000);
  const auto reply = client.get(request::CreateRoom{"a"});
  CHECK(reply.status == Status::unavailable);
  CHECK(body_of<reply::ErrorBody>(reply).servers ==
        std::vector<ServerId>{server_id(1), server_id(2)});
}

TEST_CASE_METHOD(Signed, "a full disk refuses what is sent, and sends what is read") {
  server.set_disk_full(true);
  const auto refused = alice.get(request::Send{user("bob"), "no room", {}});
  CHECK(refused.status == Status::unavailable);
  CHECK(alice.get(request::ListRooms{"*", "", 10}).status == Status::ok);
  server.set_disk_full(false);
  CHECK(alice.get(request::Send{user("bob"), "room again", {}}).status == Status::ok);
}

TEST_CASE_METHOD(Signed, "a failed disk write gives no answer that would be a lie") {
  server.fail_next_write();
  const auto to = alice.ask(request::Send{user("bob"), "lost?", {}});
  server.work();
  const auto* reply = server.reply_to(to);
  // Whatever was said: neither that it is done, nor that it never will be.
  if (reply != nullptr) {
    CHECK(static_cast<int>(reply->status) < 10);
    CHECK(reply->status != Status::ok);
  }
}

TEST_CASE_METHOD(Signed, "a server that stops answers those who come that it does not lead") {
  server.service().stop();
  CHECK(alice.get(request::Send{user("bob"), "late", {}}).status == Status::not_leader);
  CHECK(alice.get(request::Hello{}).status == Status::ok);
  CHECK(server.service().idle());
}

// Accounts, sessions and rooms through admission.
#include <fstream>
#include <iterator>

#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

namespace {
struct One {
  TempDirectory directory;
  Server server{directory.path()};
  Client client{server};
  One() { server.pass(3000); }
};
const std::string password = "a long password";
}  // namespace

TEST_CASE_METHOD(One, "a name is taken in every spelling") {
  REQUIRE(client.get(request::Register{"Alice", password}).status == Status::ok);
  CHECK(client.get(request::Register{"ALICE", password}).status == Status::name_taken);
  CHECK(client.get(request::Register{"no good", password}).status == Status::bad_name);
  CHECK(client.get(request::Register{"bob", "short"}).status == Status::bad_password);
  CHECK(client.get(request::Register{"bob", std::string(200, 'x')}).status == Status::bad_password);
}

TEST_CASE_METHOD(One, "an account's id follows from the request that made it") {
  const auto reply = client.get(request::Register{"alice", password});
  CHECK(body_of<reply::Registered>(reply).account == account_id({client.id, client.last_number()}));
}

TEST_CASE_METHOD(One, "two registrations of a name in one turn: one wins") {
  Client other(server);
  const auto one = client.ask(request::Register{"alice", password});
  const auto two = other.ask(request::Register{"alice", password});
  server.work();
  CHECK(server.reply_to(one)->status == Status::ok);
  CHECK(server.reply_to(two)->status == Status::name_taken);
}

TEST_CASE_METHOD(One, "a wrong password and an unknown name are answered alike") {
  client.sign_up("alice");
  Client other(server);
  const auto wrong = other.log_in("alice", "wrong password");
  const auto unknown = other.log_in("nobody", "wrong password");
  const auto too_long = other.log_in("alice", std::string(300, 'x'));
  CHECK(wrong.status == Status::wrong_credentials);
  CHECK(unknown.status == Status::wrong_credentials);
  CHECK(too_long.status == Status::wrong_credentials);
  CHECK(error_text(wrong) == error_text(unknown));
}

TEST_CASE_METHOD(One, "a damaged record of an account is no reason to refuse") {
  client.sign_up("alice");
  server.write_tables();
  // The name as a value of the tables: after its length.
  const std::string name{"\0\5alice", 7};
  std::fstream file(directory.path() / "tables/data.mdb",
                    std::ios::binary | std::ios::in | std::ios::out);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  std::size_t hits = 0;
  for (auto at = content.find(name); at != std::string::npos; at = content.find(name, at + 1)) {
    file.seekp(static_cast<std::streamoff>(at + 6));
    file.put('d');
    ++hits;
  }
  file.flush();
  REQUIRE(hits > 0);
  Client other(server);
  CHECK(other.log_in("alice", password).status == Status::unavailable);
  server.node().look_after_tables(server.now().steady);
  server.work();
  CHECK(other.log_in("alice", password).status == Status::ok);
}

TEST_CASE_METHOD(One, "a log-in answers for the same session when repeated") {
  client.sign_up("alice");
  const request::LogIn login{"ALICE", password, Bytes(32, 3)};
  const auto first = client.get(login);
  REQUIRE(first.status == Status::ok);
  CHECK(body_of<reply::LoggedIn>(first).name == "alice");
  server.pass(500);
  CHECK(server.get(client.make(login, client.last_number())) == first);
  CHECK(client.get(request::LogIn{"alice", password, Bytes(31, 3)}).status == Status::bad_argument);
  CHECK(client.get(request::LogIn{"alice", password, Bytes(32, 3)}).status == Status::bad_argument);
}

TEST_CASE_METHOD(One, "a session expires") {
  client.sign_up("alice");
  auto later = server.now();
  later.wall = TimeMs{{later.wall.value + 31LL * 24 * 3600 * 1000}};
  server.service().request(ReplyTo{{777'777}}, client.make(request::LogOut{}), later);
  server.work();
  REQUIRE(server.reply_to(ReplyTo{{777'777}}) != nullptr);
  CHECK(server.reply_to(ReplyTo{{777'777}})->status == Status::not_signed_in);
}

TEST_CASE_METHOD(One, "a changed password ends the other sessions and keeps its own") {
  client.sign_up("alice");
  Client other(server);
  REQUIRE(other.log_in("alice", password).status == Status::ok);
  CHECK(client.get(request::ChangePassword{"wrong one", "another password"}).status ==
        Status::wrong_credentials);
  REQUIRE(client.get(request::ChangePassword{password, "another password"}).status == Status::ok);
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::ok);
  CHECK(other.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
  CHECK(other.log_in("alice", password).status == Status::wrong_credentials);
  CHECK(other.log_in("alice", "another password").status == Status::ok);
}

TEST_CASE_METHOD(One, "a log-in whose password changed while it was verified fails") {
  client.sign_up("alice");
  Client other(server);
  const auto change = client.ask(request::ChangePassword{password, "another password"});
  const auto login = other.ask(request::LogIn{"alice", password, Bytes(32, 5)});
  server.work();
  CHECK(server.reply_to(change)->status == Status::ok);
  CHECK(server.reply_to(login)->status == Status::wrong_credentials);
}

TEST_CASE_METHOD(One, "log out all ends every session") {
  client.sign_up("alice");
  Client other(server);
  REQUIRE(other.log_in("alice", password).status == Status::ok);
  REQUIRE(other.get(request::LogOutAll{}).status == Status::ok);
  CHECK(client.get(request::LogOut{}).status == Status::not_signed_in);
}

TEST_CASE_METHOD(One, "a deleted account's name stays taken, its texts are gone, its session too") {
  Client bob(server);
  client.sign_up("alice");
  bob.sign_up("bob");
  REQUIRE(client.get(request::Send{user("bob"), "secret", {}}).status == Status::ok);
  REQUIRE(client.get(request::CreateRoom{"lounge"}).status == Status::ok);
  REQUIRE(bob.get(request::JoinRoom{"lounge"}).status == Status::ok);
  const auto since = body_of<reply::Events>(bob.get(request::Events{{}, 0, 1})).next;
  CHECK(client.get(request::DeleteAccount{"wrong one"}).status == Status::wrong_credentials);
  REQUIRE(client.get(request::DeleteAccount{password}).status == Status::ok);
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
  CHECK(bob.get(request::Register{"alice", password}).status == Status::name_taken);
  CHECK(bob.get(request::Send{user("alice"), "hello?", {}}).status == Status::no_such_user);
  CHECK(client.log_in("alice", password).status == Status::wrong_credentials);
  const auto history =
      body_of<reply::History>(bob.get(request::History{user("alice"), {}, false, 10}));
  REQUIRE(history.messages.size() == 1);
  CHECK(history.messages[0].erased);
  CHECK(history.messages[0].text.empty());
  const auto events = body_of<reply::Events>(bob.get(request::Events{since, 0, 10})).events;
  REQUIRE(events.size() == 1);
  CHECK(std::get<event::Left>(events[0]).room == "lounge");
  const auto members = body_of<reply::Members>(bob.get(request::ListMembers{"lounge", "", 10}));
  CHECK(members.members.size() == 1);
  CHECK(body_of<reply::Accounts>(bob.get(request::SearchAccounts{"a*", "", 10})).accounts.empty());
}

TEST_CASE_METHOD(One, "rooms: create, join, leave, and what each refuses") {
  Client bob(server);
  client.sign_up("alice");
  bob.sign_up("bob");
  REQUIRE(client.get(request::CreateRoom{"Lounge"}).status == Status::ok);
  CHECK(bob.get(request::CreateRoom{"lounge"}).status == Status::name_taken);
  CHECK(bob.get(request::CreateRoom{"a b"}).status == Status::bad_name);
  CHECK(bob.get(request::JoinRoom{"nowhere"}).status == Status::no_such_room);
  CHECK(bob.get(request::Send{room("lounge"), "hi", {}}).status == Status::not_a_member);
  CHECK(bob.get(request::History{room("lounge"), {}, false, 5}).status == Status::not_a_member);
  CHECK(bob.get(request::LeaveRoom{"lounge"}).status == Status::not_a_member);
  const auto joined = bob.get(request::JoinRoom{"LOUNGE"});
  REQUIRE(joined.status == Status::ok);
  CHECK(server.get(bob.make(request::JoinRoom{"LOUNGE"}, bob.last_number())) == joined);
  CHECK(bob.get(request::JoinRoom{"lounge"}).status == Status::already_a_member);
  const auto rooms = body_of<reply::Rooms>(bob.get(request::ListRooms{"*", "", 10})).rooms;
  REQUIRE(rooms.size() == 1);
  CHECK(rooms[0].name == "Lounge");
  CHECK(rooms[0].members == 2);
  CHECK(rooms[0].joined);
  REQUIRE(bob.get(request::LeaveRoom{"lounge"}).status == Status::ok);
  CHECK(bob.get(request::LeaveRoom{"lounge"}).status == Status::not_a_member);
}

TEST_CASE_METHOD(One, "what cannot be sent") {
  client.sign_up("alice");
  CHECK(client.get(request::Send{user("alice"), "", {}}).status == Status::bad_text);
  CHECK(client.get(request::Send{user("alice"), "\x01", {}}).status == Status::bad_text);
  CHECK(client.get(request::Send{user("alice"), std::string(16385, 'x'), {}}).status ==
        Status::bad_text);
  CHECK(client.get(request::Send{user("alice"), "x", Original{"", {}}}).status ==
        Status::bad_argument);
  CHECK(
      client
          .get(request::Send{user("alice"), std::string(16384, 'x'), Original{"nick", TimeMs{{5}}}})
          .status == Status::ok);
}

TEST_CASE_METHOD(One, "a write without client id or number is malformed") {
  client.sign_up("alice");
  auto request = client.make(request::LogOut{});
  request.number = 0;
  CHECK(server.get(request).status == Status::malformed);
  request.number = 100;
  request.client = {};
  CHECK(server.get(request).status == Status::malformed);
}

TEST_CASE_METHOD(One, "sessions are listed with what is known of them, and ended one by one") {
  client.sign_up("alice");
  Client other(server);
  Bytes token(32, 9);
  auto login = other.make(request::LogIn{"alice", password, token, "phone\x1b[31m of \xC3\xA4"});
  login.address = "192.0.2.7";
  REQUIRE(server.get(login).status == Status::ok);
  other.token = token;
  const auto page = client.get(request::ListSessions{{}, 10});
  const auto& sessions = body_of<reply::Sessions>(page).sessions;
  REQUIRE(sessions.size() == 2);
  const auto& mine = sessions[0].current ? sessions[0] : sessions[1];
  const auto& phone = sessions[0].current ? sessions[1] : sessions[0];
  CHECK(mine.current);
  CHECK(phone.address == "192.0.2.7");
  CHECK(phone.client == "phone\xEF\xBF\xBD[31m of \xC3\xA4");
  CHECK(phone.id == session_id(hash_of(token)));
  const auto first = body_of<reply::Sessions>(client.get(request::ListSessions{{}, 1}));
  REQUIRE(first.sessions.size() == 1);
  CHECK(first.more);
  const auto id = first.sessions[0].id.bytes;
  const auto second =
      body_of<reply::Sessions>(client.get(request::ListSessions{Bytes(id.begin(), id.end()), 1}));
  REQUIRE(second.sessions.size() == 1);
  CHECK_FALSE(second.more);
  CHECK(second.sessions[0].id > first.sessions[0].id);

  Client stranger(server);
  stranger.sign_up("bob");
  CHECK(stranger.get(request::EndSession{phone.id}).status == Status::bad_argument);
  CHECK(client.get(request::EndSession{phone.id}).status == Status::ok);
  CHECK(other.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::ok);
  CHECK(client.get(request::EndSession{phone.id}).status == Status::bad_argument);
}

TEST_CASE_METHOD(One, "a session ended twice in one turn is ended, and the asker's goes on") {
  client.sign_up("alice");
  Client other(server);
  REQUIRE(other.log_in("alice", password).status == Status::ok);
  const request::EndSession end{session_id(hash_of(other.token))};
  const auto one = client.ask(end);
  const auto two = client.ask(end);
  server.work();
  CHECK(server.reply_to(one)->status == Status::ok);
  CHECK(server.reply_to(two)->status == Status::ok);
}

TEST_CASE_METHOD(One, "a session that has expired once stays so, wherever the clock goes") {
  client.sign_up("alice");
  const auto now = server.now();
  auto later = now;
  later.wall = TimeMs{{later.wall.value + 31LL * 24 * 3600 * 1000}};
  const bool reads = GENERATE(true, false);
  const ReplyTo to{{777'777}};
  const auto before = server.log().last();
  if (reads) {
    server.service().request(to, client.make(request::ListRooms{"*", "", 10}), later);
  } else {
    server.service().request(to, client.make(request::CreateRoom{"lobby"}), later);
  }
  CHECK(server.reply_to(to) == nullptr);  // not before it is closed on the disk
  server.work();
  REQUIRE(server.reply_to(to) != nullptr);
  CHECK(server.reply_to(to)->status == Status::not_signed_in);
  CHECK(server.log().last() > before);
  CHECK_FALSE(server.tables().session(hash_of(client.token)));
  CHECK(client.get(request::ListRooms{"*", "", 10}).status == Status::not_signed_in);
}

TEST_CASE_METHOD(One, "what an older server could not read stays out of a log-in") {
  client.sign_up("alice");
  server.service().set_outdated(server_id(1));
  auto login = client.make(request::LogIn{"alice", password, Bytes(32, 9), "phone"});
  login.address = "192.0.2.7";
  REQUIRE(server.get(login).status == Status::ok);
  const auto session = server.tables().session(hash_of(Bytes(32, 9)));
  REQUIRE(session);
  CHECK(session->client.empty());
  CHECK(session->address.empty());
}

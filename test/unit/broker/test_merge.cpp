// After a network split: what the people concerned are told, and a server whose log is given up
// beyond a fork although its tables are written.
#include <algorithm>
#include <set>

#include "broker/password.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"
#include "test/unit/store/history.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;
using store::test::History;
using store::test::must;
using store::test::operation_entry;

namespace {

const TimeMs far_future{{2'000'000'000'000}};

store::LogOptions options_of(const std::filesystem::path& directory) {
  store::LogOptions options;
  options.directory = directory;
  options.identity.cluster.bytes[0] = 1;
  options.identity.server = server_id(0);
  options.incarnation_nonce = 99;
  return options;
}

// The whole history, committed, as the log of server 0.
void write_log(const std::filesystem::path& directory, const History& history) {
  const auto log = must(store::Log::open(options_of(directory)));
  const store::LogWrite write{.promised = history.entries().back().epoch,
                              .identity = std::pair{log->start().incarnation, false},
                              .entries = history.entries(),
                              .commit = history.last()};
  must(log->write({&write, 1}));
}

struct Person {
  AccountId id{};
  RequestId request{};
  Bytes token;
};

Person add_account(History& history, const std::string& name, const std::string& password) {
  Person account;
  account.request = history.next_request();
  account.id = account_id(account.request);
  account.token = Bytes(32, static_cast<std::uint8_t>(history.last().value + password.size()));
  history.add(
      make_operation_entry({.request = account.request,
                            .time = history.next_time(),
                            .fingerprint = fingerprint(request::Register{name, password}),
                            .body = op::Register{account.id, name, name, hash_password(password)}},
                           {}));
  history.operation(op::OpenSession{account.id, hash_of(account.token), far_future});
  return account;
}

void add_merged(History& history, const History& other, const Position& fork) {
  for (const Entry& entry : other.above(fork.seq)) {
    if (entry.kind != EntryKind::view) history.add(must(make_merged_entry(entry, fork)));
  }
}

// Two sides, each with an "ann" and a room "tea"; one of them deletes eve, to whom the other
// writes.
struct Sides {
  History shared, left, right;
  Person bob, eve, left_ann, right_ann;
  RoomId left_tea{}, right_tea{};
  RequestId joined{};

  Sides() {
    shared.view(1);
    bob = add_account(shared, "bob", "password of bob");
    eve = add_account(shared, "eve", "password of eve");
    left = right = shared;
    left.set_client(0xa1);
    right.set_client(0xb2);
    left.view(2, 0);
    right.view(3, 1);
    left_ann = add_account(left, "ann", "left password");
    left_tea = left.create_room(left_ann.id, "tea");
    left.operation(op::DeleteAccount{eve.id});
    right_ann = add_account(right, "ann", "right password");
    right.send(right_ann.id, bob.id, "hello bob");
    right_tea = right.create_room(bob.id, "tea");
    joined = right.next_request();
    right.add(make_operation_entry({.request = joined,
                                    .time = right.next_time(),
                                    .fingerprint = fingerprint(request::JoinRoom{"tea"}),
                                    .body = op::JoinRoom{right_ann.id, right_tea}},
                                   {}));
    right.send(bob.id, eve.id, "are you there?");
  }
  [[nodiscard]] Position fork() const { return shared.entries().back().position(); }
  [[nodiscard]] History merged_into_left() const {
    History history = left;
    history.view(9, 0);
    add_merged(history, right, fork());
    return history;
  }
};

std::vector<Event> events_of(Server& server, const Person& account) {
  Client client(server);
  client.token = account.token;
  const Reply reply = client.get(request::Events{Cursor{}, 0, 100});
  REQUIRE(reply.status == Status::ok);
  return body_of<reply::Events>(reply).events;
}

template <class T>
std::vector<T> only(const std::vector<Event>& events) {
  std::vector<T> found;
  for (const Event& event : events) {
    if (const auto* one = std::get_if<T>(&event)) found.push_back(*one);
  }
  return found;
}

}  // namespace

TEST_CASE("after a merge everybody concerned is told") {
  const TempDirectory directory;
  const Sides sides;
  write_log(directory.path(), sides.merged_into_left());
  Server server(directory.path());
  server.pass(3000);
  const std::string ann = server.tables().account(sides.right_ann.id)->name;
  REQUIRE(ann.starts_with("ann~"));
  const std::string tea = server.tables().room(sides.right_tea)->name;
  REQUIRE(tea.starts_with("tea~"));

  SECTION("the account that was renamed, in the session that it had") {
    const auto events = events_of(server, sides.right_ann);
    const auto renamed = only<event::Renamed>(events);
    REQUIRE(renamed.size() == 2);
    CHECK(renamed[0].was == user("ann"));
    CHECK(renamed[0].name == ann);
    CHECK(renamed[0].self);
    CHECK(renamed[1].was == room("tea"));
    CHECK(renamed[1].name == tea);
    CHECK_FALSE(renamed[1].self);
    Client client(server);
    client.token = sides.right_ann.token;
    CHECK(body_of<reply::Conversations>(client.get(request::ListConversations{})).account == ann);
  }
  SECTION("nobody on the other side of the name") {
    CHECK(only<event::Renamed>(events_of(server, sides.left_ann)).empty());
  }
  SECTION("who talks to the renamed account, and whose message was not delivered") {
    const auto events = events_of(server, sides.bob);
    const auto renamed = only<event::Renamed>(events);
    REQUIRE(renamed.size() == 3);  // ann as she writes, the room, ann as she joins
    CHECK(renamed[0].was == user("ann"));
    CHECK(renamed[0].name == ann);
    CHECK_FALSE(renamed[0].self);
    CHECK(renamed[1].was == room("tea"));
    const auto messages = only<Message>(events);
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].text == "hello bob");
    CHECK(messages[0].from == ann);
    CHECK(messages[0].late);
    CHECK_FALSE(messages[0].undelivered);
    CHECK(messages[1].undelivered);
    const auto undelivered = only<event::Undelivered>(events);
    REQUIRE(undelivered.size() == 1);
    CHECK(undelivered[0].message == messages[1].id);
    CHECK(undelivered[0].to == user("eve"));
    Client client(server);
    client.token = sides.bob.token;
    const auto history =
        body_of<reply::History>(client.get(request::History{user("eve"), {}, false, 9}));
    REQUIRE(history.messages.size() == 1);
    CHECK(history.messages[0].undelivered);
  }
  SECTION("who logs in by the old name: each password finds its account") {
    Client client(server);
    const auto right = client.log_in("ann", "right password");
    REQUIRE(right.status == Status::ok);
    CHECK(body_of<reply::LoggedIn>(right).account == sides.right_ann.id);
    CHECK(body_of<reply::LoggedIn>(right).name == ann);
    const auto left = client.log_in("ann", "left password");
    REQUIRE(left.status == Status::ok);
    CHECK(body_of<reply::LoggedIn>(left).name == "ann");
    CHECK(client.log_in("ann", "nobody's password").status == Status::wrong_credentials);
    CHECK(client.log_in(ann, "right password").status == Status::ok);
    CHECK(client.log_in(ann, "left password").status == Status::wrong_credentials);
  }
  SECTION("who asks again what became of a request") {
    Client client(server);
    client.id = sides.right_ann.request.client;
    const auto registered = server.get(
        client.make(request::Register{"ann", "right password"}, sides.right_ann.request.number));
    REQUIRE(registered.status == Status::ok);
    CHECK(body_of<reply::Registered>(registered).account == sides.right_ann.id);
    CHECK(body_of<reply::Registered>(registered).name == ann);
    client.token = sides.right_ann.token;
    const auto joined = server.get(client.make(request::JoinRoom{"tea"}, sides.joined.number));
    REQUIRE(joined.status == Status::ok);
    CHECK(body_of<reply::RoomDone>(joined).room == sides.right_tea);
    CHECK(body_of<reply::RoomDone>(joined).name == tea);
  }
}

TEST_CASE("who came to a room later is told of a renamed member by its first message there") {
  const TempDirectory directory;
  Sides sides;
  const RoomId den = sides.right.create_room(sides.right_ann.id, "den");
  sides.right.operation(op::JoinRoom{sides.bob.id, den});
  sides.right.operation(op::JoinRoom{sides.eve.id, den});
  sides.right.send(sides.right_ann.id, den, "welcome");
  sides.right.send(sides.right_ann.id, den, "sit down");
  write_log(directory.path(), sides.merged_into_left());
  Server server(directory.path());
  server.pass(3000);
  const auto events = events_of(server, sides.bob);
  std::vector<std::string> told;
  for (const Event& event : events) {
    if (const auto* message = std::get_if<Message>(&event)) told.push_back(message->text);
    const auto* renamed = std::get_if<event::Renamed>(&event);
    if (renamed != nullptr && renamed->was == user("ann")) told.push_back(renamed->name);
  }
  const std::string ann = server.tables().account(sides.right_ann.id)->name;
  // First as she writes to bob, then as she joins a room of his.
  CHECK(told == std::vector<std::string>{ann, "hello bob", ann, "are you there?", ann, "welcome",
                                         "sit down"});
  CHECK(only<event::Renamed>(events_of(server, sides.right_ann)).size() == 2);  // herself, "tea"
}

TEST_CASE("after a merged deletion the senders of the other side are told") {
  const TempDirectory directory;
  const Sides sides;
  History history = sides.right;
  history.view(9, 0);
  add_merged(history, sides.left, sides.fork());
  write_log(directory.path(), history);
  Server server(directory.path());
  server.pass(3000);
  const auto events = events_of(server, sides.bob);
  const auto undelivered = only<event::Undelivered>(events);
  REQUIRE(undelivered.size() == 1);
  CHECK(undelivered[0].to == user("eve"));
  REQUIRE(only<Message>(events).size() == 2);
  CHECK(only<Message>(events)[1].undelivered);
  CHECK_FALSE(only<Message>(events)[1].late);
}

TEST_CASE("after a merged deletion a sender of many messages is told of every one") {
  constexpr std::size_t count = 600;  // more than one look at the timeline
  const TempDirectory directory;
  Sides sides;
  for (std::size_t i = 1; i < count; ++i) sides.right.send(sides.bob.id, sides.eve.id, "hello?");
  History history = sides.right;
  history.view(9, 0);
  add_merged(history, sides.left, sides.fork());
  write_log(directory.path(), history);
  Server server(directory.path());
  server.pass(3000);
  Client client(server);
  client.token = sides.bob.token;
  std::set<MessageId> told;
  for (Cursor since{};;) {
    const auto page = body_of<reply::Events>(client.get(request::Events{since, 0, 256}));
    if (page.events.empty()) break;
    for (const auto& one : only<event::Undelivered>(page.events)) told.insert(one.message);
    since = page.next;
  }
  CHECK(told.size() == count);
}

TEST_CASE("what a deleted account wrote is not unread") {
  const TempDirectory directory;
  History history;
  history.view(1);
  const Person bob = add_account(history, "bob", "password of bob");
  const Person eve = add_account(history, "eve", "password of eve");
  history.send(eve.id, bob.id, "hello");
  const bool deleted = GENERATE(false, true);
  if (deleted) history.operation(op::DeleteAccount{eve.id});
  write_log(directory.path(), history);
  Server server(directory.path());
  server.pass(3000);
  Client client(server);
  client.token = bob.token;
  const auto page = body_of<reply::Conversations>(client.get(request::ListConversations{}));
  REQUIRE(page.conversations.size() == 1);
  CHECK(page.conversations[0].unread == (deleted ? 0 : 1));
}

// ---- the side that is given up

namespace {

// Server 1, as far as server 0 hears of it: it leads with a history of its own.
class OtherLeader {
 public:
  OtherLeader(Server& server, History& history) : server_(server), history_(history) {
    send(peer::Hello{epoch(), history.entries().back().position(), history.entries().back().hash,
                     server.node().summary(server.now().steady).incarnation, false});
  }
  // Everything after `previous`, which the other log holds.
  void append_after(Seq previous) {
    const Entry& before = history_.entries()[previous.value - 1];
    peer::Append append;
    append.epoch = epoch();
    append.previous = before.position();
    append.previous_hash = before.hash;
    append.entries = history_.above(previous);
    append.commit = history_.last();
    append.latest_view = view();
    send(std::move(append));
  }
  // The operations that server 0 offers become merged entries, and go back to it.
  void merge_offer() {
    const peer::Offer* offer = nullptr;
    for (const auto& [to, message] : server_.sent()) {
      if (const auto* found = std::get_if<peer::Offer>(&message.body)) offer = found;
    }
    REQUIRE(offer != nullptr);
    const Seq before = history_.last();
    for (const Entry& entry : offer->operations) {
      history_.add(must(make_merged_entry(entry, offer->fork)));
    }
    append_after(before);
  }

 private:
  [[nodiscard]] Epoch epoch() const { return history_.entries().back().epoch; }
  [[nodiscard]] Position view() const {
    Position at;
    for (const Entry& entry : history_.entries()) {
      if (entry.kind == EntryKind::view) at = entry.position();
    }
    return at;
  }
  void send(peer::Body body) {
    const auto now = server_.now().steady;
    server_.node().step(
        replica::Received{
            {server_id(1), {5, 55}, server_.node().summary(now).incarnation, std::move(body)}},
        now);
  }

  Server& server_;
  History& history_;
};

}  // namespace

TEST_CASE("tables that were written beyond the fork are made anew, also after a crash on the way") {
  const TempDirectory directory;
  const Sides sides;
  write_log(directory.path(), sides.left);
  {
    Server server(directory.path(), 2);
    server.work();
    server.write_tables();
    REQUIRE(server.tables().durable() > sides.fork().seq);
    REQUIRE(server.tables().account_named("ann")->id == sides.left_ann.id);
  }
  const unsigned crash = GENERATE(0U, 1U, 2U);  // never, before the log is cut, after it
  CAPTURE(crash);
  if (crash > 0) {
    History right = sides.right;
    Server server(directory.path(), 2);
    server.hold_disk(crash == 1);
    OtherLeader leader(server, right);
    leader.append_after(sides.fork().seq);
    server.work();
    leader.merge_offer();
    if (crash == 2) server.work();
    // Whatever is on the disks now is all that is left.
  }
  History right = sides.right;
  Server server(directory.path(), 2);
  OtherLeader leader(server, right);
  if (crash < 2) {
    CHECK(server.log().last() == sides.left.last());
    leader.append_after(sides.fork().seq);
    server.work();
    leader.merge_offer();
  } else {
    add_merged(right, sides.left, sides.fork());
    leader.append_after(sides.fork().seq);
  }
  server.work();
  server.pass(50);
  leader.append_after(right.last());
  server.work();
  REQUIRE(server.log().last() == right.last());
  CHECK(server.tables().applied() == right.last());
  CHECK_FALSE(server.node().catching_up());
  CHECK(server.tables().account_named("ann")->id == sides.right_ann.id);
  CHECK(server.tables().account(sides.left_ann.id)->name.starts_with("ann~"));
  CHECK(server.tables().account(sides.eve.id)->deleted);

  const TempDirectory other;
  write_log(other.path(), right);
  const auto log = must(store::Log::open(options_of(other.path())));
  const auto tables = store::test::open_tables(other.path(), *log);
  store::test::apply_all(*tables, right);
  CHECK(server.tables().digest() == tables->digest());
  // What is written now stands on the disk as it does elsewhere, deleted texts erased.
  server.write_tables();
  CHECK(server.tables().durable() == right.last());
}

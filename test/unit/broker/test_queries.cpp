// Reads: pages, cursors, unread counts.
#include <set>

#include "protocol/limits.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

namespace {
struct Two {
  TempDirectory directory;
  Server server{directory.path()};
  Client alice{server};
  Client bob{server};
  Two() {
    server.pass(3000);
    alice.sign_up("alice");
    bob.sign_up("bob");
  }
  void say(Client& from, const Target& to, const std::string& text) {
    REQUIRE(from.get(request::Send{to, text, {}}).status == Status::ok);
  }
};
}  // namespace

TEST_CASE_METHOD(Two, "history in pages meets every message once, in both directions") {
  for (int i = 0; i < 25; ++i) say(alice, user("bob"), std::to_string(i));
  const bool written = GENERATE(false, true);
  if (written) server.write_tables();
  const bool newer = GENERATE(false, true);
  std::vector<std::string> texts;
  std::optional<Cursor> from;
  for (int page = 0; page < 4; ++page) {
    const auto history =
        body_of<reply::History>(bob.get(request::History{user("alice"), from, newer, 7}));
    REQUIRE(history.messages.size() == (page < 3 ? 7 : 4));
    CHECK(history.more == (page < 3));
    std::vector<std::string> here;
    for (const auto& message : history.messages) here.push_back(message.text);
    texts.insert(newer ? texts.end() : texts.begin(), here.begin(), here.end());
    from = newer ? history.messages.back().at : history.messages.front().at;
  }
  REQUIRE(texts.size() == 25);
  for (int i = 0; i < 25; ++i) CHECK(texts[static_cast<std::size_t>(i)] == std::to_string(i));
}

TEST_CASE_METHOD(Two, "a page ends near its limit of bytes, and says that there is more") {
  const std::string big(16000, 'x');
  for (int i = 0; i < 6; ++i) say(alice, user("bob"), big);
  const auto history =
      body_of<reply::History>(bob.get(request::History{user("alice"), {}, false, 100}));
  CHECK(history.messages.size() == 4);
  CHECK(history.more);
  auto events = body_of<reply::Events>(bob.get(request::Events{Cursor{}, 0, 100}));
  CHECK(events.events.size() == 4);
  events = body_of<reply::Events>(bob.get(request::Events{events.next, 0, 100}));
  CHECK(events.events.size() == 2);
}

TEST_CASE_METHOD(Two, "events in pages meet everything once, also beside other traffic") {
  Client carol(server);
  carol.sign_up("carol");
  for (int i = 0; i < 10; ++i) {
    say(alice, user("bob"), std::to_string(i));
    say(alice, user("carol"), "not for bob");
  }
  Cursor since;
  std::vector<std::string> texts;
  for (int page = 0; page < 10 && texts.size() < 10; ++page) {
    const auto events = body_of<reply::Events>(bob.get(request::Events{since, 0, 3}));
    for (const auto& each : events.events) texts.push_back(std::get<Message>(each).text);
    since = events.next;
  }
  REQUIRE(texts.size() == 10);
  CHECK(texts.front() == "0");
  CHECK(texts.back() == "9");
  CHECK(body_of<reply::Events>(bob.get(request::Events{since, 0, 3})).events.empty());
}

TEST_CASE_METHOD(Two, "joins and leaves of a long time do not end a room's history") {
  REQUIRE(alice.get(request::CreateRoom{"lounge"}).status == Status::ok);
  REQUIRE(bob.get(request::JoinRoom{"lounge"}).status == Status::ok);
  say(alice, room("lounge"), "first");
  for (int i = 0; i < 40; ++i) {
    REQUIRE(bob.get(request::LeaveRoom{"lounge"}).status == Status::ok);
    REQUIRE(bob.get(request::JoinRoom{"lounge"}).status == Status::ok);
  }
  const auto newest =
      body_of<reply::History>(alice.get(request::History{room("lounge"), {}, false, 5}));
  REQUIRE(newest.messages.size() == 1);
  CHECK_FALSE(newest.more);
  const auto conversations =
      body_of<reply::Conversations>(alice.get(request::ListConversations{{}, 10}));
  REQUIRE(conversations.conversations.size() == 1);
  REQUIRE(conversations.conversations[0].last);
  CHECK(conversations.conversations[0].last->text == "first");
}

TEST_CASE_METHOD(Two,
                 "unread counts the others' messages above the marker, which never goes back") {
  for (int i = 0; i < 5; ++i) say(alice, user("bob"), std::to_string(i));
  say(bob, user("alice"), "mine");
  const auto unread = [this] {
    const auto list = body_of<reply::Conversations>(bob.get(request::ListConversations{{}, 10}));
    REQUIRE(list.conversations.size() == 1);
    CHECK(list.conversations[0].target == user("alice"));
    return list.conversations[0].unread;
  };
  CHECK(unread() == 5);
  const auto history =
      body_of<reply::History>(bob.get(request::History{user("alice"), {}, false, 100}));
  REQUIRE(bob.get(request::MarkRead{user("alice"), history.messages.at(2).at}).status ==
          Status::ok);
  CHECK(unread() == 2);
  bob.get(request::MarkRead{user("alice"), history.messages.at(0).at});
  CHECK(unread() == 2);
  CHECK(bob.get(request::MarkRead{user("alice"), Bytes{1, 2, 3}}).status == Status::bad_cursor);
  CHECK(bob.get(request::MarkRead{user("nobody"), history.messages.at(0).at}).status ==
        Status::no_such_user);
}

TEST_CASE_METHOD(Two, "conversations come in pages, each once") {
  for (int i = 0; i < 7; ++i) {
    REQUIRE(alice.get(request::CreateRoom{"room" + std::to_string(i)}).status == Status::ok);
  }
  std::set<std::string> names;
  Bytes after;
  int pages = 0;
  do {
    const auto page =
        body_of<reply::Conversations>(alice.get(request::ListConversations{after, 3}));
    for (const auto& conversation : page.conversations) {
      CHECK(names.insert(conversation.target.name).second);
    }
    after = page.next;
    ++pages;
  } while (!after.empty() && pages < 10);
  CHECK(names.size() == 7);
}

TEST_CASE_METHOD(Two, "accounts are found by pattern, sorted, in pages") {
  Client more(server);
  for (const auto* name : {"alan", "albert", "Alfred", "carol"}) {
    REQUIRE(more.get(request::Register{name, "a long password"}).status == Status::ok);
  }
  auto page = body_of<reply::Accounts>(bob.get(request::SearchAccounts{"AL*", "", 2}));
  REQUIRE(page.accounts.size() == 2);
  CHECK(page.accounts[0].name == "alan");
  CHECK(page.accounts[1].name == "albert");
  CHECK(page.more);
  page = body_of<reply::Accounts>(bob.get(request::SearchAccounts{"AL*", "albert", 2}));
  REQUIRE(page.accounts.size() == 2);
  CHECK(page.accounts[0].name == "Alfred");
  CHECK(page.accounts[1].name == "alice");
  CHECK_FALSE(page.more);
  CHECK(bob.get(request::SearchAccounts{std::string(200, 'x'), "", 2}).status ==
        Status::bad_argument);
}

TEST_CASE_METHOD(Two, "an imported message keeps its author and time") {
  const Original original{"nick", TimeMs{{1'200'000'000'000}}};
  REQUIRE(alice.get(request::Send{user("bob"), "old", original}).status == Status::ok);
  const Original hostile{"\x1B[2J", TimeMs{{1}}};
  CHECK(alice.get(request::Send{user("bob"), "x", hostile}).status == Status::bad_argument);
  const auto history =
      body_of<reply::History>(bob.get(request::History{user("alice"), {}, false, 10}));
  CHECK(history.messages.at(0).original == original);
  CHECK(history.messages.at(0).from == "alice");
}

TEST_CASE_METHOD(Two, "garbage is no cursor") {
  CHECK(bob.get(request::Events{Bytes{9}, 0, 1}).status == Status::bad_cursor);
  CHECK(bob.get(request::History{user("alice"), Bytes{9}, false, 1}).status == Status::bad_cursor);
}

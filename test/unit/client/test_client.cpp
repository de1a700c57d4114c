// The client library against servers that are silent, gone, wrong or busy. Real sockets, real time
// (polls of 200 ms), upper bounds only where they are far away.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "chat262/client.hpp"
#include "test/support/catch.hpp"
#include "test/unit/client/fake_server.hpp"

namespace chat262::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds poll{200};

std::string endpoint(unsigned server) {
  return "tcp://127.14.7." + std::to_string(server + 1) + ":26262";
}

Options options(unsigned servers, Milliseconds timeout = Milliseconds{5000}) {
  Options made;
  for (unsigned i = 0; i < servers; ++i) made.servers.push_back({i, endpoint(i)});
  made.poll = poll;
  made.timeout = timeout;
  return made;
}

Client signed_in(const Options& with) {
  Client client(with);
  client.resume(std::string(32, 't'));
  return client;
}

std::optional<Reply> ok(const Request&) {
  return sent_reply();
}
std::optional<Reply> silence(const Request&) {
  return std::nullopt;
}

FakeServer::Answer points_to(unsigned leader) {
  return [leader](const Request&) {
    return error_reply(Status::not_leader, {.text = "ask the leader", .server = server_id(leader)});
  };
}

const Target bob = Target::user("bob");

}  // namespace

TEST_CASE("a write is done by the server that answers") {
  FakeServer leader(endpoint(0), ok);
  Client client = signed_in(options(1));
  CHECK(client.send(bob, "hello").done());
  CHECK(client.send(bob, "again").done());
  const auto requests = leader.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].number == 1);
  CHECK(requests[1].number == 2);
  CHECK(requests[0].client == requests[1].client);
  CHECK(requests[0].token == Bytes(32, 't'));
}

TEST_CASE("a leader that is not where it was is looked for where the others say") {
  FakeServer leader("tcp://127.13.1.40:26262", ok);
  const auto points = points_to(0);
  FakeServer follower(endpoint(1), [&points](const Request& request) {
    if (!std::holds_alternative<request::Hello>(request.body)) return points(request);
    reply::Hello hello;
    hello.servers = {{server_id(0), "tcp://127.13.1.40:26262"}, {server_id(1), endpoint(1)}};
    return std::optional<Reply>(Reply{Status::ok, request.number, hello});
  });
  Client client = signed_in(options(2));  // nobody is at the first address any more
  CHECK(client.send(bob, "hello").done());
  CHECK(client.send(bob, "again").done());
  CHECK(leader.requests().size() == 2);
}

TEST_CASE("refused connections cost no poll") {
  FakeServer leader(endpoint(2), ok);
  Client client = signed_in(options(3));
  const auto begin = Clock::now();
  CHECK(client.send(bob, "hello").done());
  CHECK(Clock::now() - begin < poll);
}

TEST_CASE("a silent server costs one poll, and gets the same request id as the next one") {
  FakeServer quiet(endpoint(0), silence);
  FakeServer leader(endpoint(1), ok);
  Options with = options(2);
  std::vector<Progress> seen;
  with.on_progress = [&seen](const Progress& progress) { seen.push_back(progress); };
  Client client = signed_in(with);
  const auto begin = Clock::now();
  CHECK(client.send(bob, "hello").done());
  CHECK(Clock::now() - begin >= poll);
  REQUIRE(quiet.requests().size() == 1);
  REQUIRE(leader.requests().size() == 1);
  CHECK(quiet.requests()[0] == leader.requests()[0]);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].kind == Progress::Kind::no_answer);
  CHECK(seen[0].server == 0);
  CHECK(seen[0].text == "server 0 (127.14.7.1) does not answer, trying server 1 (127.14.7.2)");
  CHECK(seen[1].kind == Progress::Kind::answered);
  CHECK(seen[1].server == 1);
  // The next call goes to the one that answered.
  CHECK(client.send(bob, "again").done());
  CHECK(quiet.requests().size() == 1);
}

TEST_CASE("a process that dies with the request in hand is noticed at once") {
  std::mutex mutex;
  std::condition_variable changed;
  bool asked = false;
  auto first = std::make_unique<FakeServer>(endpoint(0), [&](const Request&) {
    const std::lock_guard lock(mutex);
    asked = true;
    changed.notify_all();
    return std::nullopt;
  });
  FakeServer second(endpoint(1), ok);
  Options with = options(2);
  with.poll = Milliseconds{4000};
  std::thread killer([&] {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds{10}, [&] { return asked; });
    first.reset();
  });
  Client client = signed_in(with);
  const auto begin = Clock::now();
  CHECK(client.send(bob, "hello").done());
  CHECK(Clock::now() - begin < Milliseconds{2000});
  killer.join();
}

TEST_CASE("a hint is followed; two servers that point at each other are not hammered") {
  FakeServer follower(endpoint(0), points_to(2));
  FakeServer leader(endpoint(2), ok);
  {
    Client client = signed_in(options(3));
    CHECK(client.send(bob, "hello").done());
    CHECK(follower.requests().size() == 1);
  }
  FakeServer other(endpoint(1), points_to(0));
  FakeServer confused(endpoint(3), points_to(1));
  Options with = options(4, Milliseconds{600});
  with.servers = {{0, endpoint(1)}, {1, endpoint(3)}};
  Client client = signed_in(with);
  const auto outcome = client.send(bob, "hello");
  CHECK_FALSE(outcome.done());
  CHECK(other.requests().size() >= 3);
  CHECK(other.requests().size() <= 15);
}

TEST_CASE("a server that comes back is found again") {
  auto server = std::make_unique<FakeServer>(endpoint(0), ok);
  Client client = signed_in(options(1));
  CHECK(client.send(bob, "one").done());
  server.reset();
  client.set_timeout(Milliseconds{300});
  const auto refused = client.send(bob, "two");
  REQUIRE(refused.refused() != nullptr);  // nobody took it: that is known
  CHECK(refused.refused()->code == "no_answer");
  server = std::make_unique<FakeServer>(endpoint(0), ok);
  client.set_timeout(Milliseconds{5000});
  CHECK(client.send(bob, "three").done());
  REQUIRE(server->requests().size() == 1);  // "two" was not kept for it in a queue
  CHECK(server->requests()[0].number == 3);
}

TEST_CASE("a write that a server took and nobody answered is unknown; asking again keeps its id") {
  auto server = std::make_unique<FakeServer>(endpoint(0), silence);
  Client client = signed_in(options(1, Milliseconds{500}));
  const auto unknown = client.send(bob, "hello");
  REQUIRE(unknown.unknown() != nullptr);
  const auto requests = server->requests();
  REQUIRE(requests.size() >= 2);
  for (const Request& request : requests) CHECK(request == requests[0]);
  server.reset();
  server = std::make_unique<FakeServer>(endpoint(0), ok);
  client.set_timeout(Milliseconds{5000});
  CHECK(client.with_request(unknown.unknown()->request).send(bob, "hello").done());
  CHECK(client.send(bob, "next").done());
  const auto later = server->requests();
  REQUIRE(later.size() == 2);
  CHECK(later[0] == requests[0]);
  CHECK(later[1].number == requests[0].number + 1);
}

TEST_CASE("asking again for a login sends the same token") {
  auto server = std::make_unique<FakeServer>(endpoint(0), silence);
  Client client(options(1, Milliseconds{300}));
  const auto unknown = client.log_in("alice", "password");
  REQUIRE(unknown.unknown() != nullptr);
  const auto first = server->requests();
  server.reset();
  server = std::make_unique<FakeServer>(endpoint(0), [](const Request&) {
    return Reply{.status = Status::ok,
                 .number = 0,
                 .body = reply::LoggedIn{.account = {}, .name = "alice", .expires = {}, .now = {}}};
  });
  client.set_timeout(Milliseconds{5000});
  const auto in = client.with_request(unknown.unknown()->request).log_in("alice", "password");
  REQUIRE(in.done());
  const auto second = server->requests();
  REQUIRE(!first.empty());
  REQUIRE(second.size() == 1);
  CHECK(first[0] == second[0]);
  CHECK(in.value().token.size() == 32);
}

TEST_CASE("a read that nobody answers is refused with no_answer") {
  FakeServer quiet(endpoint(0), silence);
  Client client = signed_in(options(1, Milliseconds{300}));
  const auto outcome = client.list_rooms();
  REQUIRE(outcome.refused() != nullptr);
  CHECK(outcome.refused()->code == "no_answer");
}

TEST_CASE("unavailable is tried again until the deadline, then reported with whom it waits for") {
  FakeServer stale(endpoint(0), [](const Request&) {
    return error_reply(Status::unavailable,
                       {.text = "waiting for server 1", .servers = {server_id(1)}});
  });
  Client client = signed_in(options(2, Milliseconds{600}));
  const auto outcome = client.send(bob, "hello");
  REQUIRE(outcome.refused() != nullptr);
  CHECK(outcome.refused()->code == "unavailable");
  CHECK(outcome.refused()->text == "waiting for server 1");
  CHECK(outcome.refused()->waiting_for == std::vector<unsigned>{1});
  CHECK(stale.requests().size() >= 2);
  CHECK(stale.requests().size() <= 12);
}

TEST_CASE("busy is asked again after the time it names") {
  std::atomic<int> count{0};
  FakeServer busy(endpoint(0), [&count](const Request&) {
    return ++count == 1 ? error_reply(Status::busy, {.text = "later", .retry_ms = 150})
                        : sent_reply();
  });
  Client client = signed_in(options(1));
  const auto begin = Clock::now();
  CHECK(client.send(bob, "hello").done());
  CHECK(Clock::now() - begin >= Milliseconds{150});
  CHECK(count == 2);
}

TEST_CASE("a refusal is final") {
  FakeServer leader(endpoint(0), [](const Request&) {
    return error_reply(Status::no_such_user, {.text = "there is no user bob"});
  });
  Client client = signed_in(options(2));
  const auto outcome = client.send(bob, "hello");
  REQUIRE(outcome.refused() != nullptr);
  CHECK(outcome.refused()->code == "no_such_user");
  CHECK(leader.requests().size() == 1);
}

TEST_CASE("a log-out whose first copy was done is done") {
  std::atomic<int> count{0};
  FakeServer leader(endpoint(0), [&count](const Request&) -> std::optional<Reply> {
    if (++count == 1) return std::nullopt;
    return error_reply(Status::not_signed_in, {.text = "no such session"});
  });
  Client client = signed_in(options(1));
  CHECK(client.log_out().done());
  CHECK_FALSE(client.log_out().done());
}

TEST_CASE("status asks this very server and no other") {
  FakeServer other(endpoint(1), [](const Request&) {
    return Reply{.status = Status::ok,
                 .number = 0,
                 .body = reply::ServerStatus{.software = "x", .role = "follower"}};
  });
  Client client(options(2));
  CHECK_FALSE(client.status(0).done());
  const auto status = client.status(1);
  REQUIRE(status.done());
  CHECK(status.value().role == "follower");
  CHECK_FALSE(client.status(2).done());
}

TEST_CASE("a client id of one's own numbers the writes from where it is told") {
  FakeServer leader(endpoint(0), ok);
  Client client = signed_in(options(1));
  client.use_client_id("0123456789abcdef", 41);
  CHECK(client.send(bob, "a").done());
  CHECK(client.send(bob, "b").done());
  const auto requests = leader.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].number == 41);
  CHECK(requests[1].number == 42);
  CHECK(requests[1].client.bytes[0] == '0');
  CHECK_THROWS_AS(client.use_client_id("short", 1), std::invalid_argument);
}

TEST_CASE("a subscription keeps its place over a failover and passes each message on once") {
  const auto message = [](std::uint8_t n) {
    chat262::Message m;
    m.id.bytes[0] = n;
    m.at = {n};
    m.text = std::string(1, static_cast<char>('a' + n));
    return m;
  };
  // Knows three messages, answers as a real one would, and repeats the one before the cursor.
  const auto events = [&](const Request& request) -> std::optional<Reply> {
    const auto& asked = std::get<request::Events>(request.body);
    reply::Events page;
    page.next = {3};
    if (!asked.since) {
      page.next = {0};
      return Reply{.status = Status::ok, .number = 0, .body = page};
    }
    const std::uint8_t since = asked.since->empty() ? 0 : asked.since->front();
    for (std::uint8_t n = since; n <= 3; ++n) {
      if (n > 0) page.events.emplace_back(message(n));
    }
    return Reply{.status = Status::ok, .number = 0, .body = page};
  };
  auto first = std::make_unique<FakeServer>(endpoint(0), events);
  FakeServer second(endpoint(1), events);
  std::mutex mutex;
  std::condition_variable changed;
  std::string text;
  bool failed_over = false;
  Client client = signed_in(options(2));
  client.subscribe(
      std::nullopt,
      [&](const Event& event, const Cursor&) {
        const std::lock_guard lock(mutex);
        text += std::get<Message>(event).text;
        changed.notify_all();
      },
      [&](const Progress& progress) {
        const std::lock_guard lock(mutex);
        failed_over = failed_over || progress.kind == Progress::Kind::answered;
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, std::chrono::seconds{10}, [&] { return text.size() >= 3; }));
  lock.unlock();
  first.reset();
  lock.lock();
  REQUIRE(changed.wait_for(lock, std::chrono::seconds{10}, [&] { return failed_over; }));
  lock.unlock();
  client.unsubscribe();
  CHECK(text == "bcd");
}

TEST_CASE("a subscription ends when the session is refused, and unsubscribing does not hang") {
  FakeServer leader(endpoint(0), [](const Request&) {
    return error_reply(Status::not_signed_in, {.text = "log in"});
  });
  std::mutex mutex;
  std::condition_variable changed;
  std::string code;
  Client client = signed_in(options(1));
  client.subscribe(
      Cursor{}, [](const Event&, const Cursor&) {}, {},
      [&](const Refused& refused) {
        const std::lock_guard lock(mutex);
        code = refused.code;
        changed.notify_all();
      });
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds{10}, [&] { return !code.empty(); }));
  }
  CHECK(code == "not_signed_in");
  // To a server that never answers: the end does not wait for the poll.
  FakeServer quiet(endpoint(1), silence);
  Options with = options(1);
  with.servers = {{0, endpoint(1)}};
  with.poll = Milliseconds{60'000};
  Client other = signed_in(with);
  other.subscribe(Cursor{}, [](const Event&, const Cursor&) {});
  while (quiet.requests().empty()) std::this_thread::yield();
  const auto begin = Clock::now();
  other.unsubscribe();
  CHECK(Clock::now() - begin < std::chrono::seconds{5});
}

TEST_CASE("subscribing without a session is a mistake of the program") {
  Client client(options(1));
  CHECK_THROWS_AS(client.subscribe(std::nullopt, [](const Event&, const Cursor&) {}),
                  std::logic_error);
  CHECK_THROWS_AS(Client(Options{}), std::invalid_argument);
}

TEST_CASE("an older server that takes no description gets the same log-in without") {
  FakeServer server(endpoint(0), [](const Request& request) -> std::optional<Reply> {
    const auto& login = std::get<request::LogIn>(request.body);
    if (!login.client.empty()) return error_reply(Status::malformed, {.text = "body"});
    return Reply{Status::ok, 0, reply::LoggedIn{{}, "alice", {}, {}}};
  });
  auto with = options(1);
  with.description = "a program";
  Client client(with);
  CHECK(client.log_in("alice", "a long password").done());
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].number == requests[1].number);
  CHECK(std::get<request::LogIn>(requests[0].body).token ==
        std::get<request::LogIn>(requests[1].body).token);
}

TEST_CASE("too many tries: a log-in is told at once, anything else waits") {
  std::atomic<int> asked{0};
  FakeServer server(endpoint(0), [&asked](const Request& request) -> std::optional<Reply> {
    if (++asked > 1 && std::holds_alternative<request::Send>(request.body)) return sent_reply();
    return error_reply(Status::too_many, {.text = "too many", .retry_ms = 100});
  });
  Client client = signed_in(options(1));
  CHECK(client.send(bob, "hello").done());
  CHECK(asked == 2);
  const auto refused = client.log_in("alice", "a long password");
  REQUIRE(refused.refused() != nullptr);
  CHECK(refused.refused()->code == "too_many");
  CHECK(refused.refused()->retry_ms == 100);
  CHECK(asked == 3);
}

}  // namespace chat262::client

// Who is admitted, which keys count, a server's own, and a port that takes another key.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "broker/curve.hpp"
#include "broker/handshakes.hpp"
#include "broker/key_change.hpp"
#include "broker/listener.hpp"
#include "broker/members.hpp"
#include "broker/own_keys.hpp"
#include "broker/self_test.hpp"
#include "broker/zap.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::broker;
using replica::clock_ms;
using Outcome = Handshakes::Outcome;

namespace {

PublicKey key(std::uint8_t number) {
  PublicKey key;
  key.bytes[0] = number;
  return key;
}

Handshakes::Request from(const std::string& address, const std::string& domain, std::uint8_t of) {
  return {domain, address, "CURVE", key(of)};
}

ClusterConfig cluster() {
  ClusterConfig config;
  config.id.bytes[0] = 9;
  for (unsigned id = 0; id < 3; ++id) {
    config.servers.push_back({server_id(id), "10.0.0." + std::to_string(id + 1), 26262, 26263,
                              key(static_cast<std::uint8_t>(id + 1))});
  }
  return config;
}

store::ServerKey said(unsigned server, std::uint8_t now, std::uint8_t before, std::uint64_t at) {
  return {server_id(server),   cluster().id, key(now), before == 0 ? PublicKey{} : key(before),
          TimeMs{{1'000'000}}, seq(at)};
}

bool admits(const Members& members, std::uint8_t number, std::int64_t now = 1) {
  const Handshakes::Request request = from("10.9.9.9", servers_domain, number);
  return Handshakes({}, {}, true).judge(request, members.known_keys(clock_ms(now)), {}).outcome ==
         Outcome::admitted;
}

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("chat262-own-keys-" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path / "data"); }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] KeySources sources() const {
    return {server_id(1), path / "data", {}, path / "cluster.toml", {}};
  }
};

}  // namespace

TEST_CASE("clients are admitted with any key, servers with a known one") {
  Handshakes handshakes({}, {}, true);
  const std::vector<KnownKey> keys{{key(1), server_id(0), false}, {key(9), server_id(2), true}};
  const auto judge = [&](const Handshakes::Request& request) {
    return handshakes.judge(request, keys, clock_ms(0));
  };
  CHECK(judge(from("10.0.0.1", "clients", 77)).outcome == Outcome::admitted);
  CHECK_FALSE(judge(from("10.0.0.1", "clients", 1)).server);
  const auto server = judge(from("10.0.0.1", "servers", 1));
  CHECK(server.outcome == Outcome::admitted);
  CHECK(server.server == server_id(0));
  CHECK(judge(from("10.0.0.1", "servers", 77)).outcome == Outcome::unknown);
  const auto former = judge(from("10.0.0.1", "servers", 9));
  CHECK(former.outcome == Outcome::former);
  CHECK(former.server == server_id(2));
  CHECK(judge(from("10.0.0.1", "", 1)).outcome == Outcome::malformed);
  CHECK(judge(from("10.0.0.1", "global", 1)).outcome == Outcome::malformed);
  auto plain = from("10.0.0.1", "clients", 1);
  plain.mechanism = "NULL";
  CHECK(judge(plain).outcome == Outcome::malformed);
  plain = from("10.0.0.1", "servers", 1);
  plain.key.reset();
  CHECK(judge(plain).outcome == Outcome::malformed);
}

TEST_CASE("an address makes so many handshakes, and gets more in time") {
  ServiceLimits limits;
  limits.address_handshakes_per_s = 10;
  Handshakes handshakes(limits, {}, true);
  const std::vector<KnownKey> keys{{key(1), server_id(0), false}};
  const auto outcome = [&](Handshakes& of, const std::string& address, std::int64_t now,
                           std::uint8_t with = 7, const std::string& domain = "clients") {
    return of.judge(from(address, domain, with), keys, clock_ms(now)).outcome;
  };
  const unsigned burst = 10 * Handshakes::burst_ms / 1000;
  for (unsigned i = 0; i < burst; ++i) {
    CHECK(outcome(handshakes, "10.0.0.1", 0) == Outcome::admitted);
  }
  CHECK(outcome(handshakes, "10.0.0.1", 0) == Outcome::too_many);
  CHECK(outcome(handshakes, "::ffff:10.0.0.1", 0) == Outcome::too_many);  // the same one
  CHECK(outcome(handshakes, "10.0.0.1", 0, 7, "servers") == Outcome::too_many);
  CHECK(outcome(handshakes, "10.0.0.1", 0, 1, "servers") == Outcome::admitted);  // a server's key
  CHECK(outcome(handshakes, "10.0.0.2", 0) == Outcome::admitted);
  CHECK(outcome(handshakes, "10.0.0.1", 100) == Outcome::admitted);
  CHECK(outcome(handshakes, "10.0.0.1", 100) == Outcome::too_many);
  for (unsigned i = 0; i < 2 * burst; ++i) {
    CHECK(outcome(handshakes, "127.0.0.1", 0) == Outcome::admitted);
  }
  limits.loopback = true;
  Handshakes all(limits, {}, true);
  for (unsigned i = 0; i < burst; ++i) CHECK(outcome(all, "::1", 0) == Outcome::admitted);
  CHECK(outcome(all, "::1", 0) == Outcome::too_many);
}

TEST_CASE("without keys clients are limited all the same") {
  ServiceLimits limits;
  limits.address_handshakes_per_s = 10;
  Handshakes handshakes(limits, {}, false);
  auto request = from("10.0.0.1", "clients", 1);
  CHECK(handshakes.judge(request, {}, clock_ms(0)).outcome == Outcome::malformed);  // CURVE
  request.mechanism = "NULL";
  request.key.reset();
  const unsigned burst = 10 * Handshakes::burst_ms / 1000;
  for (unsigned i = 0; i < burst; ++i) {
    CHECK(handshakes.judge(request, {}, clock_ms(0)).outcome == Outcome::admitted);
  }
  CHECK(handshakes.judge(request, {}, clock_ms(0)).outcome == Outcome::too_many);
  CHECK(handshakes.judge(request, {}, clock_ms(100)).outcome == Outcome::admitted);
  request.domain = "servers";
  CHECK(handshakes.judge(request, {}, clock_ms(200)).outcome == Outcome::malformed);
}

TEST_CASE("a key that was changed is admitted for a while, the log's counts over the file's") {
  Members members(cluster(), server_id(0), {});
  members.count_file(false);
  CHECK(admits(members, 2));
  const auto wall = TimeMs{{1'000'000}};
  CHECK(members.take_keys({said(1, 20, 2, 50)}, seq(49), wall, clock_ms(10)).empty());
  CHECK(members.take_keys({said(1, 20, 2, 50)}, seq(50), wall, clock_ms(10)) ==
        std::vector{server_id(1)});
  CHECK(members.key(server_id(1)) == key(20));
  CHECK(members.now().servers[1].key == key(20));
  CHECK(members.keys_to_try(server_id(1)) == std::vector{key(20), key(2)});
  CHECK(admits(members, 20));
  CHECK(admits(members, 2, 10 + Members::former_key_ms_max - 1));
  CHECK_FALSE(admits(members, 2, 10 + Members::former_key_ms_max));
  CHECK(members.difference() == "server 1 has another key since entry 50");
  // A server that is not in-sync may have been told by its file.
  members.take_keys({said(1, 30, 20, 60)}, seq(60), wall, clock_ms(20));
  CHECK_FALSE(admits(members, 2));
  members.count_file(true);
  CHECK(admits(members, 2));
  // What it says itself is tried first.
  members.learn(server_id(1), {0, {}, key(40)});
  CHECK(members.keys_to_try(server_id(1)).front() == key(40));
  CHECK_FALSE(admits(members, 40));
}

TEST_CASE("the key of a machine that was replaced is known and refused") {
  Members members(cluster(), server_id(0), {});
  members.take({{server_id(1), cluster().id, 1, {"10.0.0.9", 26262, 26263}, seq(51)}}, seq(51));
  members.take_keys({said(1, 20, 2, 50)}, seq(51), TimeMs{{1'000'000}}, clock_ms(10));
  members.count_file(false);
  CHECK(admits(members, 20));
  const auto verdict =
      Handshakes({}, {}, true)
          .judge(from("10.0.0.2", servers_domain, 2), members.known_keys(clock_ms(11)), {});
  CHECK(verdict.outcome == Outcome::former);
  CHECK(members.keys_to_try(server_id(1)) == std::vector{key(20)});
  CHECK_FALSE(members.takes_part(server_id(1), peer::Claim{1, {"10.0.0.9", 26262, 26263}, key(2)}));
  CHECK(members.takes_part(server_id(1), peer::Claim{1, {"10.0.0.9", 26262, 26263}, key(20)}));
  // The new machine changes its key: the one before is its own, the first one still is not.
  members.take_keys({said(1, 30, 20, 70)}, seq(70), TimeMs{{1'000'000}}, clock_ms(10));
  CHECK(admits(members, 20));
  CHECK_FALSE(admits(members, 2));
  CHECK(refused_key(members, server_id(1), key(2), {clock_ms(11), {}}).find("had it") !=
        std::string::npos);
  CHECK(refused_key(members, server_id(1), key(3), {clock_ms(11), {}}).find("has it") !=
        std::string::npos);
  CHECK(refused_key(members, server_id(1), key(50), {clock_ms(11), {}}).empty());
}

TEST_CASE("a key that is committed before its place is the new machine's all the same") {
  Members members(cluster(), server_id(0), {});
  members.count_file(false);
  members.take_keys({said(1, 20, 2, 50)}, seq(50), TimeMs{{1'000'000}}, clock_ms(10));
  CHECK(admits(members, 2));  // as far as is known the machine has only changed its key
  const store::ReplacedServer placed{
      server_id(1), cluster().id, 1, {"10.0.0.2", 26262, 26263}, seq(51)};
  members.take({placed}, seq(51));
  members.take_keys({said(1, 20, 2, 50)}, seq(51), TimeMs{{1'000'000}}, clock_ms(10));
  CHECK(admits(members, 20));
  CHECK_FALSE(admits(members, 2));
}

TEST_CASE("at one place the key tells machines apart") {
  const Place here{"10.0.0.2", 26262, 26263};
  Members members(cluster(), server_id(0), {});
  for (const std::uint8_t times : {1, 2}) {  // key 20 at entry 50, key 30 at entry 60
    const auto at = static_cast<std::uint64_t>(40 + 10 * times);
    const auto own = static_cast<std::uint8_t>(10 + 10 * times);
    members.take({{server_id(1), cluster().id, times, here, seq(at + 1)}}, seq(at + 1));
    members.take_keys({said(1, own, times == 1 ? 2 : 20, at)}, seq(at + 1), TimeMs{{1'000'000}},
                      clock_ms(10));
  }
  members.count_file(false);
  CHECK(admits(members, 30));
  for (const std::uint8_t former : {2, 20}) {
    const auto known = members.known_keys(clock_ms(11));
    CHECK(Handshakes({}, {}, true)
              .judge(from("10.0.0.2", servers_domain, former), known, {})
              .outcome == Outcome::former);
  }
  const auto told = members.superseded(server_id(1));
  CHECK(Members(cluster(), server_id(1), {}).means_this(told));
  CHECK_FALSE(Members(cluster(), server_id(1), {{server_id(1), cluster().id, 2, here, seq(61)}})
                  .means_this(told));
}

TEST_CASE("a server starts with the secret that log or file want, whatever a crash has left") {
  const Folder folder;
  const auto one = new_key_pair();
  const auto two = new_key_pair();
  REQUIRE(write_new_key_file(folder.path / "server-1.key", {one}, "x"));
  auto own = OwnKeys::load(folder.sources(), {}, one.key);
  REQUIRE(own);
  CHECK(own->present().key == one.key);
  CHECK_FALSE(OwnKeys::load(folder.sources(), {}, two.key));
  CHECK_FALSE(OwnKeys::load(folder.sources(), two.key, two.key));

  // A change of keys has got as far as the file, and the log does not say it.
  REQUIRE(replace_key_file(folder.path / "data" / own_keys_file, {two, one}, "x"));
  own = OwnKeys::load(folder.sources(), {}, one.key);
  REQUIRE(own);
  CHECK(own->present().key == one.key);
  CHECK(own->has(two.key));
  CHECK(own->next().key == two.key);  // it is taken up again
  own->change_to(two.key);
  CHECK(own->present().key == two.key);
  CHECK(own->next().key != two.key);
  CHECK(own->next().key != one.key);

  // The log says it.
  own = OwnKeys::load(folder.sources(), two.key, one.key);
  REQUIRE(own);
  CHECK(own->present().key == two.key);
  CHECK(own->next().key != two.key);
  std::filesystem::remove(folder.path / "server-1.key");  // not needed any more
  CHECK(OwnKeys::load(folder.sources(), two.key, one.key));
}

TEST_CASE("a port takes another key, and what is connected stays") {
  zmq::context_t context;
  ZapHandler handler(context, {}, true);
  zmq::socket_t router(context, zmq::socket_type::router);
  router.set(zmq::sockopt::rcvtimeo, 5000);
  router.set(zmq::sockopt::linger, 0);
  zmq::context_t elsewhere;
  const auto client = [&](const std::string& endpoint, const KeyPair& server) {
    zmq::socket_t socket(elsewhere, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    connect_curve(socket, new_key_pair(), server.key);
    socket.connect(endpoint);
    return socket;
  };
  const auto heard = [&](zmq::socket_t& socket) {
    socket.send(zmq::str_buffer("x"));
    zmq::message_t frame;
    return router.recv(frame).has_value() && router.recv(frame).has_value();
  };
  const std::string endpoint = "tcp://127.13.9.9:21977";
  auto listener = Listener::open(endpoint, "clients");
  REQUIRE(listener);
  const auto taken = Listener::open(endpoint, "clients");
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::in_use);
  const auto one = new_key_pair();
  serve_curve(router, one, clients_domain);
  REQUIRE(listener->give(router));
  auto first = client(endpoint, one);
  REQUIRE(heard(first));
  for (int changes = 0; changes < 3; ++changes) {
    const auto two = new_key_pair();
    serve_curve(router, two, clients_domain);
    REQUIRE(listener->give(router));
    for (int i = 0; i < 5; ++i) {
      auto later = client(endpoint, two);
      REQUIRE(heard(later));
    }
    REQUIRE(heard(first));
  }
  const auto still_taken = Listener::open(endpoint, "clients");
  CHECK_FALSE(still_taken);
}

TEST_CASE("a handler that answers is not taken for dead, however long its asker was away") {
  zmq::context_t context;
  ZapHandler handler(context, {}, true);
  for (std::int64_t now = 0; now < 100'000; now += 20'000) CHECK(handler.watch(clock_ms(now)));
}

TEST_CASE("the test of the own sockets waits for handshakes that fail for lack of time") {
  zmq::context_t context;
  ZapHandler handler(context, {}, true);
  const auto own = new_key_pair();
  handler.know({{own.key, server_id(0), false}});
  zmq::socket_t router(context, zmq::socket_type::router);
  zmq::socket_t pull(context, zmq::socket_type::pull);
  for (auto* socket : {&router, &pull}) socket->set(zmq::sockopt::linger, 0);
  serve_curve(router, own, clients_domain);
  serve_curve(pull, own, servers_domain);
  router.bind("tcp://127.13.9.9:21978");
  // The first connections of all three who come to the servers' port are cut off.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(21979);
  address.sin_addr.s_addr = htonl(0x7f0d0909);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener, 16) == 0);
  std::thread rude([&] {
    for (int n = 0; n < 3; ++n) ::close(::accept(listener, nullptr, nullptr));
    ::close(listener);
    pull.bind("tcp://127.13.9.9:21979");
  });
  const auto tested = test_admission({"tcp://127.13.9.9:21978", "tcp://127.13.9.9:21979", own});
  rude.join();
  CHECK(tested);
}

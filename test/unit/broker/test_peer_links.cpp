// Peer links and the prober, on real sockets.
#include "broker/peer_links.hpp"

#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/prober.hpp"
#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/eventually.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;
using replica::clock_ms;

namespace {

ClusterConfig two_servers(std::uint8_t cluster = 1) {
  ClusterConfig config;
  config.id.bytes[0] = cluster;
  config.servers.push_back({server_id(0), "127.13.9.2"});
  config.servers.push_back({server_id(1), "127.13.9.3"});
  return config;
}

// A port that nobody uses now, below those that the kernel gives away by itself.
std::uint16_t free_port(const std::string& host) {
  for (std::uint16_t port = 21'000; port < 32'000; ++port) {
    const auto address = resolve(host, port);
    REQUIRE(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool free =
        bind(fd, reinterpret_cast<const sockaddr*>(&address->socket), address->length) == 0;
    close(fd);
    if (free) return port;
  }
  FAIL("no free port");
  return 0;
}

peer::Message message(ServerId from) {
  peer::Message hello;
  hello.from = from;
  hello.from_incarnation = {1, 2};
  hello.body = peer::Hello{};
  return hello;
}

// Whether what server 1 sends comes to server 0, in the end.
bool arrives(PeerLinks& sender, PeerLinks& receiver) {
  std::vector<peer::Message> got;
  std::vector<std::string> notes;
  return eventually([&] {
    sender.send(server_id(0), message(server_id(1)));
    receiver.receive(100, got, clock_ms(1), notes);
    return !got.empty();
  });
}

}  // namespace

TEST_CASE("peer messages arrive, those of other clusters and strangers do not") {
  zmq::context_t context;
  const auto port = free_port("127.13.9.2");
  const auto address = resolve("127.13.9.2", port);
  REQUIRE(address);
  const std::map<ServerId, Address> zero{{server_id(0), *address}};
  Members members(two_servers(), server_id(0), {});
  PeerLinks receiver(context, members, server_id(0), {});
  REQUIRE(receiver.bind(address->endpoint));

  std::vector<peer::Message> got;
  std::vector<std::string> notes;
  const auto take = [&] { receiver.receive(100, got, clock_ms(1), notes); };
  {
    zmq::context_t sending;
    Members ones(two_servers(), server_id(1), {});
    PeerLinks sender(sending, ones, server_id(1), zero);
    sender.connect();
    REQUIRE(eventually([&] {
      sender.send(server_id(0), message(server_id(1)));
      take();
      return !got.empty();
    }));
    CHECK(got[0] == message(server_id(1)));
    got.clear();
    const auto foreign = receiver.counters().foreign;
    sender.send(server_id(0), message(server_id(0)));  // calls itself as the receiver is called
    REQUIRE(eventually([&] {
      take();
      return receiver.counters().foreign > foreign;
    }));
  }
  zmq::context_t sending;
  Members other_cluster(two_servers(2), server_id(1), {});
  PeerLinks stranger(sending, other_cluster, server_id(1), zero);
  stranger.connect();
  notes.clear();
  got.clear();
  const auto foreign = receiver.counters().foreign;
  REQUIRE(eventually([&] {
    stranger.send(server_id(0), message(server_id(1)));
    take();
    return receiver.counters().foreign > foreign + 5;
  }));
  CHECK(got.empty());
  REQUIRE(notes.size() == 1);  // said once, not for every message
  CHECK(notes[0].find("127.0.0.1") != std::string::npos);
  CHECK(notes[0].find("cluster") != std::string::npos);
}

TEST_CASE("a machine that was replaced is not heard, and the new one is") {
  zmq::context_t context;
  const auto address = resolve("127.13.9.2", free_port("127.13.9.2"));
  REQUIRE(address);
  const Place place{"127.13.9.7", 26262, 26263};
  const store::ReplacedServer moved{server_id(1), two_servers().id, 1, place, seq(5)};
  Members members(two_servers(), server_id(0), {moved});
  PeerLinks receiver(context, members, server_id(0), {});
  REQUIRE(receiver.bind(address->endpoint));
  std::vector<peer::Message> got;
  std::vector<std::string> notes;
  std::int64_t now = 1;
  const auto from_machine = [&](Members& its, const auto& done) {
    zmq::context_t sending;
    PeerLinks sender(sending, its, server_id(1), {{server_id(0), *address}});
    sender.connect();
    REQUIRE(eventually([&] {
      sender.send(server_id(0), message(server_id(1)));
      receiver.receive(100, got, clock_ms(++now), notes);
      return done();
    }));
  };
  const auto dropped = [&](std::uint64_t more) {
    return [&receiver, upto = receiver.counters().replaced + more] {
      return receiver.counters().replaced >= upto;
    };
  };
  Members old_machine(two_servers(), server_id(1), {});
  from_machine(old_machine, dropped(5));  // it has not heard that a claim can be read here
  CHECK(notes.empty());
  now += 6'000;
  from_machine(old_machine, dropped(5));
  REQUIRE(notes.size() == 1);  // said once
  CHECK(notes[0].find("127.13.9.7:26262") != std::string::npos);
  old_machine.heard_level(server_id(0), peer::feature_level);
  from_machine(old_machine, dropped(5));
  CHECK(notes.size() == 1);
  CHECK(got.empty());

  auto its_file = two_servers();
  its_file.servers[1].host = place.host;
  Members new_machine(its_file, server_id(1), {});
  from_machine(new_machine, dropped(1));
  new_machine.heard_level(server_id(0), peer::feature_level);
  from_machine(new_machine, [&] { return !got.empty(); });
}

TEST_CASE("a machine that was replaced is told so") {
  zmq::context_t context;
  const auto address = resolve("127.13.9.2", free_port("127.13.9.2"));
  REQUIRE(address);
  auto file = two_servers();
  file.servers[1].peer_port = free_port("127.13.9.3");
  const auto its_address = resolve("127.13.9.3", file.servers[1].peer_port);
  REQUIRE(its_address);
  const Place place{"127.13.9.7", 26262, 26263};
  Members members(file, server_id(0), {{server_id(1), file.id, 1, place, seq(5)}});
  PeerLinks receiver(context, members, server_id(0), {});
  REQUIRE(receiver.bind(address->endpoint));

  zmq::context_t elsewhere;
  Members its_members(file, server_id(1), {});
  PeerLinks old_machine(elsewhere, its_members, server_id(1), {{server_id(0), *address}});
  REQUIRE(old_machine.bind(its_address->endpoint));
  old_machine.connect();
  std::vector<peer::Message> got;
  std::vector<peer::Message> told;
  std::vector<std::string> notes;
  REQUIRE(eventually([&] {
    old_machine.send(server_id(0), message(server_id(1)));
    receiver.receive(100, got, clock_ms(1), notes);
    old_machine.receive(100, told, clock_ms(1), notes);
    return !told.empty();
  }));
  CHECK(got.empty());
  const auto* said = std::get_if<peer::Superseded>(&told[0].body);
  REQUIRE(said != nullptr);
  CHECK(its_members.means_this(*said));
  CHECK(said->place == place);
}

TEST_CASE("a link goes to where its server is") {
  zmq::context_t context;
  const auto before = resolve("127.13.9.2", free_port("127.13.9.2"));
  const auto after = resolve("127.13.9.5", free_port("127.13.9.5"));
  REQUIRE(before);
  REQUIRE(after);
  Members ones(two_servers(), server_id(1), {});
  PeerLinks sender(context, ones, server_id(1), {{server_id(0), *before}});
  sender.connect();
  Members members(two_servers(), server_id(0), {});
  PeerLinks receiver(context, members, server_id(0), {});
  REQUIRE(receiver.bind(after->endpoint));
  sender.move(server_id(0), after->endpoint);
  REQUIRE(arrives(sender, receiver));
}

TEST_CASE("a connection through which nothing comes is made anew") {
  zmq::context_t context;
  const auto zero = resolve("127.13.9.2", free_port("127.13.9.2"));
  const auto one = resolve("127.13.9.3", free_port("127.13.9.3"));
  REQUIRE(zero);
  REQUIRE(one);
  Members members(two_servers(), server_id(1), {});
  Members others(two_servers(), server_id(0), {});
  PeerLinks links(context, members, server_id(1), {{server_id(0), *zero}});
  PeerLinks other(context, others, server_id(0), {{server_id(1), *one}});
  REQUIRE(links.bind(one->endpoint));
  REQUIRE(other.bind(zero->endpoint));
  links.connect();
  other.connect();
  REQUIRE(arrives(links, other));
  std::vector<PeerLinks::Broken> broken;
  links.read_monitors(broken);

  // At `now` the other one says when it heard the last heartbeat.
  const auto told = [&](std::int64_t now, std::int64_t heard) {
    auto beat = message(server_id(0));
    beat.body = peer::Heartbeat{.heard_ms = heard};
    std::vector<peer::Message> got;
    std::vector<std::string> notes;
    const auto sent = other.counters().sent;
    REQUIRE(eventually([&] {
      if (other.counters().sent == sent) other.send(server_id(1), beat);
      links.receive(100, got, clock_ms(now), notes);
      return !got.empty();
    }));
    links.keep(clock_ms(now));
    return links.counters().renewed;
  };
  CHECK(told(100'000, 99'900) == 0);
  CHECK(told(105'100, 99'900) == 0);  // old news, of a process that was stopped
  CHECK(told(106'000, 105'900) == 0);
  CHECK(told(112'000, 105'900) == 0);
  CHECK(told(114'900, 105'900) == 0);
  CHECK(told(115'000, 105'900) == 1);
  REQUIRE(arrives(links, other));
  links.read_monitors(broken);
  CHECK(told(116'000, 0) == 1);
  CHECK(told(119'000, 0) == 2);
  // One that does not come up is, too.
  links.keep(clock_ms(120'000));
  links.keep(clock_ms(122'900));
  CHECK(links.counters().renewed == 2);
  links.keep(clock_ms(123'000));
  CHECK(links.counters().renewed == 3);
}

TEST_CASE("garbage on the peer port is counted and changes nothing") {
  zmq::context_t context;
  const auto port = free_port("127.13.9.2");
  const auto address = resolve("127.13.9.2", port);
  REQUIRE(address);
  Members members(two_servers(), server_id(0), {});
  PeerLinks receiver(context, members, server_id(0), {});
  REQUIRE(receiver.bind(address->endpoint));
  zmq::socket_t push(context, zmq::socket_type::push);
  push.set(zmq::sockopt::linger, 0);
  push.connect(address->endpoint);
  push.send(zmq::str_buffer("garbage"));
  push.send(zmq::str_buffer("several"), zmq::send_flags::sndmore);
  for (int i = 0; i < 500; ++i) push.send(zmq::str_buffer("frames"), zmq::send_flags::sndmore);
  push.send(zmq::str_buffer("frames"));
  std::vector<peer::Message> got;
  std::vector<std::string> notes;
  REQUIRE(eventually([&] {
    receiver.receive(100, got, clock_ms(1), notes);
    return receiver.counters().malformed == 2;
  }));
  CHECK(got.empty());
}

TEST_CASE("a connection that is lost is told at once") {
  zmq::context_t context;
  const auto address = resolve("127.13.9.2", free_port("127.13.9.2"));
  REQUIRE(address);
  Members members(two_servers(), server_id(0), {});
  Members ones(two_servers(), server_id(1), {});
  PeerLinks sender(context, ones, server_id(1), {{server_id(0), *address}});
  std::vector<PeerLinks::Broken> broken;
  {
    zmq::context_t dying;
    PeerLinks receiver(dying, members, server_id(0), {});
    REQUIRE(receiver.bind(address->endpoint));
    sender.connect();
    REQUIRE(arrives(sender, receiver));
    sender.read_monitors(broken);
    broken.clear();
  }
  REQUIRE(eventually([&] {
    sender.read_monitors(broken);
    return !broken.empty();
  }));
  CHECK(broken[0].peer == server_id(0));
  CHECK(broken[0].was_connected);
}

TEST_CASE("a probe tells a port where nobody listens from one where somebody does") {
  const auto dead = resolve("127.13.9.4", free_port("127.13.9.4"));
  const auto alive = resolve("127.13.9.5", free_port("127.13.9.5"));
  REQUIRE(dead);
  REQUIRE(alive);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&alive->socket), alive->length) == 0);
  REQUIRE(listen(listener, 5) == 0);
  const std::map<ServerId, Address> peers{{server_id(0), *dead}, {server_id(1), *alive}};
  Prober prober(peers);
  prober.start(server_id(0), clock_ms(1));
  prober.start(server_id(1), clock_ms(1));
  prober.start(server_id(2), clock_ms(1));  // its name could not be resolved
  std::vector<replica::ProbeResult> results;
  REQUIRE(eventually([&] {
    prober.finish(clock_ms(2), results);
    return results.size() == 3;
  }));
  for (const auto& result : results) CHECK(result.refused == (result.peer == server_id(0)));
  close(listener);
}

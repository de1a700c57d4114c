// Where the servers are, and whose messages count.
#include "broker/members.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::broker;

namespace {

ClusterConfig cluster() {
  ClusterConfig config;
  config.id.bytes[0] = 9;
  for (unsigned id = 0; id < 3; ++id) {
    config.servers.push_back({server_id(id), "10.0.0." + std::to_string(id + 1)});
  }
  return config;
}

Place at(const std::string& host) {
  return {host, 26262, 26263};
}

store::ReplacedServer replaced(unsigned server, std::uint32_t times, const std::string& host,
                               std::uint64_t entry) {
  return {server_id(server), cluster().id, times, at(host), seq(entry)};
}

std::string host_of(const Members& members, unsigned server) {
  return members.now().servers[server].host;
}

}  // namespace

TEST_CASE("the log's word counts over the file's, when it is committed") {
  Members members(cluster(), server_id(0), {});
  CHECK(members.difference().empty());
  CHECK(members.take({replaced(2, 1, "10.0.0.9", 50)}, seq(49)).empty());
  CHECK(host_of(members, 2) == "10.0.0.3");
  CHECK(members.take({replaced(2, 1, "10.0.0.9", 50)}, seq(50)) == std::vector{server_id(2)});
  CHECK(host_of(members, 2) == "10.0.0.9");
  CHECK(members.take({replaced(2, 1, "10.0.0.9", 50)}, seq(60)).empty());
  CHECK(members.difference() ==
        "server 2 is at 10.0.0.9:26262 since entry 50, not at 10.0.0.3:26262");
  // A later one that is not committed changes nothing yet.
  CHECK(members.take({replaced(2, 2, "10.0.0.8", 70)}, seq(60)).empty());
  CHECK(members.replaced(server_id(2)) == 1);
  // What was cut from the log is not so any more.
  CHECK(members.take({}, seq(40)) == std::vector{server_id(2)});
  CHECK(host_of(members, 2) == "10.0.0.3");
}

TEST_CASE("what the log of another cluster said does not count") {
  auto said = replaced(2, 1, "10.0.0.9", 50);
  said.cluster.bytes[0] = 8;
  const Members members(cluster(), server_id(0), {said});
  CHECK(host_of(members, 2) == "10.0.0.3");
}

TEST_CASE("the machine that has a server's number takes part, those before it do not") {
  Members members(cluster(), server_id(0), {});
  const auto claims = [&members](std::uint32_t times, const std::string& host) {
    return members.takes_part(server_id(2), peer::Claim{times, at(host)});
  };
  // Nothing is known of a replacement: a file may spell an address in its own way.
  CHECK(claims(0, "10.0.0.3"));
  CHECK(claims(0, "node-2"));
  CHECK(claims(1, "10.0.0.9"));
  CHECK(members.takes_part(server_id(2), std::nullopt));

  members.take({replaced(2, 1, "10.0.0.9", 50)}, seq(50));
  CHECK_FALSE(claims(0, "10.0.0.3"));
  CHECK_FALSE(members.takes_part(server_id(2), std::nullopt));
  CHECK(claims(0, "10.0.0.9"));        // the new machine, with an empty log
  CHECK(claims(1, "10.0.0.9"));        // and later
  CHECK_FALSE(claims(1, "10.0.0.3"));  // the old one, although it was told
  CHECK(claims(2, "10.0.0.8"));        // a later machine, of which this server has not heard yet
  CHECK(members.takes_part(server_id(1), std::nullopt));

  // Back at the first place, with a new disk.
  members.take({replaced(2, 2, "10.0.0.3", 80)}, seq(80));
  CHECK(claims(0, "10.0.0.3"));
  CHECK_FALSE(claims(1, "10.0.0.9"));
}

TEST_CASE("a server that says that it is elsewhere is looked for there until the log says more") {
  Members members(cluster(), server_id(0), {});
  CHECK_FALSE(members.learn(server_id(2), {0, at("10.0.0.7")}));  // another word for its place
  CHECK(members.learn(server_id(2), {2, at("10.0.0.8")}));
  CHECK(host_of(members, 2) == "10.0.0.8");
  CHECK_FALSE(members.learn(server_id(2), {2, at("10.0.0.8")}));
  CHECK_FALSE(members.learn(server_id(2), {1, at("10.0.0.9")}));  // a machine before it
  CHECK(members.difference() ==
        "server 2 is at 10.0.0.8:26262 as it says itself, not at 10.0.0.3:26262");
  // The log is still behind, then level, then ahead.
  CHECK(members.take({}, seq(40)).empty());
  CHECK(members.take({replaced(2, 1, "10.0.0.9", 50)}, seq(50)).empty());
  CHECK(members.take({replaced(2, 2, "10.0.0.8", 70)}, seq(70)).empty());
  CHECK(host_of(members, 2) == "10.0.0.8");
  CHECK(members.replaced(server_id(2)) == 2);
  CHECK(members.take({replaced(2, 3, "10.0.0.6", 90)}, seq(90)) == std::vector{server_id(2)});
  CHECK(host_of(members, 2) == "10.0.0.6");
}

TEST_CASE("a server listens where the log says, and knows when another one has its number") {
  Members members(cluster(), server_id(2), {replaced(2, 1, "10.0.0.9", 50)});
  CHECK(members.claim() == peer::Claim{1, at("10.0.0.9")});
  CHECK_FALSE(members.self_replaced());
  members.take({replaced(2, 2, "10.0.0.8", 90)}, seq(90));
  CHECK(members.self_replaced());
  CHECK(members.claim() == peer::Claim{2, at("10.0.0.9")});
}

TEST_CASE("a machine that was replaced is told where it may be, and believes it once it is true") {
  Members members(cluster(), server_id(0), {});
  members.take({replaced(2, 1, "10.0.0.9", 50)}, seq(50));
  CHECK(members.former(server_id(2)) == std::vector{at("10.0.0.3")});
  members.take({replaced(2, 2, "10.0.0.8", 70)}, seq(70));
  CHECK(members.former(server_id(2)) == std::vector{at("10.0.0.3"), at("10.0.0.9")});
  const auto said = members.superseded(server_id(2));
  CHECK(said == peer::Superseded{server_id(2), 2, at("10.0.0.8")});

  CHECK(Members(cluster(), server_id(2), {}).means_this(said));
  CHECK(Members(cluster(), server_id(2), {replaced(2, 1, "10.0.0.9", 50)}).means_this(said));
  CHECK_FALSE(Members(cluster(), server_id(1), {}).means_this(said));
  // The present machine, whose log is empty, and one that is later still.
  auto its_file = cluster();
  its_file.servers[2].host = "10.0.0.8";
  CHECK_FALSE(Members(its_file, server_id(2), {}).means_this(said));
  CHECK_FALSE(Members(cluster(), server_id(2), {replaced(2, 3, "10.0.0.7", 90)}).means_this(said));
}

TEST_CASE("a place is written as people write it") {
  CHECK(place_text(at("node")) == "node:26262");
  CHECK(place_text({"fe80::1", 5000, 5001}) == "[fe80::1]:5000");
  CHECK(place_text({"10.0.0.1", 5000, 6000}) == "10.0.0.1:5000 (peer port 6000)");
}

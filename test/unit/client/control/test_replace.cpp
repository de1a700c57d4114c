// What `chat262ctl replace` says, and the file that it gives.
#include "client/control/replace.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::control;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

reply::Replaced plan() {
  reply::Replaced plan;
  plan.server = server_id(2);
  plan.before = {"10.0.0.3", 26262, 26263};
  plan.place = {"10.0.0.9", 5000, 5001};
  plan.log.seq = seq(200);
  return plan;
}

}  // namespace

TEST_CASE("what will be replaced is said before it is asked for") {
  auto asked = plan();
  auto text = what_will_be_replaced(asked);
  CHECK(has(text, "Server 2, at 10.0.0.3:26262, gets a new machine, at 10.0.0.9:5000.\n"));
  CHECK(has(text, "not heard since the leader started; its log is not known"));
  CHECK(has(text, "must never be started again"));
  asked.silent_ms = 61'000;
  asked.last = Position{{}, seq(150)};
  text = what_will_be_replaced(asked);
  CHECK(
      has(text, "last heard 1 min 1 s ago; its log ended at entry 150, the leader's ends at 200"));
}

TEST_CASE("the file that is given has the cluster's own id, policy and places") {
  reply::Cluster cluster;
  cluster.id.bytes.fill(0xab);
  cluster.policy = "proof";
  cluster.servers = {{server_id(0), {"10.0.0.1", 26262, 26263}, 0},
                     {server_id(1), {"fe80::1", 5000, 6000}, 2}};
  cluster.settings = "registration = \"closed\"\n[limits]\naccount_rooms = 5\n";
  const auto again = cluster_from_toml(cluster_to_toml(cluster_of(cluster)), "it");
  REQUIRE(again);
  CHECK(again->registration == Registration::closed);
  CHECK(again->limits.account_rooms == 5);
  CHECK(again->id == cluster.id);
  CHECK(again->policy == Policy::proof);
  REQUIRE(again->servers.size() == 2);
  CHECK(again->servers[1].place() == cluster.servers[1].place);
  cluster.policy = "of tomorrow";
  CHECK_THROWS_AS(cluster_of(cluster), Failure);
  cluster.policy = "proof";
  cluster.settings = "of = 'tomorrow'";
  CHECK_THROWS_AS(cluster_of(cluster), Failure);
}

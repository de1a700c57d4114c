#include <nlohmann/json.hpp>

#include "client/control/init.hpp"
#include "client/control/show_status.hpp"
#include "test/support/catch.hpp"
#include "test/unit/client/replay/temporary_folder.hpp"

using namespace chat262;
using namespace chat262::control;

namespace {

ServerRow row(unsigned id, const std::string& role, std::uint64_t last) {
  ServerRow one;
  one.address = {id, "tcp://127.0.0." + std::to_string(id + 1) + ":26262"};
  client::ServerStatus status;
  status.software = "chat262 0.1.0";
  status.role = role;
  status.health = "able";
  status.cluster = "c";
  status.server = id;
  status.in_sync = true;
  status.last = last;
  status.commit = last;
  one.status = status;
  return one;
}

ServerRow down(unsigned id) {
  ServerRow one = row(id, "", 0);
  one.status.reset();
  one.why_down = "no answer";
  return one;
}

}  // namespace

TEST_CASE("all well means that one leads and all are up, in-sync and able") {
  const ClusterStatus well{{row(0, "leader", 9), row(1, "follower", 9), row(2, "follower", 8)}};
  CHECK(well.verdict() == Exit::ok);
  CHECK(well.leader() == well.rows.data());
  ClusterStatus other = well;
  other.rows[1] = down(1);
  CHECK(other.verdict() == Exit::degraded);
  other = well;
  other.rows[2].status->in_sync = false;
  CHECK(other.verdict() == Exit::degraded);
  other = well;
  other.rows[2].status->health = "full";
  CHECK(other.verdict() == Exit::degraded);
  other = well;
  other.rows[0].status->policy = "majority";
  other.rows[1].status->policy = "proof";
  CHECK(other.verdict() == Exit::degraded);
  other = well;
  other.rows[0].status->settings = "aa";  // the others are older
  CHECK(other.verdict() == Exit::ok);
  other.rows[1].status->settings = "bb";
  CHECK(other.verdict() == Exit::degraded);
  CHECK(status_table(other).find("server 1 has other settings than the leader") !=
        std::string::npos);
  other = well;
  other.rows[0].status->role = "follower";
  CHECK(other.verdict() == Exit::degraded);
  CHECK(ClusterStatus{{down(0), down(1)}}.verdict() == Exit::no_answer);
}

TEST_CASE("what a cluster survives follows from its policy and who is in-sync") {
  ClusterStatus cluster{{row(0, "leader", 9), row(1, "follower", 9), row(2, "follower", 9)}};
  CHECK_FALSE(cluster.survives());  // a server of an older version does not say its policy
  const auto survives = [&cluster](const std::string& policy) {
    for (auto& one : cluster.rows) {
      if (one.status) one.status->policy = policy;
    }
    cluster.rows[0].status->view = {0, 1, 2};
    return std::pair(cluster.survives()->crashes, cluster.survives()->silences);
  };
  CHECK(survives("continue") == std::pair(2U, 2U));
  CHECK(survives("proof") == std::pair(2U, 1U));
  CHECK(survives("majority") == std::pair(1U, 1U));
  CHECK(status_table(cluster).find("policy majority; survives 1 more crash\n") !=
        std::string::npos);
  cluster.rows[2].status->in_sync = false;
  CHECK(survives("continue") == std::pair(1U, 1U));
  CHECK(survives("proof") == std::pair(1U, 0U));
  CHECK(survives("majority") == std::pair(0U, 0U));
  CHECK(status_table(cluster).find("survives 0: the next crash stops writes\n") !=
        std::string::npos);
  CHECK(status_table(cluster).find("server 2 is not in-sync: 0 entries behind") !=
        std::string::npos);
  cluster.rows[2] = down(2);  // silent: not proved dead
  CHECK(survives("continue") == std::pair(1U, 1U));
  CHECK(survives("proof") == std::pair(0U, 0U));
  cluster.rows[2].refuses = true;
  CHECK(survives("proof") == std::pair(1U, 0U));
  cluster.rows[1] = down(1);
  CHECK(survives("continue") == std::pair(0U, 0U));
  cluster.rows[0].status->role = "follower";
  CHECK_FALSE(cluster.survives());
}

TEST_CASE("a forced view is shown from then on") {
  ClusterStatus cluster{{row(0, "leader", 9), row(1, "follower", 9)}};
  cluster.rows[0].status->forced.push_back(
      {.seq = 7, .epoch_counter = 3, .epoch_server = 0, .without = {1, 2}});
  CHECK(status_table(cluster).find(
            "leadership was forced at entry 7, epoch 3.0, without servers 1, 2\n") !=
        std::string::npos);
  const auto json = nlohmann::json::parse(status_json(cluster));
  REQUIRE(json["forced"].size() == 1);
  CHECK(json["forced"][0]["seq"] == 7);
  CHECK(json["forced"][0]["without"].size() == 2);
}

TEST_CASE("behind is what the leader has and a server lacks") {
  const ClusterStatus cluster{{row(0, "leader", 120), row(1, "learner", 20), down(2)}};
  const auto json = nlohmann::json::parse(status_json(cluster));
  CHECK(json["leader"] == 0);
  CHECK(json["healthy"] == false);
  REQUIRE(json["servers"].size() == 3);
  CHECK(json["servers"][0]["behind"] == 0);
  CHECK(json["servers"][1]["behind"] == 100);
  CHECK(json["servers"][2]["role"] == "down");
  CHECK(json["servers"][2]["up"] == false);
  const auto table = status_table(cluster);
  CHECK(table.find("127.0.0.3:26262  down\n") != std::string::npos);
}

TEST_CASE("without a leader the furthest server is the measure") {
  ClusterStatus cluster{{row(0, "follower", 5), row(1, "candidate", 7)}};
  CHECK(cluster.furthest() == 7);
  CHECK(status_table(cluster).find("nobody leads\n") != std::string::npos);
}

TEST_CASE("a server that waits says for whom and why") {
  ClusterStatus cluster{{down(0), row(1, "candidate", 7)}};
  cluster.rows[1].status->waiting_for = {0, 2};
  cluster.rows[1].status->waiting_why = "they may hold newer messages";
  CHECK(status_table(cluster).find("server 1 waits for servers 0, 2: they may hold newer "
                                   "messages\n") != std::string::npos);
}

TEST_CASE("durations and sizes for people") {
  CHECK(duration_text(999) == "0 s");
  CHECK(duration_text(61'000) == "1 min 1 s");
  CHECK(duration_text(3'600'000) == "1 h 0 min");
  CHECK(duration_text(90'000'000) == "1 d 1 h");
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(999) == "999 B");
  CHECK(size_text(1500) == "1.5 kB");
  CHECK(size_text(999'999) == "1.0 MB");
  CHECK(size_text(UINT64_MAX) == "18446.7 PB");
}

TEST_CASE("a new cluster's file is read back, has its own id, and is not written over") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "cluster.toml";
  const auto cluster = new_cluster({"10.0.0.1", "10.0.0.2:27000", "::1"});
  CHECK(cluster.id != new_cluster({"10.0.0.1", "10.0.0.2:27000", "::1"}).id);
  write_cluster_file(path, cluster);
  const auto back = cluster_from_file(path);
  REQUIRE(back);
  CHECK(back->id == cluster.id);
  REQUIRE(back->servers.size() == 3);
  CHECK(back->servers[1].client_port == 27000);
  CHECK_THROWS_AS(write_cluster_file(path, new_cluster({"10.0.0.1"})), Failure);
  CHECK(cluster_from_file(path)->id == cluster.id);
  CHECK_THROWS_AS(new_cluster({"not an address"}), Failure);
  CHECK_THROWS_AS(write_cluster_file(folder.path() / "no" / "such", cluster), Failure);
}

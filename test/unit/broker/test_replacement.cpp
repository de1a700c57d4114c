// A leader gives the number of a lost server to a new machine, or says why not. The leader leads
// alone; the others of its cluster file are lost.
#include "broker/replacement.hpp"
#include "broker/server_limits.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

namespace {

ClusterConfig three_servers() {
  ClusterConfig config;
  config.id.bytes[0] = 1;
  for (unsigned id = 0; id < 3; ++id) {
    config.servers.push_back({server_id(id), "127.0.0." + std::to_string(id + 1)});
  }
  return config;
}

struct Leader {
  TempDirectory directory;
  Server server{directory.path()};
  Members members{three_servers(), server_id(0), {}};
  Replacement replacement{members, server_id(0), server.node(), server.tables(), false};

  Leader() { server.pass(3000); }
  [[nodiscard]] std::string refusal(unsigned id, const std::string& address) {
    const auto judged = replacement.judge({server_id(id), address, true}, server.now());
    return judged ? "" : judged.error().text;
  }
};

}  // namespace

TEST_CASE_METHOD(Leader, "what makes no sense is refused, with its reason") {
  CHECK(refusal(3, "127.0.0.9") == "there is no server 3: the cluster has the servers 0 to 2");
  CHECK(refusal(0, "127.0.0.9").find("server 0 leads, so it is not lost") == 0);
  CHECK(refusal(2, "a b").find("address `a b`: ") == 0);
  CHECK(refusal(2, "127.0.0.3") == "server 2 is at 127.0.0.3:26262 already");
  CHECK(refusal(2, "127.0.0.2:26263").find("is no place for server 2: server 1 is at") !=
        std::string::npos);
  CHECK(refusal(2, "10.0.0.9").find("--insecure") != std::string::npos);
  CHECK(refusal(2, "127.0.0.2:5000").empty());  // another port of a machine
  CHECK(refusal(2, "127.0.0.9").empty());
}

TEST_CASE_METHOD(Leader, "a replacement is over when it is committed and done") {
  Request request;
  request.client.bytes[0] = 7;
  request.number = 1;
  const request::Replace asked{server_id(2), "127.0.0.9", true};
  request.body = asked;
  auto judged = replacement.judge(asked, server.now());
  REQUIRE(judged);
  CHECK(judged->before == Place{"127.0.0.3", 26262, 26263});
  CHECK(judged->place == Place{"127.0.0.9", 26262, 26263});
  CHECK(judged->cluster.servers[2].replaced == 1);
  CHECK_FALSE(judged->at);

  server.hold_disk(true);
  replacement.begin(request, *judged, server.now());
  server.pass(100);
  CHECK_FALSE(replacement.result(server.now()));
  server.hold_disk(false);
  server.pass(100);
  CHECK_FALSE(replacement.result(server.now()));  // this server has not taken it yet
  CHECK(members.take(server.tables().replaced(), server.node().committed()).size() == 1);
  const auto done = replacement.result(server.now());
  REQUIRE(done);
  REQUIRE(*done);
  CHECK((*done)->at == server.node().applied());
  CHECK(refusal(2, "127.0.0.9").find("already, since entry") != std::string::npos);
}

TEST_CASE_METHOD(Leader, "a replacement that does not come to an end is not known") {
  Request request;
  request.client.bytes[0] = 7;
  request.number = 1;
  const request::Replace asked{server_id(1), "127.0.0.9", true};
  request.body = asked;
  auto judged = replacement.judge(asked, server.now());
  REQUIRE(judged);
  server.hold_disk(true);
  replacement.begin(request, *judged, server.now());
  server.pass(broker::limits::replace_ms_max + 100);
  const auto done = replacement.result(server.now());
  REQUIRE(done);
  REQUIRE_FALSE(*done);
  CHECK(done->error().status == Status::unavailable);
}

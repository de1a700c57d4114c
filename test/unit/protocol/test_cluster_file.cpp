// Clusters from addresses and from files.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "protocol/cluster_file.hpp"
#include "test/support/catch.hpp"

using namespace chat262;

namespace {

using Addresses = std::vector<std::string>;

std::string error_of(const Addresses& addresses) {
  const auto cluster = cluster_from_addresses(addresses);
  return cluster ? "" : cluster.error().text;
}

std::string toml_error(const std::string& text) {
  const auto cluster = cluster_from_toml(text, "c.toml");
  return cluster ? "" : cluster.error().text;
}

const std::string id_line = "id = \"00112233445566778899aabbccddeeff\"\n";
const std::string good_file = id_line +
                              "[[server]]\nid = 1\nhost = \"two.example\"\npeer_port = 7001\n"
                              "[[server]]\nid = 0\nhost = \"::1\"\nclient_port = 7000\n";

}  // namespace

TEST_CASE("addresses give servers in their order, with default ports") {
  const auto cluster = cluster_from_addresses(
      {"127.0.0.1", "Host.Example:7000", "[2001:DB8::1]:80", "2001:db8:0:0::2", "[::1]"});
  REQUIRE(cluster);
  const auto& servers = cluster->servers;
  REQUIRE(servers.size() == 5);
  for (unsigned i = 0; i < 5; ++i) CHECK(servers[i].id == server_id(i));
  CHECK(servers[0].client_endpoint() == "tcp://127.0.0.1:26262");
  CHECK(servers[0].peer_endpoint() == "tcp://127.0.0.1:26263");
  CHECK(servers[1].client_endpoint() == "tcp://host.example:7000");
  CHECK(servers[1].peer_endpoint() == "tcp://host.example:7001");
  CHECK(servers[2].client_endpoint() == "tcp://[2001:db8::1]:80");
  CHECK(servers[3].peer_endpoint() == "tcp://[2001:db8::2]:26263");
  CHECK(servers[4].host == "::1");
  CHECK(cluster->policy == Policy::continues);
}

TEST_CASE("the same addresses give the same cluster, others another") {
  const auto id = [](const Addresses& addresses) { return cluster_from_addresses(addresses)->id; };
  const ClusterId first = id({"127.0.0.1", "127.0.0.2"});
  CHECK_FALSE(first.empty());
  CHECK(first == id({"127.0.0.1:26262", "127.0.0.2"}));
  CHECK(first != id({"127.0.0.2", "127.0.0.1"}));
  CHECK(first != id({"127.0.0.1"}));
  CHECK(first != id({"127.0.0.1:7", "127.0.0.2"}));
  CHECK(id({"Example.ORG", "::1"}) == id({"example.org", "0:0::1"}));
}

TEST_CASE("a cluster has one to seven servers") {
  CHECK(error_of({}).find("1 to 7") != std::string::npos);
  Addresses many;
  for (int i = 1; i <= 7; ++i) many.push_back("10.0.0." + std::to_string(i));
  CHECK(cluster_from_addresses(many));
  many.push_back("10.0.0.8");
  CHECK(error_of(many).find("not 8") != std::string::npos);
}

TEST_CASE("a bad address is named with what is wrong") {
  CHECK(error_of({"127.0.0.1", "256.0.0.1"}) == "address `256.0.0.1`: not an IPv4 address");
  CHECK(error_of({"1.2.3"}) == "address `1.2.3`: not an IPv4 address");
  CHECK(error_of({"fe80::zz"}) == "address `fe80::zz`: not an IPv6 address");
  CHECK(error_of({""}) == "address ``: the host is empty");
  CHECK(error_of({":80"}) == "address `:80`: the host is empty");
  CHECK(error_of({"[::1"}) == "address `[::1`: the `]` is missing");
  CHECK(error_of({"[::1]80"}) == "address `[::1]80`: only `:PORT` may follow the `]`");
  CHECK(error_of({"[a.example]:80"}) ==
        "address `[a.example]:80`: only an IPv6 address stands in brackets");
  CHECK(error_of({"a b"}) == "address `a b`: not a host name or address");
  CHECK(error_of({"tcp://a"}).find("the port must be") != std::string::npos);
  CHECK(error_of({"-a"}) == "address `-a`: not a host name or address");
  CHECK(error_of({std::string(254, 'a')}).find("not a host name") != std::string::npos);
  for (const char* port : {"", "0", "65535", "99999999999", "-1", "8o", " 80"}) {
    CHECK(error_of({std::string("a:") + port}) ==
          std::string("address `a:") + port + "`: the port must be a number from 1 to 65534");
  }
}

TEST_CASE("no two servers share a port") {
  CHECK(error_of({"127.0.0.1", "127.0.0.1"}) == "server 1: 127.0.0.1 port 26262 is used twice");
  CHECK(error_of({"a:7000", "a:7001"}) == "server 1: a port 7001 is used twice");
  CHECK(error_of({"::1", "0::1"}).find("twice") != std::string::npos);
  CHECK(cluster_from_addresses({"a:7000", "a:7002"}));
}

TEST_CASE("a cluster is local only if every host is") {
  CHECK(cluster_from_addresses({"127.0.0.1", "127.9.9.9", "::1", "LocalHost"})->loopback_only());
  CHECK_FALSE(cluster_from_addresses({"127.0.0.1", "128.0.0.1"})->loopback_only());
  CHECK_FALSE(cluster_from_addresses({"::2"})->loopback_only());
  CHECK_FALSE(cluster_from_addresses({"127.example"})->loopback_only());
}

TEST_CASE("a file gives the cluster, sorted by id") {
  const auto cluster = cluster_from_toml("policy = \"majority\"\n" + good_file, "c.toml");
  REQUIRE(cluster);
  CHECK(cluster->id.bytes[0] == 0x00);
  CHECK(cluster->id.bytes[15] == 0xff);
  CHECK(cluster->policy == Policy::majority);
  REQUIRE(cluster->servers.size() == 2);
  CHECK(cluster->servers[0].client_endpoint() == "tcp://[::1]:7000");
  CHECK(cluster->servers[0].peer_port == default_peer_port);
  CHECK(cluster->servers[1].client_port == default_client_port);
  CHECK(cluster->servers[1].peer_endpoint() == "tcp://two.example:7001");
}

TEST_CASE("what cluster_to_toml writes is read back the same") {
  auto cluster = *cluster_from_addresses({"127.0.0.1", "[::1]:99", "a.example"});
  cluster.policy = Policy::proof;
  const std::string text = cluster_to_toml(cluster);
  const auto again = cluster_from_toml(text, "again");
  REQUIRE(again);
  CHECK(again->id == cluster.id);
  CHECK(again->policy == Policy::proof);
  CHECK(cluster_to_toml(*again) == text);
  REQUIRE(again->servers.size() == 3);
  CHECK(again->servers[1].peer_endpoint() == "tcp://[::1]:100");
}

TEST_CASE("errors of a file name the line and the key") {
  CHECK(toml_error("id = \n").starts_with("c.toml:1: "));
  CHECK(toml_error(good_file + "colour = 3\n") == "c.toml:10: unknown key `colour`");
  CHECK(toml_error("colour = 3\n" + good_file) == "c.toml:1: unknown key `colour`");
  CHECK(toml_error(good_file + "\"\\u001b[2J\" = 3\n") ==
        "c.toml:10: unknown key `\xEF\xBF\xBD[2J`");
  CHECK(toml_error("[[server]]\nid = 0\nhost = \"a\"\n") == "c.toml: key `id` is missing");
  CHECK(toml_error("id = 5\n").find("c.toml:1: `id` must be a string of 32") == 0);
  CHECK(toml_error("id = \"00112233\"\n").find("c.toml:1: `id`") == 0);
  CHECK(toml_error("id = \"00000000000000000000000000000000\"\n").find("not all zero") !=
        std::string::npos);
  CHECK(toml_error("id = \"0011223344556677 899aabbccddeeff\"\n").find("c.toml:1: `id`") == 0);
  CHECK(toml_error(id_line) == "c.toml: there is no `[[server]]`");
  CHECK(toml_error(id_line + "server = 5\n") == "c.toml:2: `server` must be `[[server]]` tables");
  CHECK(toml_error(id_line + "server = []\n") == "c.toml:2: `server` must be `[[server]]` tables");
  CHECK(toml_error(id_line + "[[server]]\nid = 0\n") ==
        "c.toml:2: key `host` is missing in this `[[server]]`");
  CHECK(toml_error(id_line + "[[server]]\nid = 1\nhost = \"a\"\n") ==
        "c.toml:3: `id` must be a number from 0 to 0");
  CHECK(toml_error(id_line + "[[server]]\nid = 0\nhost = \"a b\"\n") ==
        "c.toml:4: `host`: not a host name or address");
  CHECK(toml_error(id_line + "[[server]]\nid = 0\nhost = 5\n") ==
        "c.toml:4: `host` must be a string");
  CHECK(toml_error(id_line + "[[server]]\nid = 0\nhost = \"a\"\nclient_port = 70000\n") ==
        "c.toml:5: `client_port` must be a number from 1 to 65535");
  CHECK(toml_error(id_line + "[[server]]\nid = 0\nhost = \"a\"\npeer_port = \"80\"\n") ==
        "c.toml:5: `peer_port` must be a number from 1 to 65535");
  CHECK(toml_error(id_line + "[[server]]\nid = 0\nhost = \"a\"\n[[server]]\nid = 0\nhost = \"b\"\n")
            .find("c.toml:5: `id` 0 is used twice") == 0);
  CHECK(toml_error(id_line + "[[server]]\nid = 0\nhost = \"a\"\nclient_port = 26263\n") ==
        "c.toml: server 0: a port 26263 is used twice");
}

TEST_CASE("a policy that does not exist is refused") {
  const std::string text = "c.toml:1: `policy` must be \"continue\", \"proof\" or \"majority\"";
  CHECK(toml_error("policy = \"maybe\"\n" + good_file) == text);
  CHECK(toml_error("policy = 2\n" + good_file) == text);
}

TEST_CASE("limits are read, checked and written again; none is needed") {
  CHECK(cluster_from_toml(good_file, "c.toml")->limits == ServiceLimits{});
  for (const auto& limit : number_limits) {
    const std::string head = "[limits]\nloopback = true\n" + std::string(limit.key) + " = ";
    const auto file = [&](std::int64_t value) {
      return id_line + head + std::to_string(value) + "\n" + good_file.substr(id_line.size());
    };
    for (const auto value : {limit.lowest, limit.highest}) {
      const auto cluster = cluster_from_toml(file(value), "c.toml");
      REQUIRE(cluster);
      ServiceLimits expected;
      expected.loopback = true;
      expected.*limit.value = value;
      CHECK(cluster->limits == expected);
      const auto again = cluster_from_toml(cluster_to_toml(*cluster), "again");
      REQUIRE(again);
      CHECK(again->limits == expected);
    }
    CHECK(toml_error(file(std::int64_t{limit.lowest} - 1)).find("c.toml:4: `") == 0);
    CHECK(toml_error(file(std::int64_t{limit.highest} + 1)).find(limit.key) != std::string::npos);
  }
  CHECK(toml_error("limits = 3\n" + good_file) == "c.toml:1: `limits` must be a table, `[limits]`");
  CHECK(toml_error(id_line + "[limits]\nloopback = 1\n") ==
        "c.toml:3: `loopback` must be true or false");
  CHECK(toml_error(id_line + "[limits]\nspeed = 1\n") == "c.toml:3: unknown limit `speed`");
}

TEST_CASE("a mistyped file is refused where toml++ would assert or know no better") {
  CHECK(toml_error(id_line + "[ = 26263\n").starts_with("c.toml:2: "));
  CHECK(toml_error(id_line + "[[ = 26263\n").starts_with("c.toml:2: "));
  CHECK(toml_error(id_line + "policy = 5\xc2\xbf\n").starts_with("c.toml:2: "));
}

TEST_CASE("eight servers in a file are too many") {
  std::string text = id_line;
  for (int i = 0; i < 8; ++i) {
    text += "[[server]]\nid = " + std::to_string(i) + "\nhost = \"h" + std::to_string(i) + "\"\n";
  }
  CHECK(toml_error(text).find("1 to 7 servers, not 8") != std::string::npos);
}

TEST_CASE("programs take addresses before a file before the environment") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("chat262-cluster-test-" + std::to_string(::getpid()) + ".toml");
  std::ofstream(path) << good_file;
  ::unsetenv("CHAT262_CLUSTER");
  CHECK(cluster_from_arguments({}, "").error().text.find("--cluster FILE") != std::string::npos);
  CHECK(cluster_from_arguments({"127.0.0.1"}, path.string())->servers.size() == 1);
  CHECK(cluster_from_arguments({}, path.string())->servers.size() == 2);
  ::setenv("CHAT262_CLUSTER", path.c_str(), 1);
  CHECK(cluster_from_arguments({}, "")->servers.size() == 2);
  ::unsetenv("CHAT262_CLUSTER");
  std::filesystem::remove(path);
  const auto missing = cluster_from_arguments({}, path.string());
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::not_found);
  CHECK(missing.error().text.find(path.string()) != std::string::npos);
}

TEST_CASE("a file says who may register and what a password's hash costs") {
  const auto cluster = cluster_from_toml(good_file, "c.toml");
  REQUIRE(cluster);
  CHECK(cluster->registration == Registration::open);
  CHECK(cluster->password == PasswordCost{19, 2});
  const std::string rules =
      "registration = \"invitation\"\n[password]\nmemory_mib = 64\npasses = 3\n";
  const auto other =
      cluster_from_toml(id_line + rules + good_file.substr(id_line.size()), "c.toml");
  REQUIRE(other);
  CHECK(other->registration == Registration::invitation);
  CHECK(other->password == PasswordCost{64, 3});
  const auto again = cluster_from_toml(cluster_to_toml(*other), "c.toml");
  REQUIRE(again);
  CHECK(again->registration == other->registration);
  CHECK(again->password == other->password);
}

TEST_CASE("errors about registration and passwords name line and key") {
  const auto error = [](const std::string& rules) {
    return toml_error(id_line + rules + good_file.substr(id_line.size()));
  };
  CHECK(error("registration = \"maybe\"\n").find("c.toml:2: `registration` must be") == 0);
  CHECK(error("[password]\nmemory_mib = 7\n")
            .find("c.toml:3: `memory_mib` must be a number from "
                  "8 to 1024") == 0);
  CHECK(error("[password]\npasses = 11\n").find("c.toml:3: `passes` must be a number") == 0);
  CHECK(error("[password]\nmemory = 8\n").find("c.toml:3: unknown key `memory`") == 0);
  CHECK(error("password = 3\n").find("c.toml:2: `password` must be a table") == 0);
}

// The cluster file, and the addresses on a command line.
#include "protocol/cluster_file.hpp"

#include "protocol/limits.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

void check_cluster(const ClusterConfig& cluster) {
  check(!cluster.servers.empty() && cluster.servers.size() <= limits::servers_max,
        "a cluster has 1 to 7 servers");
  for (std::size_t i = 0; i < cluster.servers.size(); ++i) {
    check(cluster.servers[i].id.value == i, "servers are numbered from 0 without a gap");
  }
  const std::string text = cluster_to_toml(cluster);
  const auto twice = cluster_from_toml(text, "printed");
  check(twice.has_value(), "a printed cluster file can be read");
  check(*twice == cluster, "a printed cluster file is the same cluster");
  check(cluster_to_toml(*twice) == text, "a cluster has one printed form");
}

// Each server's place as people are told it.
void check_addresses(const ClusterConfig& cluster) {
  std::vector<std::string> addresses;
  for (const ServerConfig& server : cluster.servers) {
    const std::string address = server.client_endpoint().substr(std::string("tcp://").size());
    const auto place = place_from_address(address, server.place());
    check(place || server.client_port == 65535, "an endpoint is an address");
    check(!place || (place->host == server.host && place->client_port == server.client_port),
          "an endpoint is the server's address");
    addresses.push_back(address);
  }
  const auto again = cluster_from_addresses(addresses);
  if (again) check_cluster(*again);
}

void check_typed(std::string_view text) {
  std::vector<std::string> addresses;
  for (std::size_t begin = 0; begin <= text.size() && addresses.size() <= limits::servers_max;) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    addresses.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto cluster = cluster_from_addresses(addresses);
  if (cluster) {
    check_cluster(*cluster);
  } else {
    check(!cluster.error().text.empty(), "a refusal says why");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(ByteView(data, size));
  const auto cluster = cluster_from_toml(text, "fuzzed");
  if (cluster) {
    check_cluster(*cluster);
    check_addresses(*cluster);
  } else {
    check(cluster.error().text.starts_with("fuzzed:"), "a refusal names the file");
    check_typed(text);
  }
  return 0;
}

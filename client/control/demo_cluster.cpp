#include "client/control/demo_cluster.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "client/control/init.hpp"
#include "client/convert.hpp"
#include "protocol/limits.hpp"

namespace chat262::control {
namespace {

// `base` and the addresses that follow it.
std::vector<std::string> hosts_of(const DemoOptions& options) {
  in_addr first{};
  if (inet_pton(AF_INET, options.base.c_str(), &first) != 1) {
    throw Failure{Exit::usage, options.base + " is not an IPv4 address"};
  }
  if (options.servers < 1 || options.servers > limits::servers_max) {
    throw Failure{Exit::usage, fmt::format("a cluster has 1 to {} servers", limits::servers_max)};
  }
  std::vector<std::string> hosts;
  for (unsigned id = 0; id < options.servers; ++id) {
    const in_addr address{htonl(ntohl(first.s_addr) + id)};
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address, text, sizeof text);
    const bool usual = options.port == default_client_port;
    hosts.push_back(usual ? std::string(text) : fmt::format("{}:{}", text, options.port));
  }
  return hosts;
}

// Another program there, most likely another demo, would be taken for these servers.
void need_free(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const int bound = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int why = errno;
  close(probe);
  if (bound == 0) return;
  const std::string hint =
      why == EADDRINUSE ? "; does another demo run? --base 127.0.1.1 is free of it" : std::string();
  throw Failure{Exit::degraded,
                fmt::format("cannot listen at {}:{}: {}{}", host, port, std::strerror(why), hint)};
}

std::filesystem::path temporary_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "chat262-demo-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    throw Failure{Exit::degraded,
                  "cannot make a folder in " + std::filesystem::temp_directory_path().string()};
  }
  return path;
}

}  // namespace

DemoCluster::DemoCluster(const DemoOptions& options) : hosts_(hosts_of(options)) {
  const auto program = find_server_program();
  auto cluster = new_cluster(hosts_);
  for (const auto& server : cluster.servers) {
    need_free(server.host, server.client_port);
    need_free(server.host, server.peer_port);
  }
  temporary_ = options.directory.empty();
  directory_ = temporary_ ? temporary_directory() : std::filesystem::absolute(options.directory);
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) {
    throw Failure{Exit::degraded, "cannot make " + directory_.string() + ": " + error.message()};
  }
  if (std::filesystem::exists(cluster_file())) {
    const auto before = cluster_from_file(cluster_file());
    if (!before) throw Failure{Exit::usage, before.error().text};
    const auto same = [](const ServerConfig& a, const ServerConfig& b) {
      return a.client_endpoint() == b.client_endpoint();
    };
    if (!std::equal(before->servers.begin(), before->servers.end(), cluster.servers.begin(),
                    cluster.servers.end(), same)) {
      throw Failure{Exit::usage, cluster_file().string() +
                                     " is of a demo with other addresses; give another --dir"};
    }
    cluster = *before;
  } else {
    static_cast<void>(make_keys(cluster, cluster_file()));
    write_cluster_file(cluster_file(), cluster);
  }
  for (const auto& server : cluster.servers) {
    const unsigned id = server.id.value;
    addresses_.push_back(client::address_of(server));
    const auto name = fmt::format("server-{}", id);
    servers_.emplace_back(id,
                          std::vector<std::string>{program.string(), "--id", std::to_string(id),
                                                   "--data", (directory_ / name).string(),
                                                   "--cluster", cluster_file().string()},
                          directory_ / (name + ".log"));
  }
}

DemoCluster::~DemoCluster() {
  stop_all();
  std::error_code ignored;
  if (temporary_) std::filesystem::remove_all(directory_, ignored);
}

void DemoCluster::start_all() {
  for (auto& server : servers_) server.start();
}

void DemoCluster::stop_all() {
  for (auto& server : servers_) {
    server.send(SIGTERM);
    server.send(SIGCONT);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  for (auto& server : servers_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (server.wait_end(std::max(left, std::chrono::milliseconds(0)))) continue;
    server.send(SIGKILL);
    server.wait_end(std::chrono::seconds(10));
  }
}

void DemoCluster::restart(unsigned id) {
  auto* server = find(id);
  if (server == nullptr) return;
  server->send(SIGKILL);
  server->wait_end(std::chrono::seconds(10));
  server->start();
}

ServerProcess* DemoCluster::find(unsigned id) {
  return id < servers_.size() ? &servers_[id] : nullptr;
}

bool DemoCluster::settled() {
  const auto now = status();
  if (now.leader() == nullptr) return false;
  for (const auto& row : now.rows) {
    const auto* server = find(row.address.server);
    const bool expected = server != nullptr && server->running() && !server->paused();
    if (expected && !(row.status && row.status->in_sync)) return false;
  }
  return true;
}

bool DemoCluster::all_run() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [](const ServerProcess& server) { return server.running(); });
}

}  // namespace chat262::control

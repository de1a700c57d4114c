#include "broker/config.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "broker/journal.hpp"
#include "broker/members.hpp"
#include "broker/server_limits.hpp"
#include "protocol/limits.hpp"
#include "store/replaced_file.hpp"
#include "store/server_keys_file.hpp"

namespace chat262::broker {

namespace {

ExitCode say(int code, const std::string& text) {
  fmt::print(stderr, "chat262d: {}\n", text);
  return {code};
}

// Addresses of this server and its peers; an error is one of this server's own.
Result<void> resolve_all(Config& config, const ClusterConfig& cluster) {
  for (const auto& server : cluster.servers) {
    const auto peer = resolve(server.host, server.peer_port);
    if (server.id != config.self) {
      if (peer) {
        config.peers.emplace(server.id, *peer);
      } else {
        config.unresolved.emplace(server.id, peer.error().text);
      }
      continue;
    }
    if (!peer) return tl::unexpected<Error>(peer.error());
    const auto client = resolve(server.host, server.client_port);
    if (!client) return tl::unexpected<Error>(client.error());
    config.peer_bind = peer->endpoint;
    config.client_bind = client->endpoint;
  }
  return {};
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// `cluster_file`: of the command line, or empty.
Result<OwnKeys> load_keys(const Config& config, const Members& members, const std::string& key_file,
                          const std::string& cluster_file) {
  KeySources sources;
  sources.self = config.self;
  sources.data = config.data;
  sources.key_file = key_file;
  sources.cluster_file = cluster_file.empty() ? variable("CHAT262_CLUSTER") : cluster_file.c_str();
  sources.credentials = variable("CREDENTIALS_DIRECTORY");
  const auto said = members.key(config.self);
  const auto filed = config.cluster.servers[config.self.value].key;
  return OwnKeys::load(sources, said == filed ? PublicKey{} : said, filed);
}

// Whoever can change the file can say who the servers are.
std::string flaw_of_file(const std::string& given) {
  const char* variable = std::getenv("CHAT262_CLUSTER");
  const std::string path = given.empty() && variable != nullptr ? variable : given;
  struct stat found {};
  if (path.empty() || ::stat(path.c_str(), &found) != 0 || (found.st_mode & S_IWOTH) == 0)
    return {};
  return "the cluster file " + path + " can be changed by everybody on this machine";
}

}  // namespace

std::variant<Config, ExitCode> read_command_line(int argc, char** argv) {
  CLI::App app{
      "One server of a chat262 cluster.\n"
      "Name the servers by their addresses, the first being server 0, or by a cluster file."};
  unsigned id = 0;
  std::string data;
  std::string cluster_file;
  std::string key_file;
  std::vector<std::string> addresses;
  unsigned scrub_mib_per_s = limits::scrub_mib_per_s;
  Config config;
  app.set_version_flag("--version", std::string("chat262d " CHAT262_VERSION));
  app.add_option("--id", id, "number of this server, from 0")->required();
  app.add_option("--data", data, "directory of this server's data; made if missing")->required();
  app.add_option("--cluster", cluster_file, "cluster file (TOML)");
  app.add_option("--key", key_file,
                 "file of this server's secret key (server-ID.key beside the cluster file)");
  app.add_flag("--insecure", config.insecure,
               "allow plain connections beyond the loopback interface");
  app.add_flag("--core-dumps", config.core_dumps,
               "let a crash leave a core file, with messages and passwords in it");
  app.add_option("--log-level", config.log_level, "trace, debug, info, warn, error, critical, off")
      ->check([](const std::string& level) {
        return is_log_level(level) ? std::string() : "unknown level \"" + level + "\"";
      });
  app.add_option("--log-file", config.log_file, "file for log lines instead of standard error");
  app.add_option("--scrub", scrub_mib_per_s,
                 "MiB a second to read of the log, again and again, for flipped bits (4); 0: none")
      ->check(CLI::Range(0U, 10'000U));
  app.add_option("ADDRESS", addresses, "HOST, HOST:PORT or [IPV6]:PORT of each server");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitCode{app.exit(error) == 0 ? exit_ok : exit_usage};
  }

  if (!addresses.empty() && !cluster_file.empty()) {
    return say(exit_usage, "give addresses or --cluster, not both");
  }
  auto cluster = cluster_from_arguments(addresses, cluster_file);
  if (!cluster) return say(exit_usage, cluster.error().text);
  config.cluster = std::move(*cluster);
  if (addresses.empty()) config.cluster_file_flaw = flaw_of_file(cluster_file);
  if (id >= config.cluster.servers.size()) {
    return say(exit_usage, fmt::format("--id {}: the cluster has the servers 0 to {}", id,
                                       config.cluster.servers.size() - 1));
  }
  config.self = server_id(id);
  config.data = data;
  config.scrub_bytes_per_s = std::uint64_t{scrub_mib_per_s} << 20;
  config.replaced = store::read_replaced_file(config.data);
  config.server_keys = store::read_server_keys_file(config.data);
  const Members members(config.cluster, config.self, config.replaced, config.server_keys);
  if (members.encrypted()) {
    auto own = load_keys(config, members, key_file, addresses.empty() ? cluster_file : "");
    if (!own) return say(exit_failure, own.error().text);
    config.own_keys = std::move(*own);
  } else if (!key_file.empty()) {
    return say(exit_usage, "--key is given, and the cluster file names no keys");
  } else if (!members.now().loopback_only() && !config.insecure) {
    return say(exit_usage,
               "the cluster has addresses beyond the loopback interface, and connections are not "
               "encrypted: anybody on the way could read and change everything. chat262ctl init "
               "makes a cluster file with keys. Give --insecure if this network is to be trusted.");
  }
  if (const auto resolved = resolve_all(config, members.now()); !resolved) {
    return say(exit_failure, resolved.error().text);
  }
  return config;
}

}  // namespace chat262::broker

#include "client/control/init.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "protocol/key_file.hpp"

namespace chat262::control {

ClusterConfig new_cluster(const std::vector<std::string>& addresses) {
  auto cluster = cluster_from_addresses(addresses);
  if (!cluster) throw Failure{Exit::usage, cluster.error().text};
  auto& id = cluster->id.bytes;
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    throw Failure{Exit::degraded, "no random numbers from the system"};
  }
  return *std::move(cluster);
}

void write_cluster_file(const std::filesystem::path& path, const ClusterConfig& cluster) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0 && errno == EEXIST) {
    throw Failure{Exit::degraded, path.string() + " exists already; it is left as it is"};
  }
  const auto text = cluster_to_toml(cluster);
  bool written =
      file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  written = written && fsync(file) == 0;
  const int why = errno;
  if (file >= 0) close(file);
  if (!written) {
    throw Failure{Exit::degraded, "cannot write " + path.string() + ": " + std::strerror(why)};
  }
}

void write_secret(const std::filesystem::path& path, ServerId server, const KeyPair& pair) {
  const auto what = "the secret key of server " + std::to_string(server.value);
  if (const auto done = write_new_key_file(path, {pair}, what); !done) {
    throw Failure{Exit::degraded, done.error().text};
  }
}

std::vector<std::filesystem::path> make_keys(ClusterConfig& cluster,
                                             const std::filesystem::path& cluster_file) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& server : cluster.servers) {
    files.push_back(cluster_file.parent_path() / key_file_name(server.id));
    if (std::filesystem::exists(files.back(), error)) {  // before the first one is written
      throw Failure{Exit::degraded, files.back().string() + " exists already; it is left as it is"};
    }
  }
  for (auto& server : cluster.servers) {
    const auto pair = new_key_pair();
    write_secret(files.at(server.id.value), server.id, pair);
    server.key = pair.key;
  }
  return files;
}

Exit init(const InitOptions& options) {
  auto cluster = new_cluster(options.addresses);
  cluster.policy = policy_named(options.policy).value_or(cluster.policy);
  std::error_code error;
  if (std::filesystem::exists(options.to, error)) {
    throw Failure{Exit::degraded, options.to.string() + " exists already; it is left as it is"};
  }
  std::vector<std::filesystem::path> secrets;
  if (!options.plain) secrets = make_keys(cluster, options.to);
  write_cluster_file(options.to, cluster);
  std::printf("%s written: copy it to each of the %zu servers, and to the clients\n",
              options.to.c_str(), cluster.servers.size());
  for (const auto& server : cluster.servers) {
    if (options.plain) break;
    const auto& secret = secrets.at(server.id.value);
    std::printf(
        "%s written: to server %u (%s) alone, beside the cluster file; nobody else may have "
        "it\n",
        secret.c_str(), unsigned{server.id.value}, place_text(server.place()).c_str());
  }
  if (options.plain && !cluster.loopback_only()) {
    std::printf("Connections will not be encrypted: the servers must be started with --insecure\n");
  }
  return Exit::ok;
}

}  // namespace chat262::control

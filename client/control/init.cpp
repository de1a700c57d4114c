#include "client/control/init.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "client/control/outcome.hpp"

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

}  // namespace chat262::control

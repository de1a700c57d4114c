#include "client/control/backup.hpp"

#include <cstdio>

#include "protocol/cluster_file.hpp"
#include "store/backup.hpp"

namespace chat262::control {

Exit backup(const std::filesystem::path& data, const std::filesystem::path& to) {
  const auto done = store::backup(data, to);
  if (!done) throw Failure{Exit::degraded, done.error().text};
  std::printf("%s holds the log of server %u up to entry %llu, %llu of it committed for certain\n",
              to.c_str(), unsigned{done->identity.server.value},
              static_cast<unsigned long long>(done->last.value),
              static_cast<unsigned long long>(done->commit.value));
  return Exit::ok;
}

Exit restore(const RestoreOptions& options) {
  if (options.new_cluster == options.as_learner) {
    throw Failure{Exit::usage, "say --new-cluster or --as-learner"};
  }
  const auto cluster = cluster_from_arguments(options.addresses, options.cluster_file);
  if (!cluster) throw Failure{Exit::usage, cluster.error().text};
  if (options.server >= cluster->servers.size()) {
    throw Failure{Exit::usage, "the cluster has no server " + std::to_string(options.server)};
  }
  const store::Identity identity{cluster->id, server_id(options.server)};
  const auto done = options.new_cluster
                        ? store::restore_new_cluster(options.backup, options.data, identity)
                        : store::restore_server(options.backup, options.data, identity);
  if (!done) throw Failure{Exit::degraded, done.error().text};
  if (options.new_cluster) {
    std::printf(
        "%s is ready: start server %u of the new cluster first, then the others with empty data "
        "directories; they are given everything\n",
        options.data.c_str(), options.server);
  } else {
    std::printf("%s is ready: start server %u, and the others bring it up to date\n",
                options.data.c_str(), options.server);
  }
  return Exit::ok;
}

}  // namespace chat262::control

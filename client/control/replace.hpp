// `chat262ctl replace`: a new machine takes the number of a server that is lost. `chat262ctl
// cluster`: the cluster file as it is now. `chat262ctl rotate-keys`: another key for a server.
#pragma once

#include <filesystem>
#include <string>

#include "client/control/outcome.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::control {

struct ReplaceOptions {
  std::filesystem::path data;
  unsigned server = 0;
  std::string address;
  std::filesystem::path to;  // for the cluster file; empty: standard output
  bool yes = false;
};

// What will be done, for people.
[[nodiscard]] std::string what_will_be_replaced(const reply::Replaced& plan);
// Throws Failure if the policy is of a later version.
[[nodiscard]] ClusterConfig cluster_of(const reply::Cluster& cluster);

// Shows what will be done and asks on standard input, unless `yes`. Throws Failure.
Exit replace(const ReplaceOptions& options);

// Another key for a server that runs. Throws Failure.
Exit rotate_keys(const std::filesystem::path& data, unsigned server);

// `to`: a new file; empty: standard output. Throws Failure.
Exit print_cluster(const std::filesystem::path& data, const std::filesystem::path& to);

}  // namespace chat262::control

// `chat262ctl init`: a new cluster's file, and its servers' keys.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/control/outcome.hpp"
#include "protocol/cluster_file.hpp"
#include "protocol/keys.hpp"

namespace chat262::control {

// A cluster of these addresses with a fresh random id. Throws Failure.
[[nodiscard]] ClusterConfig new_cluster(const std::vector<std::string>& addresses);

// Writes a file that must not exist yet. Throws Failure.
void write_cluster_file(const std::filesystem::path& path, const ClusterConfig& cluster);

// Gives each server a key: the public halves to `cluster`, the secret ones to files beside the
// cluster file, which must not exist yet. Returns these files, by server. Throws Failure.
std::vector<std::filesystem::path> make_keys(ClusterConfig& cluster,
                                             const std::filesystem::path& cluster_file);
// One of these files. Throws Failure.
void write_secret(const std::filesystem::path& path, ServerId server, const KeyPair& pair);

struct InitOptions {
  std::filesystem::path to = "cluster.toml";
  std::string policy = policy_name(Policy::continues);
  std::vector<std::string> addresses;
  bool plain = false;  // no keys
};

// Throws Failure.
Exit init(const InitOptions& options);

}  // namespace chat262::control

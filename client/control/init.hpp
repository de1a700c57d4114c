// `chat262ctl init`: a new cluster's file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/cluster_file.hpp"

namespace chat262::control {

// A cluster of these addresses with a fresh random id. Throws Failure.
[[nodiscard]] ClusterConfig new_cluster(const std::vector<std::string>& addresses);

// Writes a file that must not exist yet. Throws Failure.
void write_cluster_file(const std::filesystem::path& path, const ClusterConfig& cluster);

}  // namespace chat262::control

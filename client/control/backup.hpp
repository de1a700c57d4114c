// `chat262ctl backup` and `restore`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/control/outcome.hpp"

namespace chat262::control {

// Copies the log of a data directory, whose server may run, to a new directory. Throws Failure.
Exit backup(const std::filesystem::path& data, const std::filesystem::path& to);

struct RestoreOptions {
  std::filesystem::path backup;
  std::filesystem::path data;  // made; must not exist or be empty
  unsigned server = 0;
  std::string cluster_file;
  std::vector<std::string> addresses;
  bool new_cluster = false;
  bool as_learner = false;
};

// Throws Failure.
Exit restore(const RestoreOptions& options);

}  // namespace chat262::control

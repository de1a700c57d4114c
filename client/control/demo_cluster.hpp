// The servers of a demo and what can be done to them.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "chat262/client.hpp"
#include "client/control/demo.hpp"
#include "client/control/server_process.hpp"
#include "client/control/status.hpp"

namespace chat262::control {

class DemoCluster {
 public:
  // Makes the directory and its cluster file, unless an earlier demo did. Throws Failure.
  explicit DemoCluster(const DemoOptions& options);
  ~DemoCluster();  // stops all
  DemoCluster(const DemoCluster&) = delete;
  DemoCluster& operator=(const DemoCluster&) = delete;

  void start_all();
  void stop_all();  // as SIGTERM does; after three seconds as SIGKILL does
  // Starts it, after killing it if it runs.
  void restart(unsigned id);

  [[nodiscard]] ServerProcess* find(unsigned id);
  [[nodiscard]] std::vector<ServerProcess>& servers() { return servers_; }
  [[nodiscard]] ClusterStatus status() const { return ask_status(addresses_); }
  // True if somebody leads and every server that runs unpaused is in-sync.
  [[nodiscard]] bool settled();
  [[nodiscard]] bool all_run() const;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] std::filesystem::path cluster_file() const { return directory_ / "cluster.toml"; }
  // As arguments for the other programs.
  [[nodiscard]] const std::vector<std::string>& hosts() const { return hosts_; }

 private:
  std::filesystem::path directory_;
  bool temporary_ = false;
  std::vector<std::string> hosts_;
  std::vector<client::Address> addresses_;
  std::vector<ServerProcess> servers_;
};

}  // namespace chat262::control

// `chat262ctl demo`: a cluster on this machine, with a prompt to kill and restart its servers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "client/control/outcome.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::control {

struct DemoOptions {
  std::filesystem::path directory;  // empty: a temporary one, removed at the end
  unsigned servers = 3;
  std::string base = "127.0.0.1";  // server 0; the others have the addresses above it
  std::uint16_t port = default_client_port;
};

// Returns when the person at the prompt (or the script on standard input) ends it. No server
// outlives it, however it ends. Throws Failure.
Exit demo(const DemoOptions& options);

}  // namespace chat262::control

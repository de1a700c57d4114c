// The server's command line, checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "broker/addresses.hpp"
#include "broker/own_keys.hpp"
#include "protocol/cluster_file.hpp"
#include "protocol/ids.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

struct Config {
  ServerId self{};
  std::string cluster_file_flaw;                // to be told, if not empty
  ClusterConfig cluster;                        // of the file or the addresses given
  std::vector<store::ReplacedServer> replaced;  // as the log of the last start said
  std::vector<store::ServerKey> server_keys;    // the same
  OwnKeys own_keys;                             // in a cluster with keys
  bool insecure = false;
  bool core_dumps = false;
  std::filesystem::path data;
  std::string log_level = "info";
  std::uint64_t scrub_bytes_per_s = 0;         // 0: the log is not read again for flipped bits
  std::string log_file;                        // empty: standard error
  std::map<ServerId, Address> peers;           // numeric; without those that cannot be resolved now
  std::map<ServerId, std::string> unresolved;  // why not
  std::string client_bind;                     // endpoints to listen at
  std::string peer_bind;
};

// End the program with this code; what is to be said was said.
struct ExitCode {
  int value = 0;
};

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

[[nodiscard]] std::variant<Config, ExitCode> read_command_line(int argc, char** argv);

}  // namespace chat262::broker

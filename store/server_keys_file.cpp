#include "store/server_keys_file.hpp"

#include <sstream>
#include <string>

#include "protocol/limits.hpp"
#include "store/hex.hpp"
#include "store/line_file.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr LineFile server_keys_file{"server-keys", "chat262-server-keys 1"};

bool read_line(const std::string& line, ServerKey& key) {
  std::istringstream in(line);
  unsigned server = limits::servers_max;
  std::string cluster;
  std::string now;
  std::string before;
  in >> server >> cluster >> key.at.value >> key.time.value >> now >> before;
  key.server = server_id(server);
  return !in.fail() && server < limits::servers_max && from_hex(cluster, key.cluster.bytes) &&
         from_hex(now, key.key.bytes) && from_hex(before, key.before.bytes);
}

}  // namespace

std::vector<ServerKey> read_server_keys_file(const fs::path& directory) {
  std::vector<ServerKey> all;
  for (const auto& line : read_lines(directory, server_keys_file)) {
    if (!read_line(line, all.emplace_back())) return {};
  }
  return all;
}

Result<void> write_server_keys_file(const fs::path& directory, const std::vector<ServerKey>& keys) {
  std::vector<std::string> lines;
  for (const auto& one : keys) {
    std::ostringstream line;
    line << unsigned{one.server.value} << ' ' << hex(one.cluster.bytes) << ' ' << one.at.value
         << ' ' << one.time.value << ' ' << hex(one.key.bytes) << ' ' << hex(one.before.bytes);
    lines.push_back(line.str());
  }
  return write_lines(directory, server_keys_file, lines);
}

}  // namespace chat262::store

#include "store/replaced_file.hpp"

#include <sstream>
#include <string>

#include "protocol/limits.hpp"
#include "store/hex.hpp"
#include "store/line_file.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr LineFile replaced_file{"replaced", "chat262-replaced 1"};

bool read_line(const std::string& line, ReplacedServer& replaced) {
  std::istringstream in(line);
  unsigned server = limits::servers_max;
  std::string cluster;
  in >> server >> cluster >> replaced.times >> replaced.at.value >> replaced.place.client_port >>
      replaced.place.peer_port >> replaced.place.host;
  replaced.server = server_id(server);
  return !in.fail() && server < limits::servers_max && from_hex(cluster, replaced.cluster.bytes) &&
         replaced.place.host.size() <= limits::host_bytes_max;
}

}  // namespace

std::vector<ReplacedServer> read_replaced_file(const fs::path& directory) {
  std::vector<ReplacedServer> all;
  for (const auto& line : read_lines(directory, replaced_file)) {
    if (!read_line(line, all.emplace_back())) return {};
  }
  return all;
}

Result<void> write_replaced_file(const fs::path& directory,
                                 const std::vector<ReplacedServer>& replaced) {
  std::vector<std::string> lines;
  for (const auto& one : replaced) {
    std::ostringstream line;
    line << unsigned{one.server.value} << ' ' << hex(one.cluster.bytes) << ' ' << one.times << ' '
         << one.at.value << ' ' << one.place.client_port << ' ' << one.place.peer_port << ' '
         << one.place.host;
    lines.push_back(line.str());
  }
  return write_lines(directory, replaced_file, lines);
}

}  // namespace chat262::store

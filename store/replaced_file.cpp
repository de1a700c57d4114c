#include "store/replaced_file.hpp"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>

#include "protocol/limits.hpp"
#include "store/hex.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr const char* file_name = "replaced";
constexpr const char* first_line = "chat262-replaced 1";
constexpr const char* last_line = "end";  // so that half a file is none

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
  std::ifstream file(directory / file_name);
  std::string line;
  if (!std::getline(file, line) || line != first_line) return {};
  std::vector<ReplacedServer> all;
  while (std::getline(file, line) && all.size() <= limits::servers_max) {
    if (line == last_line) return all;
    if (!read_line(line, all.emplace_back())) return {};
  }
  return {};
}

Result<void> write_replaced_file(const fs::path& directory,
                                 const std::vector<ReplacedServer>& replaced) {
  const fs::path path = directory / file_name;
  const fs::path next = directory / (std::string(file_name) + ".new");
  std::error_code error;
  fs::remove(next, error);  // of a server that was killed; or a link
  std::ofstream file(next, std::ios::trunc);
  file << first_line << '\n';
  for (const auto& one : replaced) {
    file << unsigned{one.server.value} << ' ' << hex(one.cluster.bytes) << ' ' << one.times << ' '
         << one.at.value << ' ' << one.place.client_port << ' ' << one.place.peer_port << ' '
         << one.place.host << '\n';
  }
  file << last_line << '\n';
  file.close();
  error.clear();
  if (file.fail()) error = std::make_error_code(std::errc::io_error);
  if (!error) ::chmod(next.c_str(), 0600);
  if (!error) fs::rename(next, path, error);
  if (error) return fail(Errc::system, path.string() + ": cannot be written: " + error.message());
  return {};
}

}  // namespace chat262::store

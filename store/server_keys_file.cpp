#include "store/server_keys_file.hpp"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>

#include "protocol/limits.hpp"
#include "store/hex.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr const char* file_name = "server-keys";
constexpr const char* first_line = "chat262-server-keys 1";
constexpr const char* last_line = "end";  // so that half a file is none

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
  std::ifstream file(directory / file_name);
  std::string line;
  if (!std::getline(file, line) || line != first_line) return {};
  std::vector<ServerKey> all;
  while (std::getline(file, line) && all.size() <= limits::servers_max) {
    if (line == last_line) return all;
    if (!read_line(line, all.emplace_back())) return {};
  }
  return {};
}

Result<void> write_server_keys_file(const fs::path& directory, const std::vector<ServerKey>& keys) {
  const fs::path path = directory / file_name;
  const fs::path next = directory / (std::string(file_name) + ".new");
  std::ofstream file(next, std::ios::trunc);
  file << first_line << '\n';
  for (const auto& one : keys) {
    file << unsigned{one.server.value} << ' ' << hex(one.cluster.bytes) << ' ' << one.at.value
         << ' ' << one.time.value << ' ' << hex(one.key.bytes) << ' ' << hex(one.before.bytes)
         << '\n';
  }
  file << last_line << '\n';
  file.close();
  std::error_code error;
  if (file.fail()) error = std::make_error_code(std::errc::io_error);
  if (!error) ::chmod(next.c_str(), 0600);
  if (!error) fs::rename(next, path, error);
  if (error) return fail(Errc::system, path.string() + ": cannot be written: " + error.message());
  return {};
}

}  // namespace chat262::store

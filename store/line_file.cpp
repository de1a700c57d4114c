#include "store/line_file.hpp"

#include <sys/stat.h>

#include <fstream>

#include "protocol/limits.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr const char* last_line = "end";  // so that half a file is none

}  // namespace

std::vector<std::string> read_lines(const fs::path& directory, const LineFile& file) {
  std::ifstream in(directory / file.name);
  std::string line;
  if (!std::getline(in, line) || line != file.first_line) return {};
  std::vector<std::string> lines;
  while (std::getline(in, line) && lines.size() <= limits::servers_max) {
    if (line == last_line) return lines;
    lines.push_back(line);
  }
  return {};
}

Result<void> write_lines(const fs::path& directory, const LineFile& file,
                         const std::vector<std::string>& lines) {
  const fs::path path = directory / file.name;
  const fs::path next = directory / (std::string(file.name) + ".new");
  std::error_code error;
  fs::remove(next, error);  // of a server that was killed; or a link
  std::ofstream out(next, std::ios::trunc);
  out << file.first_line << '\n';
  for (const auto& line : lines) out << line << '\n';
  out << last_line << '\n';
  out.close();
  error.clear();
  if (out.fail()) error = std::make_error_code(std::errc::io_error);
  if (!error) ::chmod(next.c_str(), 0600);
  if (!error) fs::rename(next, path, error);
  if (error) return fail(Errc::system, path.string() + ": cannot be written: " + error.message());
  return {};
}

}  // namespace chat262::store

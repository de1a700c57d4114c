// A small file in a server's directory: its first line says what it is, its last that it is whole,
// and between them is a line a server. Written anew as a whole.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace chat262::store {

struct LineFile {
  const char* name;
  const char* first_line;
};

// What is between first and last line. Empty if there is no such file, it is not whole, or it has
// more lines than a cluster servers.
[[nodiscard]] std::vector<std::string> read_lines(const std::filesystem::path& directory,
                                                  const LineFile& file);

// In one step, mode 0600. Not synced. Errors: system.
[[nodiscard]] Result<void> write_lines(const std::filesystem::path& directory, const LineFile& file,
                                       const std::vector<std::string>& lines);

}  // namespace chat262::store

// Reads a file line by line with a bound on a line's length.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace chat262::replay {

inline constexpr std::size_t line_bytes_max = 256 * 1024;

class LineReader {
 public:
  struct Line {
    std::string_view text;     // without its newline; valid until the next call
    std::uint64_t number = 0;  // from 1
    std::uint64_t end = 0;     // offset in the file of what follows
    bool too_long = false;     // over line_bytes_max: `text` is its beginning
    bool complete = false;     // ended by a newline
  };

  // Throws std::runtime_error, naming the file, if it cannot be opened.
  explicit LineReader(const std::filesystem::path& path);

  // nullopt at the end of the file. Throws std::runtime_error if reading fails.
  std::optional<Line> next();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string line_;
  std::uint64_t number_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace chat262::replay

// A JSON Lines file that grows by whole lines, over several runs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "client/replay/json_lines.hpp"

namespace chat262::replay {

class ExportFile {
 public:
  // Opens for appending; what follows the last complete line of an earlier run is cut off.
  // Throws Failure: it cannot be written, or is no export.
  explicit ExportFile(const std::filesystem::path& path);

  void write(const Record& record);
  void close();  // flushes to disk

  [[nodiscard]] std::uint64_t lines_before() const { return lines_before_; }
  // Of the lines before: the greatest seq, and each conversation's last cursor (hexadecimal).
  // A direct conversation goes by the other one's name, as `me` sees it.
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }
  [[nodiscard]] std::string last_at(const client::Target& conversation,
                                    const std::string& me) const;

 private:
  void read_before();
  void fail_write() const;

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Last {
    std::uint64_t seq = 0;
    std::string at;
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t lines_before_ = 0;
  std::uint64_t last_seq_ = 0;
  std::map<std::string, Last> rooms_;
  // By sender and recipient.
  std::map<std::pair<std::string, std::string>, Last> direct_;
};

}  // namespace chat262::replay

// DIR/audit.log: JSON, one object a line, for people and their scripts. A thread of its own writes
// it, so that nothing waits for the disk. When it is large it becomes audit.log.1, and so on.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/work_queue.hpp"
#include "protocol/ids.hpp"
#include "protocol/result.hpp"

namespace chat262::broker {

inline constexpr const char* audit_file = "audit.log";
inline constexpr unsigned audit_files_max = 4;

class AuditFile {
 public:
  // `bytes_max`: of one file; then the next is begun. Errors: io, system.
  static Result<std::unique_ptr<AuditFile>> open(const std::filesystem::path& directory,
                                                 std::uint64_t bytes_max);
  ~AuditFile();  // writes what is queued, unless the disk does not take it
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  // Of the entries that the files tell of, newest first, as they were found at the start.
  [[nodiscard]] const std::vector<Position>& found() const { return found_; }

  // One object, without the line's end. False: too much is waiting, and it is lost.
  [[nodiscard]] bool write(std::string line);

 private:
  AuditFile(std::filesystem::path directory, std::uint64_t bytes_max);
  Result<void> start();
  void read_positions(const std::filesystem::path& file);
  void run();
  bool append(const std::string& text);
  void rotate();

  const std::filesystem::path directory_;
  const std::uint64_t bytes_max_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::vector<Position> found_;
  WorkQueue<std::string> queue_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

// The place of an entry that a line tells of; the first position is zero if it tells of none.
[[nodiscard]] Position audited_position(const std::string& line);

}  // namespace chat262::broker

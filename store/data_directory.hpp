// A server's data directory: its lock, its ballast, the room on its disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "protocol/result.hpp"

namespace chat262::store {

// Makes `directory` (mode 0700) and its parents where they are missing.
[[nodiscard]] Result<void> make_directory(const std::filesystem::path& directory);

// Takes the directory from group and others, who could read the log or put their own files in its
// place. What was done, in words; empty: it was closed to them.
[[nodiscard]] std::string close_to_others(const std::filesystem::path& directory);

// fsync of a directory: names in it made durable.
[[nodiscard]] Result<void> sync_directory(const std::filesystem::path& directory);

// Bytes that can still be written to the disk of `directory`.
[[nodiscard]] std::uint64_t free_bytes(const std::filesystem::path& directory);

// One process at a time: flock on DIRECTORY/lock, which holds that process's id.
class DirectoryLock {
 public:
  // Errors: in_use (names the directory and the process), system (also if `lock` is a link).
  static Result<DirectoryLock> take(const std::filesystem::path& directory);
  // Some process holds it.
  [[nodiscard]] static bool held(const std::filesystem::path& directory);
  DirectoryLock() = default;
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  int fd_ = -1;
};

// A file of no content that is removed when the disk is full, so that what must be written all the
// same (promises, views' cuts) still finds room.
class Ballast {
 public:
  Ballast(std::filesystem::path directory, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  void drop();                // the disk is full
  [[nodiscard]] bool make();  // false: no room for it
 private:
  std::filesystem::path path_;
  std::uint64_t bytes_;
};

}  // namespace chat262::store

// A directory of its own for a test, gone with it; in memory where the machine allows (/dev/shm).
#pragma once

#include <filesystem>

namespace chat262::test {

class Scratch {
 public:
  Scratch();  // throws std::runtime_error if there is no place for it
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace chat262::test

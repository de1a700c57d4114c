#include "test/support/scratch.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <stdexcept>

namespace chat262::test {

namespace {

std::filesystem::path place() {
  const char* memory = "/dev/shm";
  return access(memory, W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

Scratch::Scratch() {
  std::string pattern = (place() / "chat262-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory at " + pattern);
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace chat262::test

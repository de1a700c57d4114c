// Reads the log of a data directory from a process of its own: exit code 0 if it holds exactly as
// many entries as the second argument says.
#include <cstdlib>
#include <iostream>

#include "store/log.hpp"

int main(int argc, char* argv[]) {
  using namespace chat262;  // NOLINT
  if (argc != 3) return 2;
  const auto log = store::Log::open_to_read(argv[1]);
  if (!log) {
    std::cerr << log.error().text << '\n';
    return 1;
  }
  const std::uint64_t expected = std::strtoull(argv[2], nullptr, 10);
  const auto entries = (*log)->read(seq(1), seq(expected + 1), 64 << 20);
  return entries && entries->size() == expected && (*log)->last() == seq(expected) ? 0 : 1;
}

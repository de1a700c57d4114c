// What the fuzz targets share: how they fail, and how they draw from the fuzzer's bytes.
//
// A target is one file with LLVMFuzzerTestOneInput. It holds what it is about to more than "does
// not crash": a broken promise aborts, and the fuzzer keeps the input.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace chat262::fuzz {

inline void check(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: broken: %s\n", promise);
  std::abort();
}

[[nodiscard]] inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}

// The fuzzer's bytes as a source of choices. Past their end everything is zero.
class Choices {
 public:
  explicit Choices(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  // 0 .. bound-1; bound is 1 to 256.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  bool flip() { return (byte() & 1U) != 0; }
  template <class List>
  auto& of(List& list) {
    return list[below(std::size(list))];
  }
  // The bytes themselves, as many as there are and at most `size`.
  ByteView bytes(std::size_t size) {
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView all() { return bytes(rest_.size()); }

 private:
  ByteView rest_;
};

}  // namespace chat262::fuzz

// One fault as text and as data: what a run can be repeated with.
//
//   1234 crash 0 for 300 n 1
//
// is: at 1,234 ms server 0 crashes, and starts again after 300 ms. A list is separated by `;`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.hpp"
#include "test/support/disk.hpp"

namespace chat262::test {

enum class FaultKind : std::uint8_t {
  late,      // at 0: the server is started only after `lasts`
  crash,     // n: bit 0, what it sent is lost; bit 1, the write under way lands
  crash_in,  // before its n-th action from now
  stop,      // clean
  pause,
  freeze,   // its disk finishes no write
  full,     // its disk is
  slow,     // its disk takes n microseconds for a write, from now on
  error,    // of its disk: the process ends at a write; n / 2 writes later, it lands if n is odd
  lose,     // it crashes, and starts with an empty disk
  copy,     // its disk is copied
  older,    // it crashes, and starts with the last copy
  cut,      // from a to b
  isolate,  // both ways between a and everybody
  hold,     // nothing arrives from a at b; then all of it
  lossy,    // n percent of what a sends to b is lost
  delay,    // from a to b: n microseconds, from now on
  reset,    // the connections between a and b; n = 1: what was under way comes late
  deaf,     // no client reaches it
  part,     // n: bit i, on which side server i is; bit 8 + i, on which client i is
  clock,    // its wall clock jumps by n milliseconds
  handover,
  rot  // a few bits of its log flip at rest; n says which
};
inline constexpr std::size_t fault_kinds = 23;

struct Fault {
  Time at = 0;  // whole milliseconds, as `lasts`
  FaultKind kind{};
  ServerId a{};
  ServerId b{};
  Time lasts = 0;
  std::int64_t n = 0;
};

[[nodiscard]] const char* name_of(FaultKind kind);
[[nodiscard]] std::string text_of(const Fault& fault);
[[nodiscard]] std::string text_of(const std::vector<Fault>& faults);
// nullopt: not understood.
[[nodiscard]] std::optional<std::vector<Fault>> read_faults(const std::string& text);

}  // namespace chat262::test

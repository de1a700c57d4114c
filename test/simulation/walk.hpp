// A random walk: a cluster, clients, and faults drawn from a seed, in one of a few regimes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "test/support/world.hpp"

namespace chat262::test {

// What may go wrong in a regime. What must hold in it follows: see Checks.
struct Regime {
  const char* name;
  const char* what;
  Policy policy = Policy::continues;
  bool suspicion = false;  // cuts, pauses, long delays: a living server may be taken for dead
  bool disks = false;      // disks are full, stall, or hand over
  bool losses = false;     // disks are lost, or replaced by older copies
  bool single = false;     // one fault at a time: the next one when all are in-sync again
  bool nonsense = false;   // peers say what is not so: then nothing holds but that nobody aborts
  bool one_history = true;
};

inline constexpr std::array<Regime, 7> regimes = {
    Regime{.name = "crashes", .what = "crashes and restarts, nobody is suspected falsely"},
    Regime{.name = "majority",
           .what = "a majority, also cuts, pauses, delays, slow and full disks",
           .policy = Policy::majority,
           .suspicion = true,
           .disks = true},
    Regime{.name = "proof",
           .what = "the same; below a majority only over dead processes",
           .policy = Policy::proof,
           .suspicion = true,
           .disks = true},
    Regime{.name = "split",
           .what = "all of that without a majority: both sides of a split go on and are merged",
           .suspicion = true,
           .disks = true,
           .one_history = false},
    Regime{.name = "disks",
           .what = "crashes; one server at a time loses its disk or gets an older copy",
           .losses = true},
    Regime{.name = "single",
           .what = "one fault at a time: crash, pause, stuck or full disk",
           .single = true},
    Regime{.name = "nonsense",
           .what = "peers also send well-formed messages with wrong content: nobody aborts",
           .disks = true,
           .nonsense = true,
           .one_history = false},
};

struct WalkResult {
  bool failed = false;
  std::string why;
  std::uint64_t trace_hash = 0;
  std::size_t acknowledged = 0;
  Time virtual_time = 0;
};

// Same seed, regime and `without`: same walk. `told` may be empty.
[[nodiscard]] WalkResult walk(std::uint64_t seed, const Regime& regime, const std::string& without,
                              const std::function<void(const std::string&)>& told);

}  // namespace chat262::test

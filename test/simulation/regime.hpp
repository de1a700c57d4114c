// Mixes of faults. What may go wrong in a regime decides what must hold in it.
#pragma once

#include <array>
#include <string_view>

#include "protocol/cluster_file.hpp"

namespace chat262::test {

struct Regime {
  const char* name;
  const char* what;
  Policy policy = Policy::continues;
  bool suspicion = false;   // cuts, pauses, long delays: a living server may be taken for dead
  bool disks = false;       // disks are full, stall, or hand over
  bool losses = false;      // disks are lost, or replaced by older copies
  bool rot = false;         // bits flip on disks
  bool single = false;      // one fault at a time: the next one when all are in-sync again
  bool nonsense = false;    // peers say what is not so: then nothing holds but that nobody aborts
  bool one_history = true;  // else both sides of a split may go on
  bool parts = false;       // splits with clients on both sides, who quarrel over names
  bool keeps_all = true;    // what was acknowledged on any side is there in the end
};

inline constexpr std::array<Regime, 9> regimes = {
    Regime{.name = "crashes", .what = "crashes and restarts, nobody is suspected falsely"},
    Regime{.name = "majority",
           .what = "a majority, also cuts, pauses, delays, slow and full disks",
           .policy = Policy::majority,
           .suspicion = true,
           .disks = true,
           .rot = true},
    Regime{.name = "proof",
           .what = "the same; below a majority only over dead processes",
           .policy = Policy::proof,
           .suspicion = true,
           .disks = true,
           .rot = true},
    Regime{.name = "split",
           .what = "all of that without a majority: both sides of a split go on and are merged",
           .suspicion = true,
           .disks = true,
           .rot = true,
           .one_history = false},
    Regime{.name = "parted",
           .what = "the same, with splits that last and clients on both sides",
           .suspicion = true,
           .disks = true,
           .one_history = false,
           .parts = true},
    Regime{.name = "disks",
           .what = "crashes; one server at a time loses its disk or gets an older copy",
           .losses = true,
           .rot = true},
    Regime{.name = "single",
           .what = "one fault at a time: crash, pause, stuck or full disk",
           .single = true},
    Regime{.name = "mixed",
           .what = "everything: also disks are lost while the network is split",
           .suspicion = true,
           .disks = true,
           .losses = true,
           .rot = true,
           .one_history = false,
           .keeps_all = false},
    Regime{.name = "nonsense",
           .what = "peers also send well-formed messages with wrong content: nobody aborts",
           .disks = true,
           .rot = true,
           .nonsense = true,
           .one_history = false,
           .keeps_all = false},
};

// nullptr: there is none of this name.
[[nodiscard]] inline const Regime* regime_named(std::string_view name) {
  for (const Regime& regime : regimes) {
    if (regime.name == name) return &regime;
  }
  return nullptr;
}

}  // namespace chat262::test

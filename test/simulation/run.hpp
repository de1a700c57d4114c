// One run: a cluster, clients and faults, all from one seed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "test/simulation/fault.hpp"
#include "test/simulation/regime.hpp"
#include "test/support/disk.hpp"

namespace chat262::test {

// The same options, the same run.
struct Options {
  std::uint64_t seed = 1;
  const Regime* regime = &regimes[0];
  std::string without;                       // letters of rules that are switched off
  unsigned clients = ~0U;                    // bit i: client i works
  std::optional<Time> until;                 // faults and work end then; none: drawn
  std::optional<std::vector<Fault>> faults;  // none: drawn
  std::string falsehood;                     // one answer is falsified: see falsify.hpp
};

// The words behind `simulation` that repeat it.
[[nodiscard]] std::string command_of(const Options& options);

struct RunResult {
  std::string why;  // it failed; empty: it passed
  std::uint64_t trace_hash = 0;
  Time virtual_time = 0;
  Time worked_until = 0;                       // without the calm at the end
  unsigned clients = 0;                        // how many there were
  std::vector<Fault> faults;                   // those injected
  std::map<std::string, std::uint64_t> calls;  // by kind, answered ones
  std::uint64_t unknown = 0;                   // calls that were given up
  [[nodiscard]] bool failed() const { return !why.empty(); }
};

// `told` may be empty; it gets a line for every event.
[[nodiscard]] RunResult run(const Options& options,
                            const std::function<void(const std::string&)>& told);

}  // namespace chat262::test

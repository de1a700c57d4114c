// Linearizability: is there one order of all operations that explains every answer, and in which an
// operation that began after another one had ended stands behind it?
//
// The order of the final log is tried, so what is proved does not depend on the servers' word: an
// order that explains everything is found, or none is claimed. A write that is in the log stands
// where the log has it. A read, or a write that was refused and left no entry, saw the state after
// some entry; the earliest one is taken that explains its answer and comes after everything that
// its client could have known.
#pragma once

#include <vector>

#include "protocol/entry.hpp"
#include "test/simulation/history.hpp"

namespace chat262::test {

// From when on there was one history, which everything was answered from: all of a run, or what
// came after both sides of a split had become one again.
struct OneHistory {
  Time since = -1;  // of calls that began then or later
  Seq last{};       // the log ended here then
};

// Throws Violation.
void check_explained(const History& history, const std::vector<Entry>& log,
                     const OneHistory& explained);

}  // namespace chat262::test

// Whether what clients were told can be explained.
#pragma once

#include <string>
#include <vector>

#include "protocol/entry.hpp"
#include "test/simulation/explain.hpp"
#include "test/simulation/history.hpp"
#include "test/simulation/regime.hpp"

namespace chat262::test {

// A word for what a request asks.
[[nodiscard]] std::string kind_of(const RequestBody& body);

// Texts of refusals are for people, and where to go on from in a list is the servers' affair.
[[nodiscard]] bool same_answer(const Reply& a, const Reply& b);

// Throws Violation. `log`: the final one, from seq 1. `explained`: see explain.hpp.
void check_answers(const History& history, const std::vector<Entry>& log, const Regime& regime,
                   const OneHistory& explained);

}  // namespace chat262::test

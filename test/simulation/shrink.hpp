// A smaller run that fails too: fewer faults, fewer clients, a shorter end.
#pragma once

#include <functional>
#include <string>

#include "test/simulation/run.hpp"

namespace chat262::test {

// `failing` fails. `told` gets a line for every step forward. What is left may fail for another
// reason than the first run did. A run that aborts cannot be shrunk: it ends the process.
[[nodiscard]] Options shrink(const Options& failing,
                             const std::function<void(const std::string&)>& told);

}  // namespace chat262::test

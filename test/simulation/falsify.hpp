// Answers that no right cluster gives, to see that the checkers see them.
#pragma once

#include <array>
#include <string>

#include "test/simulation/history.hpp"

namespace chat262::test {

inline constexpr std::array<const char*, 8> falsehoods = {"missing", "swapped", "twice",  "text",
                                                          "event",   "unread",  "status", "late"};

// Changes one answer, the last that can be; what is not in the history stays as it is.
void falsify(History& history, const std::string& falsehood);

}  // namespace chat262::test

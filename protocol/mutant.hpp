// Deliberate defects, to see that the checkers in test/ find them. In programs built with the
// option `mutants` the environment variable CHAT262_MUTANT switches one of them on; in every other
// build mutant() is false when it is compiled. The list: test/mutants/mutants.txt.
#pragma once

#include <cstdlib>
#include <string_view>

namespace chat262 {

#ifdef CHAT262_MUTANTS
[[nodiscard]] inline bool mutant(std::string_view name) {
  static const char* const active = std::getenv("CHAT262_MUTANT");
  return active != nullptr && name == active;
}
#else
[[nodiscard]] constexpr bool mutant(std::string_view) {
  return false;
}
#endif

}  // namespace chat262

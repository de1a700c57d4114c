// What clients asked and were told, and when. The checkers of answers know nothing else of a run
// but this and the final log.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "protocol/client_messages.hpp"
#include "test/support/disk.hpp"

namespace chat262::test {

// One call of a client, through all its tries. A write that is asked for again by hand is another
// call with the same request.
struct Call {
  unsigned client = 0;
  Request request;
  Time began = 0;
  Time ended = never;          // never: given up; what became of it is unknown
  std::optional<Reply> reply;  // a decisive one
};

using History = std::vector<Call>;  // in the order in which they began

}  // namespace chat262::test

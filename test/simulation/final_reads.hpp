// In the end every server's tables answer what the final log comes to: every account's
// conversations, histories and events, who there is and which rooms, sessions, and the outcome of
// every request. Also where clients' answers cannot be explained because both sides of a split went
// on: the reference knows the rules by which they are merged.
#pragma once

#include <vector>

#include "protocol/entry.hpp"
#include "store/tables.hpp"

namespace chat262::test {

// Throws Violation. `log`: the final one, from seq 1; `tables` stand at its end.
void check_final_reads(const store::Tables& tables, const std::vector<Entry>& log);

}  // namespace chat262::test

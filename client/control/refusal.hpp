// Whether the process of a server is dead: its machine refuses a connection.
#pragma once

#include <string>

namespace chat262::control {

// `endpoint`: tcp://host:port. Waits half a second at most, and for the system's resolver. False:
// it accepts, is silent, or has no such address.
[[nodiscard]] bool refuses_connections(const std::string& endpoint);

}  // namespace chat262::control

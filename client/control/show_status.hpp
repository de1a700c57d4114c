// A cluster's status as a table for people, and as JSON.
#pragma once

#include <string>

#include "client/control/status.hpp"

namespace chat262::control {

[[nodiscard]] std::string status_table(const ClusterStatus& cluster);
[[nodiscard]] std::string status_json(const ClusterStatus& cluster);

// "3 d 4 h", "2 h 10 min", "5 min 1 s", "12 s"
[[nodiscard]] std::string duration_text(std::uint64_t ms);
// "12 B", "3.4 MB"
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace chat262::control

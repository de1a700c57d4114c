// When a cluster may go on without some of its servers. One setting of the cluster file; what each
// policy promises is a table in broker/replica/REPLICATION.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace chat262 {

enum class Policy : std::uint8_t {
  continues = 0,  // "continue": whoever is left goes on; a healed split is merged
  proof = 1,      // below a majority only if the missing are proved dead, or an operator says so
  majority = 2    // never below a majority
};

inline constexpr std::array<const char*, 3> policy_names = {"continue", "proof", "majority"};

[[nodiscard]] constexpr const char* policy_name(Policy policy) {
  return policy_names.at(static_cast<std::size_t>(policy));
}
[[nodiscard]] constexpr std::optional<Policy> policy_named(std::string_view name) {
  for (std::size_t i = 0; i < policy_names.size(); ++i) {
    if (name == policy_names[i]) return static_cast<Policy>(i);
  }
  return std::nullopt;
}

// The least number of servers that is more than half.
[[nodiscard]] constexpr unsigned majority_of(unsigned servers) {
  return servers / 2 + 1;
}

}  // namespace chat262

// Codes that people are given and type: invitations, and what sets a new password. Base 32, in
// groups: 7K3QF-0M9XW-2TVNB-A8RZD, of which only a hash is ever kept.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace chat262 {

inline constexpr std::size_t code_digits = 20;  // 5 bits each

// `random`: code_digits bytes from a cryptographic generator.
[[nodiscard]] std::string code_text(ByteView random);
// Of a code as it was typed: case, spaces and hyphens do not count, nor does O for 0, or I or L for
// 1. nullopt: it is none.
[[nodiscard]] std::optional<Hash> code_hash(std::string_view typed);

}  // namespace chat262

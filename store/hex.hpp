// Ids and hashes as people and text files have them: two hexadecimal digits a byte.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "protocol/ids.hpp"

namespace chat262::store {

[[nodiscard]] std::string hex(ByteView bytes);
// False: `text` is not twice as many digits as there are `bytes`, whose content is then of no use.
[[nodiscard]] bool from_hex(const std::string& text, std::span<std::uint8_t> bytes);

}  // namespace chat262::store

// Is it UTF-8? Internal to protocol/.
#pragma once

#include <string_view>

namespace chat262::detail {

// No overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] bool valid_utf8(std::string_view text);

}  // namespace chat262::detail

// `chat262ctl handover`: another server is to lead.
#pragma once

#include <filesystem>
#include <optional>

#include "client/control/outcome.hpp"

namespace chat262::control {

// `to`: none for the first fit server. Returns when that one serves. Throws Failure.
Exit hand_over(const std::filesystem::path& data, std::optional<unsigned> to);

}  // namespace chat262::control

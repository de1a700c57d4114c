// `chat262ctl force-lead`: a server that waits for others is to lead without them.
#pragma once

#include <filesystem>
#include <string>

#include "client/control/outcome.hpp"
#include "protocol/client_messages.hpp"

namespace chat262::control {

// What may be lost, for people.
[[nodiscard]] std::string what_may_be_lost(const reply::Survey& survey,
                                           const reply::ServerStatus& status);

// Shows what may be lost and asks on standard input, unless `yes`. Throws Failure.
Exit force_lead(const std::filesystem::path& data, bool yes);

}  // namespace chat262::control

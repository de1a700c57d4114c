// The operator's socket, DIR/control: who may open the file is an operator, says the operating
// system. It speaks the clients' protocol.
#pragma once

#include <filesystem>

#include "broker/gateway.hpp"
#include "protocol/result.hpp"

namespace chat262::broker {

// Binds `gateway` to the socket in `data`, for this process's user only. Call it as the one owner
// of the directory: a file that another process left behind is replaced. Errors: too_large (the
// path is longer than a socket's may be), system.
[[nodiscard]] Result<void> open_control_socket(Gateway& gateway, const std::filesystem::path& data);

// After a clean stop.
void remove_control_socket(const std::filesystem::path& data);

}  // namespace chat262::broker

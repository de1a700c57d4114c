// Tells systemd what the server is doing (sd_notify(3)), where NOTIFY_SOCKET is set.
#pragma once

#include <string>

namespace chat262::broker {

// `state`: e.g. "READY=1". Does nothing without NOTIFY_SOCKET.
void notify_manager(const std::string& state);

}  // namespace chat262::broker

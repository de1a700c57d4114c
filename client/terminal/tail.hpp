// `chat262 tail`: events as they come.
#pragma once

#include "chat262/client.hpp"
#include "client/terminal/arguments.hpp"
#include "client/terminal/exit_code.hpp"

namespace chat262::client {

// Until SIGINT, SIGTERM, `--count` events, or the end of the session. `client` has a session.
[[nodiscard]] ExitCode tail_events(Client& client, const Arguments& arguments);

}  // namespace chat262::client

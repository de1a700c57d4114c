// The command line of what chat262ctl does with accounts.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "client/control/outcome.hpp"

namespace chat262::control {

// Adds `account ...` and `invite`; `run` is set to what was asked for.
void add_account_commands(CLI::App& app, std::function<Exit()>& run);

}  // namespace chat262::control

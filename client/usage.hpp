// What the programs say of a wrong command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace chat262::client {

// What is wrong, and whose help says more. For CLI::App::failure_message(), of an app with a name.
inline std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  const CLI::App* command = app;
  std::string name = app->get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().back();
    name += " " + command->get_name();
  }
  std::string text = error.what();
  const auto unknown = app->remaining(true);
  if (!unknown.empty()) {
    const auto code = static_cast<CLI::ExitCodes>(error.get_exit_code());
    if (code == CLI::ExitCodes::RequiredError && command->get_require_subcommand_min() > 0 &&
        !unknown.front().starts_with('-')) {
      text = "there is no command `" + name + " " + unknown.front() + "`";
    } else if (code == CLI::ExitCodes::ExtrasError) {
      text = "not expected here: " + CLI::detail::join(unknown, " ");
    } else {
      text += " (not expected here: " + CLI::detail::join(unknown, " ") + ")";
    }
  }
  return app->get_name() + ": " + text + "\n`" + name + " --help` says more.\n";
}

}  // namespace chat262::client

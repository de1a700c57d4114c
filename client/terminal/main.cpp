// chat262: the terminal program.
#include <fmt/format.h>

#include <clocale>
#include <cstdio>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "client/terminal/arguments.hpp"
#include "client/terminal/chat.hpp"
#include "client/terminal/exit_code.hpp"
#include "client/terminal/files.hpp"
#include "client/terminal/script.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::client {
namespace {

int usage_error(const std::string& text) {
  fmt::print(stderr, "chat262: {}\n", text);
  return static_cast<int>(ExitCode::usage);
}

int run(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  if (const auto* exit = std::get_if<ParseExit>(&parsed)) {
    fmt::print(exit->code == 0 ? stdout : stderr, "{}", exit->output);
    return exit->code;
  }
  const auto& arguments = std::get<Arguments>(parsed);
  const auto cluster = cluster_from_arguments(arguments.addresses, arguments.cluster_file);
  if (!cluster) return usage_error(cluster.error().text);
  auto sessions = SessionStore::open(cluster->id, arguments.session_file);
  if (!sessions) return usage_error(sessions.error().text);
  if (arguments.command == Command::interactive) {
    return static_cast<int>(run_chat(arguments, *cluster, *sessions));
  }
  Script script(arguments, *cluster, std::move(*sessions));
  return static_cast<int>(script.run());
}

}  // namespace
}  // namespace chat262::client

int main(int argc, char* argv[]) {
  // Widths of characters; a machine without any locale setting still has UTF-8.
  if (std::setlocale(LC_ALL, "") == nullptr ||
      std::string(std::setlocale(LC_CTYPE, nullptr)) == "C") {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  try {
    return chat262::client::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "chat262: {}\n", error.what());
    return static_cast<int>(chat262::client::ExitCode::refused);
  }
}

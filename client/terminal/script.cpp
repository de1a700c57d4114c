#include "client/terminal/script.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>

#include "client/convert.hpp"
#include "client/terminal/json.hpp"
#include "client/terminal/password.hpp"
#include "client/terminal/tail.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::client {

using nlohmann::json;

Options options_for(const ClusterConfig& cluster, Milliseconds timeout) {
  Options options;
  for (const ServerConfig& server : cluster.servers) {
    options.servers.push_back(address_of(server));
  }
  options.timeout = timeout;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  options.description = std::string("chat262 ") + CHAT262_VERSION;
  if (host[0] != '\0') options.description += std::string(" on ") + host.data();
  if (::isatty(STDERR_FILENO) == 1) {
    options.on_progress = [](const Progress& progress) {
      if (progress.kind == Progress::Kind::no_answer || progress.kind == Progress::Kind::answered ||
          progress.kind == Progress::Kind::waiting) {
        fmt::print(stderr, "chat262: {}\n", printable(progress.text));
      }
    };
  }
  return options;
}

Script::Script(const Arguments& arguments, const ClusterConfig& cluster, SessionStore sessions)
    : arguments_(arguments),
      server_addresses_(options_for(cluster, arguments.timeout).servers),
      sessions_(std::move(sessions)),
      client_(options_for(cluster, arguments.timeout)) {}

ExitCode Script::run() {
  if (needs_session() && !resume()) return ExitCode::refused;
  if (arguments_.request) client_.with_request(*arguments_.request);
  switch (arguments_.command) {
    case Command::interactive:
      break;
    case Command::register_account:
      return register_account();
    case Command::login:
      return login();
    case Command::logout:
      return logout(false);
    case Command::logout_all:
      return logout(true);
    case Command::passwd:
      return passwd();
    case Command::reset_password:
      return reset_password();
    case Command::sessions:
      return sessions();
    case Command::end_session:
      return end_sessions();
    case Command::delete_account:
      return delete_account();
    case Command::send:
      return arguments_.lines ? send_lines() : send();
    case Command::read:
      return read();
    case Command::tail:
      return tail_events(client_, arguments_);
    case Command::users:
      return users();
    case Command::rooms:
      return rooms();
    case Command::members:
      return members();
    case Command::create:
    case Command::join:
    case Command::leave:
      return about_room();
    case Command::list:
      return list();
    case Command::mark_read:
      return mark_read();
    case Command::servers:
      return servers();
  }
  return ExitCode::usage;
}

bool Script::needs_session() const {
  return arguments_.command != Command::register_account && arguments_.command != Command::login &&
         arguments_.command != Command::reset_password && arguments_.command != Command::servers;
}

bool Script::resume() {
  auto session = sessions_.load(arguments_.account);
  if (!session) {
    explain(session.error(), ExitCode::refused);
    return false;
  }
  session_ = std::move(*session);
  client_.resume(session_.token);
  return true;
}

ExitCode Script::explain(const Refused* refused, const Unknown* unknown) {
  if (unknown != nullptr) {
    if (arguments_.json) fmt::print("{}\n", one_line(json_of(*unknown)));
    fmt::print(stderr, "chat262: {}\nchat262: ask again with --request-id {}\n",
               printable(unknown->text), to_text(unknown->request));
    return ExitCode::unknown;
  }
  if (arguments_.json) fmt::print("{}\n", one_line(json_of(*refused)));
  fmt::print(stderr, "chat262: {}\n", printable(refused->text));
  return exit_code_of(*refused);
}

ExitCode Script::explain(const Error& error, ExitCode code) {
  if (arguments_.json) {
    const json object = {{"outcome", "failed"}, {"text", error.text}};
    fmt::print("{}\n", one_line(object));
  }
  fmt::print(stderr, "chat262: {}\n", error.text);
  return code;
}

void Script::print(const std::string& json_text, const std::string& text) {
  if (arguments_.json) {
    fmt::print("{}\n", json_text);
  } else if (!text.empty()) {
    fmt::print("{}\n", text);
  }
}

ExitCode Script::register_account() {
  const auto password = get_password(arguments_, PasswordUse::fresh, "password");
  if (!password) return explain(password.error(), ExitCode::usage);
  const auto outcome = client_.register_account(arguments_.name, *password, arguments_.invitation);
  if (!outcome) return explain(outcome);
  const json object = {
      {"outcome", "done"}, {"account", outcome.value()}, {"name", arguments_.name}};
  print(one_line(object), "registered " + printable(arguments_.name));
  return ExitCode::ok;
}

ExitCode Script::login() {
  const auto password = get_password(arguments_, PasswordUse::existing, "password");
  if (!password) return explain(password.error(), ExitCode::usage);
  const auto outcome = client_.log_in(arguments_.name, *password);
  if (!outcome) return explain(outcome);
  const LoggedIn& in = outcome.value();
  const auto saved =
      sessions_.save({.account = in.name, .token = in.token, .expires_ms = in.expires_ms});
  if (!saved) return explain(saved.error(), ExitCode::refused);
  const json object = {{"outcome", "done"},
                       {"account", in.account},
                       {"name", in.name},
                       {"expires_ms", in.expires_ms},
                       {"cursor", hex(in.now)}};
  print(one_line(object), "logged in as " + printable(in.name));
  return ExitCode::ok;
}

ExitCode Script::logout(bool everywhere) {
  const auto outcome = everywhere ? client_.log_out_everywhere() : client_.log_out();
  // A session that the servers do not know is of no use any more either.
  const bool gone = outcome.refused() != nullptr && outcome.refused()->code == "not_signed_in";
  if (outcome || gone) sessions_.remove(session_.account);
  if (!outcome) return explain(outcome);
  print(R"({"outcome":"done"})", "logged out");
  return ExitCode::ok;
}

ExitCode Script::passwd() {
  const auto old_password = get_password(arguments_, PasswordUse::existing, "present password");
  if (!old_password) return explain(old_password.error(), ExitCode::usage);
  const auto new_password = get_new_password(arguments_);
  if (!new_password) return explain(new_password.error(), ExitCode::usage);
  const auto outcome = client_.change_password(*old_password, *new_password);
  if (!outcome) return explain(outcome);
  print(R"({"outcome":"done"})", "the password is changed; other sessions are logged out");
  return ExitCode::ok;
}

ExitCode Script::reset_password() {
  const auto code = get_code(arguments_);
  if (!code) return explain(code.error(), ExitCode::usage);
  const auto password = get_password(arguments_, PasswordUse::fresh, "new password");
  if (!password) return explain(password.error(), ExitCode::usage);
  const auto outcome = client_.reset_password(arguments_.name, *code, *password);
  if (!outcome) return explain(outcome);
  print(R"({"outcome":"done"})", "the password is set; all sessions of the account are ended");
  return ExitCode::ok;
}

ExitCode Script::delete_account() {
  const auto password =
      get_password(arguments_, PasswordUse::existing,
                   "password, to delete the account " + printable(session_.account) + " for ever");
  if (!password) return explain(password.error(), ExitCode::usage);
  const auto outcome = client_.delete_account(*password);
  if (!outcome) return explain(outcome);
  sessions_.remove(session_.account);
  print(R"({"outcome":"done"})", "the account " + printable(session_.account) + " is deleted");
  return ExitCode::ok;
}

ExitCode Script::send() {
  if (arguments_.text) return send_one(*arguments_.text);
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return send_one(text);
}

ExitCode Script::send_lines() {
  std::string line;
  for (std::uint64_t number = 1; std::getline(std::cin, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const ExitCode code = send_one(line);
    if (code != ExitCode::ok) {
      fmt::print(stderr, "chat262: stopped at line {}\n", number);
      return code;
    }
  }
  return ExitCode::ok;
}

ExitCode Script::send_one(const std::string& text) {
  const auto outcome = client_.send(*arguments_.to, text);
  if (!outcome) return explain(outcome);
  const json object = {{"outcome", "done"},
                       {"id", outcome.value().message},
                       {"cursor", hex(outcome.value().at)},
                       {"time_ms", outcome.value().time_ms}};
  print(one_line(object), "");
  std::fflush(stdout);
  return ExitCode::ok;
}

ExitCode Script::about_room() {
  json object = {{"outcome", "done"}, {"name", arguments_.name}};
  std::string text = "left ";
  if (arguments_.command == Command::leave) {
    const auto outcome = client_.leave_room(arguments_.name);
    if (!outcome) return explain(outcome);
  } else {
    const bool create = arguments_.command == Command::create;
    const auto outcome =
        create ? client_.create_room(arguments_.name) : client_.join_room(arguments_.name);
    if (!outcome) return explain(outcome);
    object["room"] = outcome.value();
    text = create ? "created " : "joined ";
  }
  print(one_line(object), text + printable(arguments_.name));
  return ExitCode::ok;
}

ExitCode Script::mark_read() {
  std::optional<Cursor> upto = arguments_.after;
  if (!upto) {
    const auto newest = client_.history(*arguments_.to, std::nullopt, false, 1);
    if (!newest) return explain(newest);
    if (!newest.value().messages.empty()) upto = newest.value().messages.back().at;
  }
  if (upto) {
    const auto outcome = client_.mark_read(*arguments_.to, *upto);
    if (!outcome) return explain(outcome);
  }
  const json object = {{"outcome", "done"}, {"upto", hex(upto.value_or(""))}};
  print(one_line(object), "");
  return ExitCode::ok;
}

}  // namespace chat262::client

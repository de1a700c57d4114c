#include "client/terminal/arguments.hpp"

#include <CLI/CLI.hpp>
#include <cmath>
#include <sstream>
#include <utility>

#include "client/terminal/exit_code.hpp"
#include "client/usage.hpp"

namespace chat262::client {
namespace {

constexpr double timeout_s_max = 86'400;
constexpr unsigned last_max = 100'000;

// What CLI11 fills in, before it is checked and converted.
struct Raw {
  Arguments arguments;
  std::vector<std::string> servers;
  std::string server_list;
  double timeout_s = 10;
  std::string to, before, after, request;
  std::vector<std::string> text;
  bool ends_session = false;  // CLI11 calls the outer subcommand last
};

void add_common(CLI::App& app, Raw& raw) {
  app.add_option("--cluster", raw.arguments.cluster_file, "Cluster file; default: $CHAT262_CLUSTER")
      ->type_name("FILE");
  app.add_option("--server", raw.servers,
                 "Address of a server, in leader order; give it once for each")
      ->type_name("ADDRESS")
      ->expected(1)
      ->take_all();
  app.add_option("--servers", raw.server_list, "Addresses of all servers, with commas between")
      ->type_name("A,B,C");
  app.add_option("--timeout", raw.timeout_s, "Give up after so long; default 10")
      ->type_name("SECONDS");
  app.add_option("--account", raw.arguments.account, "Use the session kept for this account")
      ->type_name("NAME");
  app.add_option("--session", raw.arguments.session_file, "Keep the session in this file")
      ->type_name("FILE");
}

CLI::App& add_subcommand(CLI::App& app, Raw& raw, Command command, const std::string& name,
                         const std::string& help) {
  CLI::App* sub = app.add_subcommand(name, help);
  add_common(*sub, raw);
  sub->add_flag("--json", raw.arguments.json, "Write JSON, one object a line");
  sub->callback([&raw, command] { raw.arguments.command = command; });
  return *sub;
}

void add_password(CLI::App& app, Raw& raw) {
  CLI::Option* file = app.add_option("--password-file", raw.arguments.password_file,
                                     "Read the password from the first line of this file")
                          ->type_name("FILE");
  app.add_flag("--password-stdin", raw.arguments.password_stdin,
               "Read the password from a line of standard input")
      ->excludes(file);
}

void add_target(CLI::App& app, Raw& raw, const std::string& help) {
  app.add_option("--to", raw.to, help)->type_name("NAME|room:NAME")->required();
}

void add_request(CLI::App& app, Raw& raw) {
  app.add_option("--request-id", raw.request,
                 "Ask again what became of an earlier, otherwise equal call; never does it twice")
      ->type_name("ID");
}

void add_account_commands(CLI::App& app, Raw& raw) {
  CLI::App& reg =
      add_subcommand(app, raw, Command::register_account, "register", "Make a new account");
  reg.add_option("name", raw.arguments.name, "The account's name")->required();
  reg.add_option("--invitation", raw.arguments.invitation,
                 "Where an invitation is needed: its code, as an operator gave it")
      ->type_name("CODE");
  add_password(reg, raw);
  add_request(reg, raw);
  CLI::App& login = add_subcommand(app, raw, Command::login, "login",
                                   "Log in and keep the session for other subcommands");
  login.add_option("name", raw.arguments.name, "The account's name")->required();
  add_password(login, raw);
  add_subcommand(app, raw, Command::logout, "logout", "End this session");
  add_subcommand(app, raw, Command::logout_all, "logout-all", "End all sessions of the account");
  CLI::App& passwd = add_subcommand(app, raw, Command::passwd, "passwd",
                                    "Change the password; ends all other sessions");
  add_password(passwd, raw);
  add_request(passwd, raw);
  passwd
      .add_option("--new-password-file", raw.arguments.new_password_file,
                  "Read the new password from this file (with --password-stdin: the second line)")
      ->type_name("FILE");
  CLI::App& reset = add_subcommand(app, raw, Command::reset_password, "reset-password",
                                   "Set a new password with a code that an operator gave");
  reset.add_option("name", raw.arguments.name, "The account's name")->required();
  reset
      .add_option("--code-file", raw.arguments.code_file,
                  "Read the code from the first line of this file; else it is asked for (with "
                  "--password-stdin: the first line, the password the second)")
      ->type_name("FILE");
  add_password(reset, raw);
  add_request(reset, raw);
  CLI::App& sessions = add_subcommand(app, raw, Command::sessions, "sessions",
                                      "List where the account is signed in; `end` ends some");
  sessions.callback([&raw] {
    raw.arguments.command = raw.ends_session ? Command::end_session : Command::sessions;
  });
  CLI::App* end = sessions.add_subcommand("end", "End sessions: one, all others, or all");
  end->fallthrough();
  end->callback([&raw] { raw.ends_session = true; });
  end->add_option("ID", raw.arguments.name, "As it is listed, or how it begins");
  end->add_flag("--others", raw.arguments.others, "All but this one");
  end->add_flag("--all", raw.arguments.all, "All, this one included");
  CLI::App& remove = add_subcommand(app, raw, Command::delete_account, "delete-account",
                                    "Delete the account for ever and erase all it wrote");
  add_password(remove, raw);
  add_request(remove, raw);
}

void add_message_commands(CLI::App& app, Raw& raw) {
  CLI::App& send = add_subcommand(app, raw, Command::send, "send", "Send a message");
  add_target(send, raw, "A user, or a room you are in");
  send.add_option("text", raw.text, "The message; without it: all of standard input");
  send.add_flag("--lines", raw.arguments.lines,
                "Each line of standard input is a message of its own");
  add_request(send, raw);
  CLI::App& read = add_subcommand(app, raw, Command::read, "read",
                                  "Show messages of a conversation, oldest first");
  add_target(read, raw, "The conversation");
  read.add_option("--last", raw.arguments.last, "How many messages; default 50")->type_name("N");
  CLI::Option* before =
      read.add_option("--before", raw.before, "Only messages before this cursor (of --json)")
          ->type_name("CURSOR");
  read.add_option("--after", raw.after, "The first messages after this cursor")
      ->type_name("CURSOR")
      ->excludes(before);
  CLI::App& tail = add_subcommand(app, raw, Command::tail, "tail",
                                  "Show events as they come, until interrupted");
  tail.add_option("--since", raw.after, "Begin after this cursor (of --json); default: now")
      ->type_name("CURSOR");
  tail.add_option("--count", raw.arguments.count, "End after so many events")->type_name("N");
  add_subcommand(app, raw, Command::list, "list", "List conversations with their unread messages");
  CLI::App& mark =
      add_subcommand(app, raw, Command::mark_read, "mark-read", "Mark a conversation as read");
  add_target(mark, raw, "The conversation");
  mark.add_option("--upto", raw.after, "Up to this cursor; default: its newest message")
      ->type_name("CURSOR");
}

void add_name_commands(CLI::App& app, Raw& raw) {
  CLI::App& users = add_subcommand(app, raw, Command::users, "users", "Find accounts");
  users.add_option("pattern", raw.arguments.name, "A name; * stands for anything; default: *");
  CLI::App& rooms = add_subcommand(app, raw, Command::rooms, "rooms", "Find rooms");
  rooms.add_option("pattern", raw.arguments.name, "A name; * stands for anything; default: *");
  const std::pair<Command, std::pair<const char*, const char*>> about_room[] = {
      {Command::members, {"members", "List the members of a room"}},
      {Command::create, {"create", "Make a room and join it"}},
      {Command::join, {"join", "Join a room"}},
      {Command::leave, {"leave", "Leave a room"}}};
  for (const auto& [command, words] : about_room) {
    CLI::App& sub = add_subcommand(app, raw, command, words.first, words.second);
    sub.add_option("room", raw.arguments.name, "The room's name")->required();
    if (command != Command::members) add_request(sub, raw);
  }
  add_subcommand(app, raw, Command::servers, "servers", "Show the state of every server");
}

std::optional<std::string> convert_cursor(const std::string& text, const std::string& option,
                                          std::optional<Cursor>& cursor) {
  if (text.empty()) return std::nullopt;
  cursor = unhex(text);
  if (cursor) return std::nullopt;
  return option + ": a cursor is written in hexadecimal digits, as --json shows it";
}

// The error, or nullopt.
std::optional<std::string> convert(Raw& raw) {
  Arguments& arguments = raw.arguments;
  const bool interactive = arguments.command == Command::interactive;
  if (!interactive && !arguments.addresses.empty()) {
    return "addresses before a subcommand are given by --server or --servers";
  }
  if (!raw.servers.empty() && !raw.server_list.empty()) {
    return "give either --server or --servers";
  }
  for (std::string& server : raw.servers) arguments.addresses.push_back(std::move(server));
  std::istringstream list(raw.server_list);
  for (std::string server; std::getline(list, server, ',');) {
    if (!server.empty()) arguments.addresses.push_back(server);
  }
  if (!arguments.addresses.empty() && !arguments.cluster_file.empty()) {
    return "give either addresses or a cluster file";
  }
  if (!(raw.timeout_s > 0) || raw.timeout_s > timeout_s_max) {
    return "--timeout: more than 0 and at most 86400 seconds";
  }
  arguments.timeout = Milliseconds{std::max(1L, std::lround(raw.timeout_s * 1000))};
  if (arguments.last == 0 || arguments.last > last_max) return "--last: from 1 to 100000";
  if (!raw.to.empty()) {
    arguments.to = target_from(raw.to);
    if (!arguments.to) return "--to: a name is missing in '" + raw.to + "'";
  }
  if (!raw.text.empty()) {
    std::string text;
    for (const std::string& word : raw.text) text += (text.empty() ? "" : " ") + word;
    arguments.text = std::move(text);
  }
  if (arguments.text && arguments.lines) return "--lines reads standard input: give no text";
  if (!raw.request.empty()) {
    arguments.request = request_from_text(raw.request);
    if (!arguments.request) {
      return "--request-id: 32 hexadecimal digits, a colon and a number, as it was printed";
    }
    if (arguments.lines) return "--request-id names one message: it cannot be used with --lines";
  }
  if (arguments.command == Command::end_session &&
      unsigned{!arguments.name.empty()} + unsigned{arguments.others} + unsigned{arguments.all} !=
          1) {
    return "sessions end: give the ID of a session, --others or --all";
  }
  if (auto error = convert_cursor(raw.before, "--before", arguments.before)) return error;
  return convert_cursor(raw.after, "cursor", arguments.after);
}

}  // namespace

std::variant<Arguments, ParseExit> parse_arguments(const std::vector<std::string>& words) {
  Raw raw;
  CLI::App app(
      "A chat that goes on when servers fail.\n\n"
      "  chat262 ADDRESS...            an interactive session\n"
      "  chat262 SUBCOMMAND [OPTIONS]  one thing, for scripts\n\n"
      "Addresses: HOST, HOST:PORT or [IPV6]:PORT of every server, in leader order.",
      "chat262");
  app.failure_message(usage_error);
  app.set_version_flag("--version", std::string("chat262 ") + CHAT262_VERSION);
  app.require_subcommand(0, 1);
  add_common(app, raw);
  app.add_option("addresses", raw.arguments.addresses, "Servers of the interactive session")
      ->type_name("ADDRESS");
  add_account_commands(app, raw);
  add_message_commands(app, raw);
  add_name_commands(app, raw);
  app.footer(
      "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no server answered,\n"
      "4 unknown outcome (the request id to ask again is printed).");
  try {
    // CLI11 takes the words last first.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool fine = app.exit(error, out, err) == 0;
    return ParseExit{.code = fine ? 0 : static_cast<int>(ExitCode::usage),
                     .output = fine ? out.str() : err.str()};
  }
  if (const auto error = convert(raw)) {
    return ParseExit{.code = static_cast<int>(ExitCode::usage),
                     .output = "chat262: " + *error + "\n"};
  }
  return raw.arguments;
}

std::optional<Target> target_from(const std::string& text) {
  const bool room = text.starts_with("room:");
  const bool user = text.starts_with("user:");
  std::string name = room || user ? text.substr(5) : text;
  if (name.empty()) return std::nullopt;
  return room ? Target::room(std::move(name)) : Target::user(std::move(name));
}

std::string target_text(const Target& target) {
  if (target.kind == Target::Kind::room) return "room:" + target.name;
  const bool misread = target.name.starts_with("room:") || target.name.starts_with("user:");
  return misread ? "user:" + target.name : target.name;
}

}  // namespace chat262::client

// The command line of `chat262`, as data.
//
//   chat262 [OPTIONS] [ADDRESS...]         the interactive session
//   chat262 [OPTIONS] SUBCOMMAND ...       one thing, for scripts
//
// The first word that names a subcommand is one. Addresses stand alone only in the interactive
// session; with a subcommand they are given by --server, --servers, --cluster or CHAT262_CLUSTER.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chat262/client.hpp"

namespace chat262::client {

enum class Command {
  interactive,
  register_account,
  login,
  logout,
  logout_all,
  passwd,
  reset_password,
  sessions,
  end_session,
  delete_account,
  send,
  read,
  tail,
  users,
  rooms,
  members,
  create,
  join,
  leave,
  list,
  mark_read,
  servers
};

struct Arguments {
  Command command = Command::interactive;

  // The servers.
  std::vector<std::string> addresses;
  std::string cluster_file;
  Milliseconds timeout{10'000};
  bool json = false;

  // Who.
  std::string account;       // of several sessions kept; empty: the one of the latest login
  std::string session_file;  // instead of the one found by cluster and account
  std::string password_file;
  std::string new_password_file;
  bool password_stdin = false;
  std::string invitation;
  std::string code_file;  // of the code that sets a new password
  bool others = false;    // all sessions but this one
  bool all = false;

  // What.
  std::string name;  // of the account, room or pattern that the subcommand is about
  std::optional<Target> to;
  std::optional<std::string> text;  // none: from standard input
  bool lines = false;
  std::optional<RequestId> request;
  unsigned last = 50;
  std::uint64_t count = 0;              // 0: no limit
  std::optional<Cursor> before, after;  // bytes
};

struct ParseExit {  // --help, --version, or a wrong command line
  int code = 0;
  std::string output;  // to standard output if code is 0, else to standard error
};

[[nodiscard]] std::variant<Arguments, ParseExit> parse_arguments(
    const std::vector<std::string>& words);

// "alice" and "user:alice" are a user, "room:lobby" is a room; nullopt if the name is missing.
[[nodiscard]] std::optional<Target> target_from(const std::string& text);
// The other way round; a user whose name would be misread gets "user:".
[[nodiscard]] std::string target_text(const Target& target);

}  // namespace chat262::client

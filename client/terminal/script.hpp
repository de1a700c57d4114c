// The subcommands: one call to the cluster, its outcome printed, an exit code.
#pragma once

#include <functional>
#include <string>

#include "chat262/client.hpp"
#include "client/terminal/arguments.hpp"
#include "client/terminal/exit_code.hpp"
#include "client/terminal/files.hpp"
#include "client/terminal/show.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::client {

class Script {
 public:
  // `sessions` are those of `cluster`.
  Script(const Arguments& arguments, const ClusterConfig& cluster, SessionStore sessions);

  [[nodiscard]] ExitCode run();

 private:
  ExitCode register_account();
  ExitCode login();
  ExitCode logout(bool everywhere);
  ExitCode passwd();
  ExitCode reset_password();
  // script_sessions.cpp
  ExitCode sessions();
  ExitCode end_sessions();
  [[nodiscard]] Outcome<std::vector<Session>> all_sessions();
  ExitCode delete_account();
  ExitCode send();
  ExitCode send_lines();
  ExitCode send_one(const std::string& text);
  ExitCode read();
  ExitCode tail();
  ExitCode users();
  ExitCode members();
  ExitCode rooms();
  ExitCode about_room();
  ExitCode list();
  ExitCode mark_read();
  ExitCode servers();

  // Uses the session kept, or says why there is none.
  bool resume();
  [[nodiscard]] bool needs_session() const;
  // For a call that is not done: prints why.
  template <class T>
  ExitCode explain(const Outcome<T>& outcome) {
    return explain(outcome.refused(), outcome.unknown());
  }
  ExitCode explain(const Refused* refused, const Unknown* unknown);
  ExitCode explain(const Error& error, ExitCode code);
  // Prints `json` or `text`, as asked for.
  void print(const std::string& json, const std::string& text);
  ExitCode print_accounts(const std::function<Outcome<Accounts>(const std::string& after)>& page);

  Arguments arguments_;
  std::vector<Address> server_addresses_;
  SessionStore sessions_;
  Client client_;
  SavedSession session_;
};

// A server's state as the cells of a table.
[[nodiscard]] std::vector<std::string> status_row(const std::string& name,
                                                  const Outcome<ServerStatus>& outcome);

// The client's options for `cluster`; progress goes to standard error if that is a terminal.
[[nodiscard]] Options options_for(const ClusterConfig& cluster, Milliseconds timeout);

}  // namespace chat262::client

// `chat262ctl status`: how each server of a cluster is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat262/client.hpp"
#include "client/control/outcome.hpp"

namespace chat262::control {

struct ServerRow {
  client::Address address;
  std::optional<client::ServerStatus> status;  // none: it is down
  std::string why_down;
  bool refuses = false;  // down, and its machine refuses connections: the process is dead
};

// How many servers more may fail now before writes stop.
struct Survival {
  unsigned crashes = 0;   // processes that end; the machine says so
  unsigned silences = 0;  // machines or links that fall silent
};

struct ClusterStatus {
  std::vector<ServerRow> rows;  // in leader order
  [[nodiscard]] const ServerRow* leader() const;
  // The last entry that a server has to have: the leader's, else the furthest that is known.
  [[nodiscard]] std::uint64_t furthest() const;
  // By the policy in force; none: nobody leads, or of an unknown policy.
  [[nodiscard]] std::optional<Survival> survives() const;
  // ok: one leads, and all are up, in-sync and able.
  [[nodiscard]] Exit verdict() const;
};

// Of two servers: their cluster files differ. An older server does not say what its file has.
[[nodiscard]] bool other_policy(const client::ServerStatus& one, const client::ServerStatus& two);
[[nodiscard]] bool other_settings(const client::ServerStatus& one, const client::ServerStatus& two);

// Asks every server at the same time. Some of the cluster's addresses are enough: a server that
// answers names the others.
[[nodiscard]] ClusterStatus ask_status(const std::vector<client::Address>& known);

}  // namespace chat262::control

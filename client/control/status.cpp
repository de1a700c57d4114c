#include "client/control/status.hpp"

#include <algorithm>
#include <future>

#include "client/control/refusal.hpp"
#include "protocol/policy.hpp"

namespace chat262::control {
namespace {

constexpr client::Milliseconds answer_within{1000};

client::Client client_of(std::vector<client::Address> servers) {
  client::Options options;
  options.servers = std::move(servers);
  options.poll = answer_within;
  options.timeout = answer_within;
  return client::Client(std::move(options));
}

std::optional<client::ServerInfo> hello_of(const client::Address& address) {
  auto client = client_of({{0, address.endpoint, address.key}});
  auto hello = client.hello();
  if (!hello) return std::nullopt;
  return std::move(hello.value());
}

// The whole cluster as one of its servers knows it; else what is known. Who hears a leader knows
// best: a server that was replaced hears nobody, and names places of before.
std::vector<client::Address> all_servers(const std::vector<client::Address>& known) {
  std::vector<std::future<std::optional<client::ServerInfo>>> answers;
  for (const auto& address : known) {
    answers.push_back(std::async(std::launch::async, hello_of, address));
  }
  std::vector<client::Address> servers;
  bool leader_known = false;
  for (auto& answer : answers) {
    auto hello = answer.get();
    if (!hello || (!servers.empty() && (leader_known || !hello->leader))) continue;
    leader_known = hello->leader.has_value();
    servers = std::move(hello->servers);
  }
  if (servers.empty()) servers = known;
  std::sort(servers.begin(), servers.end(),
            [](const auto& a, const auto& b) { return a.server < b.server; });
  return servers;
}

ServerRow ask(const std::vector<client::Address>& servers, const client::Address& address) {
  ServerRow row;
  row.address = address;
  auto client = client_of(servers);
  auto status = client.status(address.server);
  if (status) {
    row.status = std::move(status.value());
  } else {
    row.why_down = status.error_text();
    row.refuses = refuses_connections(address.endpoint);
  }
  return row;
}

}  // namespace

const ServerRow* ClusterStatus::leader() const {
  const auto leads = [](const ServerRow& row) {
    return row.status && row.status->role == "leader";
  };
  const auto found = std::find_if(rows.begin(), rows.end(), leads);
  return found == rows.end() ? nullptr : &*found;
}

std::uint64_t ClusterStatus::furthest() const {
  if (const auto* first = leader()) return first->status->last;
  std::uint64_t last = 0;
  for (const auto& row : rows) {
    if (row.status) last = std::max(last, row.status->last);
  }
  return last;
}

bool other_policy(const client::ServerStatus& one, const client::ServerStatus& two) {
  return !one.policy.empty() && !two.policy.empty() && one.policy != two.policy;
}

bool other_settings(const client::ServerStatus& one, const client::ServerStatus& two) {
  return !one.settings.empty() && !two.settings.empty() && one.settings != two.settings;
}

std::optional<Survival> ClusterStatus::survives() const {
  const auto* first = leader();
  const auto policy = first != nullptr ? policy_named(first->status->policy) : std::nullopt;
  if (!policy) return std::nullopt;
  const auto& view = first->status->view;
  const auto counts = [&view](const ServerRow& row) {
    return row.status && row.status->in_sync && row.status->health == "able" &&
           std::find(view.begin(), view.end(), row.address.server) != view.end();
  };
  const auto live = static_cast<unsigned>(std::count_if(rows.begin(), rows.end(), counts));
  const unsigned needed = majority_of(static_cast<unsigned>(rows.size()));
  const unsigned above_one = live > 1 ? live - 1 : 0;
  const unsigned above_majority = live > needed ? live - needed : 0;
  switch (*policy) {
    case Policy::continues:
      return Survival{above_one, above_one};
    case Policy::proof: {
      // Below a majority everybody who is left out must be proved dead.
      const auto silent = [](const ServerRow& row) { return !row.status && !row.refuses; };
      const bool all_proved = std::none_of(rows.begin(), rows.end(), silent);
      return Survival{all_proved ? above_one : above_majority, above_majority};
    }
    case Policy::majority:
      break;
  }
  return Survival{above_majority, above_majority};
}

Exit ClusterStatus::verdict() const {
  const auto up = [](const ServerRow& row) { return row.status.has_value(); };
  const auto well = [](const ServerRow& row) {
    return row.status && row.status->in_sync && row.status->health == "able";
  };
  if (std::none_of(rows.begin(), rows.end(), up)) return Exit::no_answer;
  const bool all_well = std::all_of(rows.begin(), rows.end(), well);
  const auto* first = leader();
  const auto differs = [first](const ServerRow& row) {
    return row.status && (other_policy(*row.status, *first->status) ||
                          other_settings(*row.status, *first->status));
  };
  const bool agreed = first != nullptr && std::none_of(rows.begin(), rows.end(), differs);
  return all_well && agreed ? Exit::ok : Exit::degraded;
}

ClusterStatus ask_status(const std::vector<client::Address>& known) {
  const auto servers = all_servers(known);
  std::vector<std::future<ServerRow>> answers;
  for (const auto& address : servers) {
    answers.push_back(std::async(std::launch::async, ask, std::cref(servers), std::cref(address)));
  }
  ClusterStatus status;
  for (auto& answer : answers) status.rows.push_back(answer.get());
  return status;
}

}  // namespace chat262::control

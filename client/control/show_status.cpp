#include "client/control/show_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace chat262::control {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

std::string without_prefix(const std::string& text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string shown_address(const client::Address& address) {
  return without_prefix(address.endpoint, "tcp://");
}

std::uint64_t behind(const ClusterStatus& cluster, const client::ServerStatus& status) {
  const auto furthest = cluster.furthest();
  return furthest - std::min(furthest, status.last);
}

std::string names_of(const std::vector<unsigned>& servers) {
  std::string text;
  for (const auto server : servers) {
    if (!text.empty()) text += ", ";
    text += std::to_string(server);
  }
  return (servers.size() == 1 ? "server " : "servers ") + text;
}

Cells cells_of(const ClusterStatus& cluster, const ServerRow& row) {
  Cells cells{std::to_string(row.address.server), shown_address(row.address)};
  if (!row.status) {
    cells.emplace_back("down");
    return cells;
  }
  const auto& status = *row.status;
  auto role = status.role;
  if (status.health != "able") role += " (" + status.health + ")";
  cells.push_back(std::move(role));
  cells.push_back(fmt::format("{}.{}", status.epoch_counter, status.epoch_server));
  cells.emplace_back(status.in_sync ? "yes" : "no");
  cells.push_back(std::to_string(status.last));
  cells.push_back(std::to_string(status.commit));
  cells.push_back(std::to_string(behind(cluster, status)));
  cells.push_back(size_text(status.log_bytes + status.table_bytes));
  cells.push_back(without_prefix(status.software, "chat262 "));
  cells.push_back(duration_text(status.uptime_ms));
  return cells;
}

std::string text_of(const std::vector<Cells>& table) {
  std::vector<std::size_t> widths;
  for (const auto& cells : table) {
    if (widths.size() < cells.size()) widths.resize(cells.size(), 0);
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const auto& cells : table) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += fmt::format("{:<{}}", cells[i], widths[i] + 2);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string count_text(unsigned count, const char* one, const char* many) {
  return fmt::format("{} more {}", count, count == 1 ? one : many);
}

// "2 more crashes", "0: the next crash stops writes"
std::string survival_text(const ClusterStatus& cluster) {
  const auto survives = cluster.survives();
  if (!survives) return "";
  const auto& policy = cluster.leader()->status->policy;
  std::string text = fmt::format("policy {}; survives ", policy);
  if (survives->crashes == 0) {
    text += "0: the next crash stops writes";
  } else {
    text += count_text(survives->crashes, "crash", "crashes");
  }
  if (survives->silences != survives->crashes) {
    text += survives->silences == 0
                ? ", and no machine that falls silent"
                : ", or " + count_text(survives->silences, "machine", "machines") + " that " +
                      (survives->silences == 1 ? "falls" : "fall") + " silent";
  }
  return text + "\n";
}

std::string forced_text(const client::ForcedView& view) {
  std::string text = fmt::format("leadership was forced at entry {}, epoch {}.{}", view.seq,
                                 view.epoch_counter, view.epoch_server);
  return text + (view.without.empty() ? "" : ", without " + names_of(view.without)) + "\n";
}

// The forced views of who has the most to tell: the leader, else the furthest.
std::vector<client::ForcedView> forced_views(const ClusterStatus& cluster) {
  if (const auto* leader = cluster.leader()) return leader->status->forced;
  for (const auto& row : cluster.rows) {
    if (row.status && row.status->last == cluster.furthest()) return row.status->forced;
  }
  return {};
}

// What a table has no column for.
std::string remarks(const ClusterStatus& cluster) {
  std::string text = survival_text(cluster);
  for (const auto& view : forced_views(cluster)) text += forced_text(view);
  const auto* leader = cluster.leader();
  for (const auto& row : cluster.rows) {
    if (!row.status) continue;
    const auto& status = *row.status;
    if (!status.waiting_for.empty() || !status.waiting_why.empty()) {
      text += fmt::format("server {} waits", row.address.server);
      if (!status.waiting_for.empty()) text += " for " + names_of(status.waiting_for);
      if (!status.waiting_why.empty()) text += ": " + status.waiting_why;
      text += "\n";
    }
    if (leader != nullptr && !status.in_sync && !status.lost_disk) {
      text += fmt::format("server {} is not in-sync: {} entries behind\n", row.address.server,
                          behind(cluster, status));
    }
    if (leader != nullptr && other_policy(status, *leader->status)) {
      text += fmt::format("server {} has policy {}, the leader {}: their cluster files differ\n",
                          row.address.server, status.policy, leader->status->policy);
    }
    if (leader != nullptr && other_settings(status, *leader->status)) {
      text += fmt::format(
          "server {} has other settings than the leader: their cluster files differ "
          "(registration, [password] or [limits])\n",
          row.address.server);
    }
    if (status.lost_disk) {
      text += fmt::format("server {} lost its disk and is given everything again\n",
                          row.address.server);
    }
    if (status.damage_found > 0) {
      text += fmt::format("server {}: {} damaged entries found, {} repaired", row.address.server,
                          status.damage_found, status.damage_repaired);
      if (!status.damage.empty()) {
        text += fmt::format("; entry {} could not be repaired yet", status.damage.front());
      }
      text += "\n";
    }
    if (status.cluster != cluster.rows.front().status.value_or(status).cluster) {
      text += fmt::format("server {} belongs to another cluster ({})\n", row.address.server,
                          status.cluster);
    }
  }
  return text;
}

Json json_of(const ClusterStatus& cluster, const ServerRow& row) {
  Json json{{"id", row.address.server},
            {"address", shown_address(row.address)},
            {"up", row.status.has_value()}};
  if (!row.status) {
    json["role"] = "down";
    json["in_sync"] = false;
    json["why_down"] = row.why_down;
    return json;
  }
  const auto& status = *row.status;
  json["role"] = status.role;
  json["health"] = status.health;
  json["leader"] = status.leader ? Json(*status.leader) : Json();
  json["epoch"] = {status.epoch_counter, status.epoch_server};
  json["in_sync"] = status.in_sync;
  json["view"] = status.view;
  json["heard"] = status.heard;
  json["last"] = status.last;
  json["last_hash"] = status.last_hash;
  json["commit"] = status.commit;
  json["applied"] = status.applied;
  json["behind"] = behind(cluster, status);
  json["log_bytes"] = status.log_bytes;
  json["table_bytes"] = status.table_bytes;
  json["size_bytes"] = status.log_bytes + status.table_bytes;
  json["version"] = without_prefix(status.software, "chat262 ");
  json["uptime_ms"] = status.uptime_ms;
  json["starts"] = status.starts;
  json["lost_disk"] = status.lost_disk;
  json["waiting_for"] = status.waiting_for;
  json["waiting_why"] = status.waiting_why;
  json["scrub_passes"] = status.scrub_passes;
  json["scrubbed_ms"] = status.scrubbed_ms;
  json["scrub_entries"] = status.scrub_entries;
  json["damage_found"] = status.damage_found;
  json["damage_repaired"] = status.damage_repaired;
  json["damage"] = status.damage;
  json["cluster"] = status.cluster;
  json["policy"] = status.policy;
  json["settings"] = status.settings;
  return json;
}

Json survival_json(const ClusterStatus& cluster) {
  const auto survives = cluster.survives();
  if (!survives) return {};
  return {{"crashes", survives->crashes}, {"silences", survives->silences}};
}

Json forced_json(const ClusterStatus& cluster) {
  Json list = Json::array();
  for (const auto& view : forced_views(cluster)) {
    list.push_back({{"seq", view.seq},
                    {"epoch", {view.epoch_counter, view.epoch_server}},
                    {"without", view.without}});
  }
  return list;
}

}  // namespace

std::string status_table(const ClusterStatus& cluster) {
  std::vector<Cells> table{{"ID", "ADDRESS", "ROLE", "EPOCH", "IN-SYNC", "LAST", "COMMIT", "BEHIND",
                            "SIZE", "VERSION", "UPTIME"}};
  for (const auto& row : cluster.rows) table.push_back(cells_of(cluster, row));
  auto text = text_of(table) + remarks(cluster);
  if (cluster.verdict() == Exit::no_answer) {
    text += "no server answers";
    if (!cluster.rows.empty()) text += ": " + cluster.rows.front().why_down;
    text += "\n";
  } else if (cluster.leader() == nullptr) {
    text += "nobody leads\n";
  }
  return text;
}

std::string status_json(const ClusterStatus& cluster) {
  Json servers = Json::array();
  for (const auto& row : cluster.rows) servers.push_back(json_of(cluster, row));
  const auto* leader = cluster.leader();
  const Json json{{"healthy", cluster.verdict() == Exit::ok},
                  {"leader", leader != nullptr ? Json(leader->address.server) : Json()},
                  {"policy", leader != nullptr ? Json(leader->status->policy) : Json()},
                  {"survives", survival_json(cluster)},
                  {"forced", forced_json(cluster)},
                  {"servers", servers}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string duration_text(std::uint64_t ms) {
  const auto seconds = ms / 1000;
  if (seconds >= 86'400) return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
  if (seconds >= 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} s", seconds);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < units.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace chat262::control

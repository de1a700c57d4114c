#include "client/control/replace.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "client/control/confirm.hpp"
#include "client/control/control_socket.hpp"
#include "client/control/init.hpp"
#include "client/control/show_status.hpp"
#include "protocol/key_file.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::control {
namespace {

constexpr std::int64_t answer_within_ms = 8'000;  // the servers give up sooner, and say why

void need_new_file(const std::filesystem::path& to) {
  std::error_code error;
  if (!to.empty() && std::filesystem::exists(to, error)) {
    throw Failure{Exit::degraded, to.string() + " exists already; it is left as it is"};
  }
}

void give_file(const std::filesystem::path& to, const ClusterConfig& cluster) {
  if (to.empty()) {
    std::fputs(cluster_to_toml(cluster).c_str(), stdout);
  } else {
    write_cluster_file(to, cluster);
    std::fprintf(stderr, "%s written\n", to.c_str());
  }
}

struct NewKey {
  std::filesystem::path file;
  KeyPair pair;
  bool written = false;  // by an attempt before this one
};

// Of the new machine; its file goes beside the new cluster file.
NewKey new_key(const ReplaceOptions& options, const ClusterConfig& cluster) {
  NewKey key{options.to.parent_path() / key_file_name(server_id(options.server)), {}, false};
  const auto before = read_key_file(key.file);
  if (!before && before.error().code != Errc::not_found) {
    throw Failure{Exit::degraded, before.error().text};
  }
  key.written = before.has_value();
  key.pair = before ? before->front() : new_key_pair();
  const auto& present = cluster.servers.at(options.server).key;
  if (key.pair.key == present) {
    throw Failure{Exit::degraded,
                  fmt::format("{} holds the key that server {} has now, and the new machine needs "
                              "another: give -o FILE in another folder",
                              key.file.string(), options.server)};
  }
  return key;
}

}  // namespace

std::string what_will_be_replaced(const reply::Replaced& plan) {
  const unsigned server = plan.server.value;
  auto text = fmt::format("Server {}, at {}, gets a new machine, at {}.\n", server,
                          place_text(plan.before), place_text(plan.place));
  text += plan.silent_ms ? fmt::format("It was last heard {} ago", duration_text(*plan.silent_ms))
                         : std::string("It was not heard since the leader started");
  text += plan.last ? fmt::format("; its log ended at entry {}, the leader's ends at {}.\n",
                                  plan.last->seq.value, plan.log.seq.value)
                    : fmt::format("; its log is not known, the leader's ends at entry {}.\n",
                                  plan.log.seq.value);
  text += fmt::format(
      "The new machine starts with an empty disk and is given everything by the others.\n"
      "The old machine must never be started again: what only its disk holds is lost, and it does\n"
      "not know that it is not server {} any more.\n",
      server);
  return text;
}

ClusterConfig cluster_of(const reply::Cluster& cluster) {
  ClusterConfig config;
  config.id = cluster.id;
  const auto policy = policy_named(cluster.policy);
  if (!policy) {
    throw Failure{Exit::degraded,
                  "the cluster has a policy of a later version: " + printable(cluster.policy)};
  }
  config.policy = *policy;
  if (const auto read = settings_from_toml(cluster.settings, "its settings", config); !read) {
    throw Failure{Exit::degraded,
                  "the cluster has settings of a later version: " + read.error().text};
  }
  for (const auto& server : cluster.servers) {
    const auto& place = server.place;
    config.servers.push_back(
        {server.id, place.host, place.client_port, place.peer_port, server.key});
  }
  return config;
}

Exit replace(const ReplaceOptions& options) {
  if (options.server >= limits::servers_max) {
    throw Failure{Exit::usage, fmt::format("there is no server {}", options.server)};
  }
  need_new_file(options.to);
  ControlSocket server(data_directory(options.data));
  request::Replace request{server_id(options.server), options.address, false, {}};
  const auto before = cluster_of(server.get<reply::Cluster>(request::Cluster{}, answer_within_ms));
  std::optional<NewKey> key;
  if (before.encrypted() && options.server < before.servers.size()) key = new_key(options, before);
  if (key) request.key = key->pair.key;
  if (key && key->written) {
    std::fprintf(stderr, "The new machine's key is the one in %s, which is there already.\n",
                 key->file.c_str());
  }
  const auto plan = server.get<reply::Replaced>(request, answer_within_ms);
  static_cast<void>(cluster_of(plan.cluster));  // that it can be written
  std::fputs(what_will_be_replaced(plan).c_str(), stderr);
  if (!options.yes) need_word("replace");
  if (key && !key->written) write_secret(key->file, request.server, key->pair);
  request.confirmed = true;
  const auto done = server.get<reply::Replaced>(request, answer_within_ms);
  const auto cluster = cluster_of(done.cluster);
  const auto file = options.to.empty() ? std::string("cluster.toml") : options.to.string();
  std::fprintf(
      stderr,
      "Server %u is at %s, since entry %llu of the log. All servers know it.\n"
      "Put the new cluster file on that machine%s, and on the others and the clients in time. "
      "Start "
      "it with\n\n    chat262d --id %u --data DIR --cluster %s%s\n\nwhere DIR is new or empty.\n",
      options.server, place_text(done.place).c_str(),
      static_cast<unsigned long long>(done.at.value_or(Position{}).seq.value),
      key ? (", with " + key->file.string() + " beside it, which nobody else may have").c_str()
          : "",
      options.server, file.c_str(),
      cluster.loopback_only() || cluster.encrypted() ? "" : " --insecure");
  if (options.to.empty()) std::fprintf(stderr, "\n%s:\n\n", file.c_str());
  give_file(options.to, cluster);
  return Exit::ok;
}

Exit rotate_keys(const std::filesystem::path& data, unsigned server) {
  if (server >= limits::servers_max) {
    throw Failure{Exit::usage, fmt::format("there is no server {}", server)};
  }
  ControlSocket control(data_directory(data));
  const auto done =
      control.get<reply::Rotated>(request::RotateKeys{server_id(server), {}}, answer_within_ms);
  std::printf(
      "Server %u has the key %s, since entry %llu of the log.\n"
      "Its secret half is in that server's data directory, in the file \"keys\", and nowhere "
      "else.\n"
      "Programs go on with the cluster file that they have; chat262ctl cluster prints one with the "
      "new key.\n",
      server, key_text(done.key).c_str(), static_cast<unsigned long long>(done.at.seq.value));
  return Exit::ok;
}

Exit print_cluster(const std::filesystem::path& data, const std::filesystem::path& to) {
  need_new_file(to);
  ControlSocket server(data_directory(data));
  give_file(to, cluster_of(server.get<reply::Cluster>(request::Cluster{}, answer_within_ms)));
  return Exit::ok;
}

}  // namespace chat262::control

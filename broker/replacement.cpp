#include "broker/replacement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "broker/key_change.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

namespace {

tl::unexpected<Refusal> refuse(Status status, std::string text) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(text)});
}

bool share_a_port(const Place& a, const Place& b) {
  return a.host == b.host && (a.client_port == b.client_port || a.client_port == b.peer_port ||
                              a.peer_port == b.client_port || a.peer_port == b.peer_port);
}

}  // namespace

Replacement::Replacement(const Members& members, ServerId self, Node& node,
                         const store::Tables& tables, bool insecure)
    : members_(members), self_(self), node_(node), tables_(tables), insecure_(insecure) {}

// "" if it may be there.
std::string Replacement::refused_place(ServerId server, const Place& place) const {
  for (const auto& other : members_.now().servers) {
    // A machine at the same place may have lost its key with its disk.
    if (other.id == server && other.place() == place && !members_.encrypted()) {
      std::string text = fmt::format("server {} is at {} already", server.value, place_text(place));
      if (members_.replaced(server) == 0) return text;
      return text + fmt::format(", since entry {}: chat262ctl cluster prints the cluster file",
                                members_.since(server).value);
    }
    if (other.id != server && share_a_port(other.place(), place)) {
      return fmt::format("{} is no place for server {}: server {} is at {}", place_text(place),
                         server.value, other.id.value, place_text(other.place()));
    }
  }
  auto cluster = members_.now();
  const bool loopback = cluster.loopback_only();
  cluster.servers.at(server.value).host = place.host;
  if (loopback && !insecure_ && !members_.encrypted() && !cluster.loopback_only()) {
    return fmt::format(
        "{} is beyond the loopback interface, and connections are not encrypted: "
        "the servers must be started with --insecure first",
        place_text(place));
  }
  return "";
}

// "" if nothing is in the way.
std::string Replacement::cannot_now(ServerId server, const replica::Summary& summary,
                                    Now now) const {
  for (const auto& peer : summary.peers) {
    if (peer.id == server && peer.heard) {
      return fmt::format("server {} is alive: it was heard {} ms ago. Stop it first, for good",
                         server.value,
                         peer.last_heard ? now.steady.value - peer.last_heard->value : 0);
    }
    if (peer.id != server && peer.heard && members_.level(peer.id) < peer::claim_level) {
      return fmt::format(
          "server {} runs an older version, which does not know of replacements: "
          "update it first",
          peer.id.value);
    }
  }
  const auto routing = node_.routing(now.steady);
  const auto* serve = std::get_if<replica::Serve>(&routing);
  if (serve == nullptr || !serve->writes) return "the leader cannot write now: try again";
  return "";
}

Replacement::Judged Replacement::judge(const request::Replace& asked, Now now) const {
  const auto& servers = members_.now().servers;
  if (asked.server.value >= servers.size()) {
    return refuse(Status::bad_argument,
                  fmt::format("there is no server {}: the cluster has the servers 0 to {}",
                              asked.server.value, servers.size() - 1));
  }
  if (asked.server == self_) {
    return refuse(Status::bad_argument,
                  fmt::format("server {} leads, so it is not lost. To move it, let another server "
                              "lead first (chat262ctl handover), and stop it",
                              self_.value));
  }
  reply::Replaced reply;
  reply.server = asked.server;
  reply.before = servers[asked.server.value].place();
  const auto place = place_from_address(asked.address, reply.before);
  if (!place) return refuse(Status::bad_argument, place.error().text);
  reply.place = *place;
  if (auto why = refused_place(asked.server, *place); !why.empty()) {
    return refuse(Status::bad_argument, std::move(why));
  }
  if (members_.encrypted() == asked.key.empty()) {
    return refuse(Status::bad_argument,
                  asked.key.empty() ? "connections are encrypted: the new machine needs a key"
                                    : "connections are not encrypted: a key is of no use");
  }
  if (auto why = members_.encrypted() ? refused_key(members_, asked.server, asked.key, now) : "";
      !why.empty()) {
    return refuse(Status::bad_argument, std::move(why));
  }
  const auto summary = node_.summary(now.steady);
  if (auto why = cannot_now(asked.server, summary, now); !why.empty()) {
    return refuse(Status::unavailable, std::move(why));
  }
  for (const auto& peer : summary.peers) {
    if (peer.id != asked.server) continue;
    reply.last = peer.last;
    if (!peer.last_heard) continue;
    reply.silent_ms = static_cast<std::uint64_t>(
        std::max<std::int64_t>(now.steady.value - peer.last_heard->value, 0));
  }
  reply.log = summary.last;
  reply.cluster = members_.reply();
  auto& changed = reply.cluster.servers.at(asked.server.value);
  changed.place = *place;
  changed.key = asked.key;
  ++changed.replaced;
  return reply;
}

void Replacement::begin(const Request& request, reply::Replaced judged, Now now) {
  Operation operation;
  operation.request = {request.client, request.number};
  operation.time = std::max(now.wall, tables_.applied_time());
  operation.fingerprint = fingerprint(request.body);
  operation.body = op::ReplaceServer{members_.now().id, judged.server, judged.place};
  // The key first: see Members::take_keys().
  const auto& key = std::get<request::Replace>(request.body).key;
  replica::Submit batch;
  if (!key.empty()) {
    batch.submissions =
        key_entries(members_, judged.server, key, operation.request, operation.time);
  }
  // Handle 0 is nobody's: what became of it is looked for in the tables.
  batch.submissions.push_back({0, make_operation_entry(operation, {})});
  writing_ = Writing{operation.request, std::move(judged),
                     replica::clock_ms(now.steady.value + limits::replace_ms_max)};
  node_.step(std::move(batch), now.steady);
}

std::optional<Replacement::Judged> Replacement::result(Now now) {
  const auto& reply = writing_->reply;
  const auto outcome = tables_.request(writing_->request);
  // This server is to have done it too: it answers who asks next with the new place.
  if (outcome && outcome->at.seq <= node_.committed() &&
      members_.now().servers.at(reply.server.value).place() == reply.place &&
      members_.key(reply.server) == reply.cluster.servers.at(reply.server.value).key) {
    auto done = std::exchange(writing_, std::nullopt)->reply;
    done.at = outcome->at;
    return done;
  }
  std::string why;
  if (node_.summary(now.steady).role != peer::Role::leader) {
    why = "leadership was lost meanwhile";
  } else if (now.steady >= writing_->deadline) {
    why = "it is not yet on the disks of all servers";
  } else {
    return std::nullopt;
  }
  why += fmt::format(": whether server {} was replaced is not known yet. Ask again",
                     reply.server.value);
  writing_.reset();
  return refuse(Status::unavailable, std::move(why));
}

}  // namespace chat262::broker

// The part of the service that answers reads.
#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "broker/server_limits.hpp"
#include "broker/service.hpp"
#include "protocol/limits.hpp"
#include "store/bytes.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

const char* role_name(const replica::Summary& summary) {
  switch (summary.role) {
    case peer::Role::leader:
      return "leader";
    case peer::Role::candidate:
      return "candidate";
    case peer::Role::follower:
      break;
  }
  return summary.learner ? "learner" : "follower";
}

template <class T>
Reply to_reply(std::uint64_t number, Queries::Answer<T>&& answer) {
  if (!answer) return refusal_reply(number, answer.error());
  return {Status::ok, number, std::move(*answer)};
}

}  // namespace

const char* health_name(peer::Health health) {
  switch (health) {
    case peer::Health::able:
      return "able";
    case peer::Health::full:
      return "full";
    case peer::Health::stalled:
      return "stalled";
    case peer::Health::rebuilding:
      break;
  }
  return "rebuilding";
}

void Service::read(ReplyTo to, const Request& request, Now now) {
  const auto session = find_session(tables_, request.token, now.wall);
  if (!session) {
    if (end_expired(to, request, now)) return;
    refuse_when_committed(to, request.number,
                          {Status::not_signed_in, status_text(Status::not_signed_in)}, now);
    return;
  }
  const auto& account = session->account;
  const auto number = request.number;
  std::visit(
      [&](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, request::Events>) {
          read_events(to, request, *session, body, now);
        } else if constexpr (std::is_same_v<Body, request::History>) {
          answer_read(to, request, to_reply(number, queries_.history(account, body)), now);
        } else if constexpr (std::is_same_v<Body, request::ListConversations>) {
          answer_read(to, request, to_reply(number, queries_.conversations(account, body)), now);
        } else if constexpr (std::is_same_v<Body, request::SearchAccounts>) {
          answer_read(to, request, to_reply(number, queries_.search(body)), now);
        } else if constexpr (std::is_same_v<Body, request::ListRooms>) {
          answer_read(to, request, to_reply(number, queries_.rooms(account, body)), now);
        } else if constexpr (std::is_same_v<Body, request::ListMembers>) {
          answer_read(to, request, to_reply(number, queries_.members(body)), now);
        } else if constexpr (std::is_same_v<Body, request::ListSessions>) {
          answer_read(to, request, to_reply(number, queries_.sessions(*session, body, now.wall)),
                      now);
        } else {
          replies_.reply(to, refusal_reply(number, {Status::unknown_operation,
                                                    status_text(Status::unknown_operation)}));
        }
      },
      request.body);
}

void Service::answer_read(ReplyTo to, const Request& request, Reply&& reply, Now now) {
  if (!node_.take_damage_met()) {
    answer_when_committed(to, std::move(reply), now);
  } else if (parked_.size() < limits::parked_max) {
    const auto deadline = clock_ms(now.steady.value + limits::parked_ms_max);
    parked_.push_back({to, request, deadline, node_.repairs()});
  } else {
    replies_.reply(to, refusal_reply(request.number, {Status::unavailable, damaged_text}));
  }
}

// ---- events

void Service::read_events(ReplyTo to, const Request& request, const Session& session,
                          const request::Events& events, Now now) {
  const auto number = request.number;
  const auto since = queries_.events_since(events);
  if (!since) {
    refuse_when_committed(to, number, since.error(), now);
    return;
  }
  EventWaiters::Waiting waiting;
  waiting.account = session.account;
  waiting.session = session.token_hash;
  waiting.to = to;
  waiting.number = number;
  waiting.since = *since;
  waiting.limit = events.limit;
  const auto wait_ms = std::min(events.wait_ms, chat262::limits::wait_ms_max);
  waiting.deadline = clock_ms(now.steady.value + wait_ms);
  answer_events(waiting, wait_ms == 0, now);
}

void Service::answer_events(const EventWaiters::Waiting& waiting, bool even_if_empty, Now now) {
  const auto open = tables_.session(waiting.session);
  if (!open || open->expires <= std::max(now.wall, tables_.applied_time())) {  // ended meanwhile
    refuse_when_committed(waiting.to, waiting.number,
                          {Status::not_signed_in, status_text(Status::not_signed_in)}, now);
    return;
  }
  auto found = queries_.events(waiting.account, waiting.since, waiting.limit);
  if (node_.take_damage_met()) {
    replies_.reply(waiting.to, refusal_reply(waiting.number, {Status::unavailable, damaged_text}));
    return;
  }
  if (found.events.empty() && !even_if_empty) {
    Refusal refusal{Status::busy, status_text(Status::busy)};
    switch (events_.add(waiting, cluster_.limits.account_waiters)) {
      case EventWaiters::Added::yes:
        return;
      case EventWaiters::Added::too_many_of_account:
        refusal = {Status::too_many, "too many of your clients wait for events",
                   chat262::limits::wait_ms_max};
        break;
      case EventWaiters::Added::too_many:
        break;
    }
    replies_.reply(waiting.to, refusal_reply(waiting.number, refusal));
    return;
  }
  answer_when_committed(waiting.to, {Status::ok, waiting.number, std::move(found)}, now);
}

// ---- about this server

Reply Service::hello(std::uint64_t number, Now now) const {
  reply::Hello hello;
  hello.software = "chat262 " CHAT262_VERSION;
  hello.cluster = cluster_.id;
  hello.server = self_;
  hello.leader = node_.summary(now.steady).leader;
  for (const auto& server : cluster_.servers) {
    hello.servers.push_back({server.id, server.client_endpoint(), server.key});
  }
  hello.time = now.wall;
  hello.text_bytes_max = cluster_.limits.text_bytes;
  return {Status::ok, number, std::move(hello)};
}

Reply Service::status(std::uint64_t number, Now now) const {
  auto summary = node_.summary(now.steady);
  reply::ServerStatus status;
  status.software = "chat262 " CHAT262_VERSION;
  status.cluster = cluster_.id;
  status.server = self_;
  status.role = role_name(summary);
  status.health = health_name(summary.health);
  status.leader = summary.leader;
  status.epoch = summary.epoch;
  status.promised = summary.promised;
  status.in_sync = summary.in_sync;
  status.lost_disk = summary.lost_disk;
  if (summary.view) {
    for (const auto& member : summary.view->view.members) status.view.push_back(member.server);
  }
  status.last = summary.last;
  status.last_hash = summary.last_hash;
  status.commit = summary.commit;
  status.applied = tables_.applied();
  status.log_bytes = figures_.log_bytes;
  status.table_bytes = figures_.table_bytes;
  status.uptime_ms = figures_.uptime_ms;
  status.starts = summary.incarnation.counter;
  status.waiting_for = std::move(summary.waiting_for);
  status.waiting_why = std::move(summary.waiting_why);
  status.heard = std::move(summary.heard);
  status.policy = policy_name(cluster_.policy);
  status.settings = hash_of(store::to_bytes(settings_to_toml(cluster_)));
  const auto told = std::min(summary.forced.size(), limits::forced_views_max);
  for (auto view = summary.forced.end() - static_cast<std::ptrdiff_t>(told);
       view != summary.forced.end(); ++view) {
    reply::ForcedView forced{view->at, {}};
    for (const auto& server : cluster_.servers) {
      if (!view->view.has(server.id)) forced.without.push_back(server.id);
    }
    status.forced.push_back(std::move(forced));
  }
  status.scrub_passes = figures_.scrubbed.passes;
  status.scrubbed = figures_.scrubbed.ended;
  status.scrub_entries = figures_.scrubbed.entries;
  status.damage_found = figures_.repair.found;
  status.damage_repaired = figures_.repair.repaired;
  status.damage = figures_.repair.open;
  return {Status::ok, number, std::move(status)};
}

}  // namespace chat262::broker

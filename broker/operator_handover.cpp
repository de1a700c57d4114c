// The operator's handover, and the one of a leader that stops.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/operator.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

std::string seconds(std::int64_t ms) {
  return fmt::format("{}.{} s", ms / 1000, ms % 1000 / 100);
}

bool is_member(const replica::Summary& summary, const Member& member) {
  if (!summary.view) return false;
  const auto& members = summary.view->view.members;
  return std::find(members.begin(), members.end(), member) != members.end();
}

}  // namespace

bool Operator::somebody_serves(const replica::Summary& summary) {
  return summary.leader && summary.view && summary.view->at.epoch == summary.epoch &&
         summary.commit >= summary.view->at.seq;
}

std::string Operator::unfit(ServerId server, const replica::Summary& summary, Now now) const {
  if (server.value >= members_.now().servers.size()) {
    return fmt::format("there is no server {}: the cluster has the servers 0 to {}", server.value,
                       members_.now().servers.size() - 1);
  }
  if (server == self_) return fmt::format("server {} leads already", server.value);
  for (const auto& peer : summary.peers) {
    if (peer.id != server) continue;
    if (!peer.heard) {
      return fmt::format("server {} is not reachable: {}", server.value,
                         peer.last_heard
                             ? "not heard for " + seconds(now.steady.value - peer.last_heard->value)
                             : "it was never heard");
    }
    if (!is_member(summary, {server, peer.incarnation})) {
      return fmt::format("server {} is not in-sync: it is being brought up to date", server.value);
    }
    if (peer.health != peer::Health::able) {
      return fmt::format("server {} is not fit to lead: it is {}", server.value,
                         health_name(peer.health));
    }
  }
  return "";
}

void Operator::hand_over(const Asker& asker, std::uint64_t number, std::optional<ServerId> to,
                         Now now) {
  const auto summary = node_.summary(now.steady);
  if (handing_) {
    refuse(asker, number, Status::busy, "a handover is under way", now);
    return;
  }
  if (to) {
    if (const auto why = unfit(*to, summary, now); !why.empty()) {
      refuse(asker, number, Status::bad_argument, why, now);
      return;
    }
  } else if (!summary.successor) {
    std::string why = "no other server is fit to lead";
    for (const auto& peer : summary.peers) why += "; " + unfit(peer.id, summary, now);
    refuse(asker, number, Status::unavailable, why, now);
    return;
  }
  begin_handover(asker, number, to, summary, now);
}

void Operator::begin_handover(const Asker& asker, std::uint64_t number, std::optional<ServerId> to,
                              const replica::Summary& summary, Now now) {
  handing_ = Handing{};
  handing_->asker = asker;
  handing_->number = number;
  handing_->to = to;
  handing_->asked = now.steady;
  handing_->deadline = clock_ms(now.steady.value + limits::handover_settle_ms_max);
  handing_->left = summary.epoch;
}

void Operator::leave(Now now) {
  leaving_ = true;
  if (handing_) return;  // an operator has asked for it already
  const auto summary = node_.summary(now.steady);
  if (summary.role == peer::Role::leader) {
    begin_handover({}, 0, {}, summary, now);
  } else {
    leaving_ = false;
  }
}

void Operator::end_handover(Status status, const std::string& why, Now now) {
  const auto done = std::move(*handing_);
  handing_.reset();
  service_.hold(false);
  refuse(done.asker, done.number, status, why, now);
}

void Operator::settle(const replica::Summary& summary, Now now) {
  const auto successor = handing_->to ? handing_->to : summary.successor;
  bool lives = false;
  for (const auto& peer : summary.peers) {
    if (peer.id == successor) lives = peer.heard && peer.last_heard > handing_->asked;
  }
  const bool late = now.steady >= handing_->deadline;
  if (successor && !late && !(lives && now.steady >= summary.promises_from)) return;
  if (handing_->to) {
    auto why = unfit(*handing_->to, summary, now);
    if (why.empty() && !lives)
      why = fmt::format("server {} gives no sign of life", successor->value);
    if (!why.empty()) {
      end_handover(Status::unavailable, why, now);
      return;
    }
  }
  handing_->step = Handing::Step::drain;
  handing_->deadline = clock_ms(now.steady.value + limits::handover_drain_ms_max);
  service_.hold(true);
}

void Operator::drain(Now now) {
  if (!service_.idle() && now.steady < handing_->deadline) return;
  node_.step(replica::Handover{handing_->to}, now.steady);
  service_.hold(false);
  if (node_.summary(now.steady).role == peer::Role::leader) {
    end_handover(Status::unavailable, "no other server is fit to lead any more", now);
    return;
  }
  const auto most = leaving_ ? limits::stop_handover_ms_max : limits::handover_ms_max;
  handing_->step = Handing::Step::await;
  handing_->deadline = clock_ms(now.steady.value + most);
}

void Operator::await_successor(const replica::Summary& summary, Now now) {
  if (somebody_serves(summary) && summary.epoch > handing_->left) {
    const auto done = std::move(*handing_);
    handing_.reset();
    answer(done.asker, {Status::ok, done.number, reply::HandedOver{*summary.leader, summary.epoch}},
           now);
  } else if (now.steady >= handing_->deadline) {
    end_handover(Status::unavailable,
                 "leadership was given up, and nobody leads yet: see chat262ctl status", now);
  }
}

}  // namespace chat262::broker

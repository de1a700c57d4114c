// What a client's request should do now, and what status tells of this server.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

Routing Replica::State::routing(Clock now) const {
  if (leads()) {
    if (!tables_ready_) return Undecided{};
    std::vector<ServerId> blocked = blocked_by();
    std::set<ServerId> stay;
    for (const Member& member : log_.latest_view()->view.members) stay.insert(member.server);
    for (ServerId id : blocked) stay.erase(id);
    if (!blocked.empty() && !may_go_on(stay)) return Unavailable{std::move(blocked), why_needed()};
    if (!first_view_committed() || !lease_valid(now)) return Undecided{};
    return Serve{!disk_full_};
  }
  if (role_ == peer::Role::candidate) return Undecided{};
  if (stopped_) return NotLeader{hinted_};
  if (hears_leader()) return NotLeader{leader_};
  if (hinted_ && now.value - hinted_at_.value < config_.timers.suspect_after && alive(*hinted_)) {
    return NotLeader{hinted_};
  }
  // A live in-sync server before this one in the order should lead; if this one cannot, any.
  const bool unfit = lost_disk_ || health() != peer::Health::able;
  for (unsigned i = 0; i < config_.servers; ++i) {
    const ServerId id = server_id(i);
    if (id == config_.self) {
      if (unfit) continue;
      break;
    }
    const Peer& p = peer(id);
    if (!suspected(id) && p.beat.in_sync && p.beat.health == peer::Health::able) {
      return NotLeader{id};
    }
  }
  if (verdict_ && now.value - verdict_->at.value < 2 * config_.timers.verdict_keeps) {
    return Unavailable{verdict_->waiting_for, verdict_->why};
  }
  if (lost_disk_) return waiting_with_lost_disk();
  if (disk_full_) return Unavailable{{config_.self}, "has a full disk"};
  if (health() == peer::Health::stalled) return Unavailable{{config_.self}, "has a stalled disk"};
  if (!tables_ready_) return Unavailable{{config_.self}, "is rebuilding its tables"};
  return Undecided{};
}

std::string Replica::State::why_needed() const {
  return config_.policy == Policy::proof
             ? "is silent, and not known to be dead: a majority is needed"
             : "is needed for a majority";
}

// It is not known yet whether the cluster is new: that shows when all have met.
Unavailable Replica::State::waiting_with_lost_disk() const {
  Unavailable result;
  bool somebody_has_log = false;
  each_peer([&](ServerId id, const Peer& p) {
    if (suspected(id)) result.waiting_for.push_back(id);
    somebody_has_log = somebody_has_log || p.has_log;
  });
  result.why = somebody_has_log || !log_.empty()
                   ? "one of them must lead, because this server has a new or old disk"
                   : "is not reachable; a new cluster begins when all servers have met";
  return result;
}

PeerSummary Replica::State::summary_of(ServerId id, const Peer& p) const {
  PeerSummary s;
  s.id = id;
  s.heard = alive(id);
  if (p.ever_heard) s.last_heard = p.heard;
  s.refused = p.refused;
  s.incarnation = p.incarnation;
  if (p.ever_heard) s.last = p.last;
  s.promised = std::max(p.promised, p.beat.promised);
  s.health = p.beat.health;
  s.in_sync = p.beat.in_sync && s.heard;
  s.lost_disk = p.lost_disk && !p.beat.in_sync;  // its Hello may be of long ago
  return s;
}

Summary Replica::State::summary(Clock) const {
  Summary s;
  s.role = role_;
  s.learner = role_ == peer::Role::follower && !in_sync_;
  s.health = health();
  if (hears_leader()) s.leader = leader_;
  s.epoch = leader_epoch_;
  s.promised = promised_;
  s.in_sync = in_sync_;
  s.lost_disk = lost_disk_;
  if (const PlacedView* view = log_.latest_view()) s.view = *view;
  for (const PlacedView& view : log_.views()) {
    if (view.view.forced) s.forced.push_back(view);
  }
  s.last = log_.last();
  s.last_hash = log_.last_hash();
  s.durable = durable_;
  s.commit = commit_;
  s.incarnation = incarnation_;
  each_peer([&](ServerId id, const Peer& p) {
    if (alive(id)) s.heard.push_back(id);
    s.peers.push_back(summary_of(id, p));
  });
  s.promises_from = clock_ms(started_.value + config_.timers.suspect_after);
  each_peer([&](ServerId id, const Peer& p) {
    if (!alive(id)) return;
    s.promises_from =
        std::max(s.promises_from, clock_ms(p.since.value + config_.timers.suspect_after));
  });
  if (leads()) s.successor = successor(std::nullopt);
  if (lost_disk_ && !hears_leader()) {
    const Unavailable waiting = waiting_with_lost_disk();
    s.waiting_for = waiting.waiting_for;
    s.waiting_why = waiting.why;
  } else if (verdict_ && !hears_leader()) {
    s.waiting_for = verdict_->waiting_for;
    s.waiting_why = verdict_->why;
  } else if (leads()) {
    s.waiting_for = blocked_by();
    if (!s.waiting_for.empty()) s.waiting_why = "is not heard";
  }
  return s;
}

}  // namespace chat262::replica

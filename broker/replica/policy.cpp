// May so few servers go on? The three policies, and what makes `proof` safe.
//
// With `proof` a server may be left out of a view because it is silent (while a majority is left),
// or because its process is proved dead. Who is silent may live, and be in-sync with the view
// before: when the others die later, it must not go on alone. So
//  - a server stays in-sync only while it knows of less than a majority of the others that they
//    might have gone on without it: each of the rest vouches for it, or was found dead, within the
//    last `lease` (others_may_go_on);
//  - a view that leaves out a server which may live commits nothing until all its members have
//    held it for longer than that (Hold).
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

// A leader asks: with these members, itself among them?
bool Replica::State::may_go_on(const std::set<ServerId>& members) const {
  if (members.empty()) return false;
  if (config_.policy == Policy::continues) return true;
  if (members.size() >= majority_of(config_.servers)) return true;
  if (config_.policy == Policy::majority || !in_sync_) return false;
  bool all = true;
  each_peer(
      [&](ServerId id, const Peer&) { all = all && (members.contains(id) || proved_dead(id)); });
  return all;
}

// A candidate asks: are those that promised enough? The others must be dead, or have promised too
// without counting.
bool Replica::State::may_take_over(const std::set<ServerId>& promised) const {
  if (config_.policy == Policy::continues) return true;
  if (promised.size() >= majority_of(config_.servers)) return true;
  if (config_.policy == Policy::majority) return false;
  bool all = true;
  each_peer([&](ServerId id, const Peer& p) {
    const bool dead = p.refused && p.dead_at >= takeover_->started;
    all = all && (promised.contains(id) || takeover_->promises.contains(id) || dead);
  });
  return all;
}

bool Replica::State::proved_dead(ServerId id) const {
  const Peer& p = peer(id);
  return p.refused && p.dead_at > Clock{} && now_.value - p.dead_at.value < config_.timers.lease;
}

bool Replica::State::others_may_go_on() const {
  unsigned silent = 0;
  each_peer([&](ServerId, const Peer& p) {
    const Clock vouched = std::max(p.vouched_at, p.dead_at);
    if (vouched == Clock{} || now_.value - vouched.value >= config_.timers.lease) ++silent;
  });
  return silent >= majority_of(config_.servers);
}

// To be called before an input is looked at: what it brings must not hide that time has passed.
void Replica::State::leave_sync_if_others_may_go_on() {
  if (config_.policy != Policy::proof || !in_sync_ || !rule('p') || !others_may_go_on()) return;
  in_sync_ = false;
  note(NoteLevel::info, "too few servers are heard: the others may go on without this one");
}

// Called when a view without these has been appended.
void Replica::State::hold_commit(const std::set<ServerId>& left_out) {
  if (config_.policy != Policy::proof || !rule('w')) return;
  if (left_out.empty() && !hold_) return;
  hold_ = Hold{log_.latest_view()->at.seq, std::nullopt};
}

bool Replica::State::commit_held() {
  if (!hold_) return false;
  const std::vector<Member>& members = log_.latest_view()->view.members;
  const auto all = [&](const auto& holds) {
    return std::all_of(members.begin(), members.end(), [&](const Member& member) {
      return member.server == config_.self || holds(peer(member.server));
    });
  };
  if (!hold_->everywhere) {
    if (durable_ < hold_->view || !all([&](const Peer& p) { return p.match >= hold_->view; })) {
      return true;
    }
    hold_->everywhere = now_;
  }
  // Every member lived when the last that it had said before it held the view was too old.
  const Timers& timers = config_.timers;
  const std::int64_t long_enough =
      hold_->everywhere->value + timers.lease + (timers.suspect_after - timers.lease) / 2;
  if (!all([&](const Peer& p) { return p.lease_sent_ms >= long_enough; })) return true;
  hold_.reset();
  return false;
}

}  // namespace chat262::replica

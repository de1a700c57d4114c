#include "broker/replica/replica.hpp"

#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

Replica::Replica(Config config, Durable durable, const RequestIndex& requests, Clock now)
    : state_(std::make_unique<State>(std::move(config), std::move(durable), requests, now)) {}
Replica::~Replica() = default;
void Replica::step(Input input, Clock now, Actions& actions) {
  state_->step(std::move(input), now, actions);
}
Clock Replica::next_wake() const {
  return state_->next_wake();
}
Routing Replica::routing(Clock now) const {
  return state_->routing(now);
}
Summary Replica::summary(Clock now) const {
  return state_->summary(now);
}
const Entry* Replica::find(Seq seq) const {
  return state_->find(seq);
}

Replica::State::State(Config config, Durable durable, const RequestIndex& requests, Clock now)
    : config_(std::move(config)),
      requests_(requests),
      log_(std::move(durable.views), std::move(durable.tail)),
      promised_(durable.promised),
      promised_durable_(durable.promised),
      incarnation_(durable.incarnation),
      lost_disk_(durable.lost_disk),
      durable_(log_.last().seq),
      disk_last_(log_.last().seq),
      now_(now),
      started_(now),
      peers_(config_.servers),
      leader_heard_(now),
      next_heartbeat_(now),
      commit_(std::min(durable.commit, log_.last().seq)) {
  hint_ = commit_;
  if (mutant("forget-the-promise")) promised_ = promised_durable_ = log_.last().epoch;
  if (mutant("restarted-is-in-sync")) in_sync_ = !lost_disk_ && !log_.empty();
  CHAT262_CHECK(config_.servers >= 1 && config_.servers <= limits::servers_max);
  CHAT262_CHECK(config_.self.value < config_.servers);
  CHAT262_CHECK(config_.batch_entries_max >= 1 && config_.inflight_batches_max >= 1);
  CHAT262_CHECK(incarnation_.known());
  CHAT262_CHECK(log_.last().epoch <= promised_ || log_.empty());
  counter_seen_ = promised_.counter;
  for (const PlacedView& placed : log_.views()) {
    for (const Member& member : placed.view.members) {
      if (member.server.value >= config_.servers) continue;
      Incarnation& floor = peer(member.server).floor;
      floor = std::max(floor, member.incarnation);
    }
  }
}

void Replica::State::step(Input input, Clock now, Actions& actions) {
  actions_ = &actions;
  const Clock before = now_;
  now_ = std::max(now_, now);
  if (now_.value - before.value > 2 * config_.timers.heartbeat_every) hear_all_anew();
  leave_sync_if_others_may_go_on();
  std::visit([this](auto& value) { on(value); }, input);
  after_step();
  check_invariants();
  actions_ = nullptr;
}

void Replica::State::on(Received& input) {
  peer::Message& message = input.message;
  if (message.from.value >= config_.servers || message.from == config_.self) return;
  if (!admit_message(message)) return;
  std::visit(
      [&](auto& body) {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, peer::Hello>) {
          on_message(message.from, body, message.from_incarnation);
        } else if constexpr (!std::is_same_v<Body, peer::RepairAsk> &&
                             !std::is_same_v<Body, peer::RepairAnswer> &&
                             !std::is_same_v<Body, peer::Superseded> &&
                             !std::is_same_v<Body, peer::FailedSignIns>) {  // not the core's
          on_message(message.from, body);
        }
      },
      message.body);
}

void Replica::State::on(Submit& input) {
  const Routing route = routing(now_);
  const Serve* serve = std::get_if<Serve>(&route);
  std::vector<Entry> entries;
  std::map<RequestId, Seq> fresh;
  for (Submission& submission : input.submissions) {
    if (serve == nullptr || !serve->writes) {
      actions_->push_back(Refused{submission.handle});
      continue;
    }
    const RequestId request = submission.entry.request;
    if (const std::optional<Position> at = find_request(request)) {
      actions_->push_back(Accepted{submission.handle, *at, true});
      continue;
    }
    const auto [known, is_new] =
        fresh.emplace(request, seq(log_.last().seq.value + entries.size() + 1));
    actions_->push_back(
        Accepted{submission.handle, Position{leader_epoch_, known->second}, !is_new});
    if (is_new) entries.push_back(std::move(submission.entry));
  }
  if (!entries.empty()) append_as_leader(std::move(entries));
}

void Replica::State::on(const ClientAsked&) {
  if (role_ == peer::Role::follower && std::holds_alternative<Undecided>(routing(now_))) {
    wanted_ = now_;
  }
}

void Replica::State::on(const ProbeResult& input) {
  if (input.peer.value >= config_.servers || input.peer == config_.self || !input.refused) return;
  Peer& p = peer(input.peer);
  if (!p.refused)
    note(NoteLevel::info, "server " + std::to_string(input.peer.value) +
                              " refuses connections: its process is dead");
  p.refused = true;
  p.refused_at = now_;
  p.dead_at = std::max(p.dead_at, std::min(input.asked, now_));
  p.late_until = clock_ms(now_.value + config_.timers.heartbeat_every);
  if (acked_leader_ == input.peer) acked_.reset();
  if (hinted_ == input.peer) quiet_until_ = now_;  // who was to take over will not
}

void Replica::State::on(const DiskRoom& input) {
  if (disk_full_ == input.full) return;
  disk_full_ = input.full;
  note(NoteLevel::warning, input.full ? "disk full: taking no new entries" : "disk has room again");
}

void Replica::State::on(const TablesReady& input) {
  tables_ready_ = input.ready;
}

void Replica::State::on(const Handover& input) {
  if (leads() && successor(input.to)) step_down(peer::Farewell::handover, input.to);
}

void Replica::State::on(const ForceLead&) {
  if (stopped_ || leads() || hears_leader()) return;
  note(NoteLevel::warning, "an operator wants this server to lead, whatever is missing");
  if (takeover_) {
    takeover_->forced = true;
  } else {
    forced_ = now_;
  }
}

void Replica::State::on(const Stop&) {
  stopped_ = true;
  if (takeover_) abandon_takeover("stopping");
  if (leads()) {
    step_down(peer::Farewell::stopping, std::nullopt);
  } else {
    each_peer([this](ServerId id, Peer&) { send(id, peer::Goodbye{}); });
  }
  in_sync_ = false;  // the others may count on it: this life will never lead again
  persist_hint();
}

// What follows from the new state, whatever the input was.
void Replica::State::after_step() {
  found_cluster();
  if (takeover_) drive_takeover();
  if (leads()) {
    const bool cannot_lead = disk_full_ || health() == peer::Health::stalled;
    if (cannot_lead && successor(std::nullopt)) {
      step_down(peer::Farewell::handover, std::nullopt);
    } else if (blocked_for_long()) {
      depose("too few servers are heard");
    } else {
      consider_view();
    }
  }
  if (leads()) {
    advance_commit();
    pump_all();
    if (config_.policy == Policy::proof && !in_sync_ && !lost_disk_ && first_view_committed() &&
        lease_valid(now_) && !others_may_go_on()) {
      in_sync_ = true;
    }
  }
  if (stage_) offer_missing();
  if (hears_leader()) leader_heard_ = now_;

  if (role_ == peer::Role::follower && !stopped_) {
    const std::int64_t idle =
        config_.timers.idle_takeover + config_.self.value * config_.timers.idle_takeover_step;
    if (wanted_ && now_.value - wanted_->value > 1000) wanted_.reset();
    const bool wanted = wanted_.has_value() || chosen_;
    const bool idle_long = rule('e') && now_.value - leader_heard_.value > idle;
    if (forced_ && now_.value - forced_->value > force_keeps) forced_.reset();
    if (forced_ && may_force()) {
      start_takeover(Reason::forced);
    } else if ((wanted || idle_long) && may_start_takeover(chosen_)) {
      start_takeover(Reason::nobody_leads);
    }
  }
  if (now_ >= next_heartbeat_) {
    heartbeat();
    next_heartbeat_ = clock_ms(now_.value + config_.timers.heartbeat_every);
  }
  // The entry at the end of what is kept stays too: its hash is needed.
  const Seq done = std::min({commit_, durable_, disk_last_});
  if (done > Seq{}) log_.trim(done.previous(), memory_log_bytes);
}

Clock Replica::State::next_wake() const {
  // Phases of a takeover are short: look more often than heartbeats are due.
  const bool busy =
      takeover_ || wanted_ || chosen_ || forced_ || (leads() && !first_view_committed());
  const Clock soon = clock_ms(now_.value + 20);
  return busy ? std::min(soon, next_heartbeat_) : next_heartbeat_;
}

void Replica::State::check_invariants() const {
  const Seq last = log_.last().seq;
  CHAT262_CHECK(commit_ <= last);
  CHAT262_CHECK(durable_ <= last);
  CHAT262_CHECK(promised_durable_ <= promised_);
  CHAT262_CHECK(log_.last().epoch <= promised_);
  CHAT262_CHECK(takeover_.has_value() == (role_ == peer::Role::candidate));
  CHAT262_CHECK(proved_ <= last);
  if (leads()) {
    CHAT262_CHECK(leader_ == config_.self && leader_epoch_.server == config_.self);
    CHAT262_CHECK(leader_epoch_ == promised_);
    CHAT262_CHECK(log_.last().epoch == leader_epoch_);
    CHAT262_CHECK(log_.latest_view() != nullptr);
    CHAT262_CHECK(config_.policy != Policy::majority || leads_by_force_ ||
                  log_.latest_view()->view.members.size() >= majority_of(config_.servers));
    CHAT262_CHECK(log_.latest_view()->view.has(config_.self));
    // What is not committed is in memory, and its request ids are known once each.
    CHAT262_CHECK(uncommitted_.size() <= last.value - commit_.value);
    CHAT262_CHECK(!stage_);
  }
  if (in_sync_) {
    CHAT262_CHECK(!lost_disk_ && log_.latest_view() != nullptr);
  }
  each_peer([&](ServerId, const Peer& p) {
    CHAT262_CHECK(p.inflight.size() <= config_.inflight_batches_max);
    if (leads()) CHAT262_CHECK(p.match <= last && p.match <= p.received);
  });
  CHAT262_CHECK(commit_ == last || log_.find(commit_.next()) != nullptr);
}

void Replica::State::note(NoteLevel level, std::string text) {
  actions_->push_back(Note{level, std::move(text)});
}

}  // namespace chat262::replica

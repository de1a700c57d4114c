// Taking over, first half: ask whether anybody hears a leader, collect promises, judge.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

namespace {
// A peer that is heard but keeps us waiting longer than this (its disk is stuck) makes the takeover
// end with `unavailable`, to be tried again.
constexpr std::int64_t prepare_ms_max = 2000;
// A forced leadership is later than any that those who are missing can have known: when they come
// back they follow, and the log keeps the view that says that it was forced.
constexpr std::uint64_t forced_epochs = 1ULL << 32;
}  // namespace

bool Replica::State::may_start_takeover(bool ignore_order) const {
  if (stopped_ || hears_leader() || lost_disk_ || health() != peer::Health::able) return false;
  if (now_ < lease_owed_until()) return false;
  if (ignore_order) return true;
  if (now_ < quiet_until_) return false;
  if (verdict_ && now_.value - verdict_->at.value < config_.timers.verdict_keeps) return false;
  const Routing route = routing(now_);
  return std::holds_alternative<Undecided>(route) || std::holds_alternative<Unavailable>(route);
}

// Only what a leader cannot do without counts against an operator's word.
bool Replica::State::may_force() const {
  return !hears_leader() && !disk_full_ && tables_ready_ && now_ >= lease_owed_until();
}

void Replica::State::start_takeover(Reason reason) {
  const bool was_leader = reason == Reason::deposed;
  CHAT262_CHECK(role_ == peer::Role::follower);
  role_ = peer::Role::candidate;
  leader_.reset();
  stage_.reset();
  takeover_ = Takeover{};
  takeover_->started = now_;
  takeover_->round = ++round_;
  takeover_->forced = reason == Reason::forced;
  takeover_->deposed_leader = was_leader;
  takeover_->led = leader_epoch_;
  note(NoteLevel::info,
       chosen_ ? "the leader hands over to this server" : "no leader is heard: asking the others");
  // Who was chosen knows that nobody leads; others may not have heard of it yet.
  if (chosen_ || (was_leader && !rule('r'))) {
    begin_prepare();
    return;
  }
  each_peer([this](ServerId id, Peer&) {
    send(id, peer::Ask{takeover_->round});
    actions_->push_back(Probe{id});
  });
}

void Replica::State::abandon_takeover(const std::string& why) {
  note(NoteLevel::info, "takeover ends: " + why);
  takeover_.reset();
  role_ = peer::Role::follower;
  wanted_.reset();
  chosen_ = false;
}

bool Replica::State::failed_in_takeover(ServerId id) const {
  const Peer& p = peer(id);
  return p.refused && p.refused_at >= takeover_->started;
}

// Called after every input while a takeover is under way.
void Replica::State::drive_takeover() {
  Takeover& t = *takeover_;
  switch (t.phase) {
    case Takeover::Phase::ask: {
      bool all = true;
      each_peer([&](ServerId id, Peer&) {
        if (!t.answered.contains(id) && !failed_in_takeover(id)) all = false;
      });
      if (all || now_.value - t.started.value >= config_.timers.ask_wait) begin_prepare();
      return;
    }
    case Takeover::Phase::promise:
      return;
    case Takeover::Phase::prepare: {
      bool all = true;
      each_peer([&](ServerId id, Peer&) { all = all && settled(id); });
      if (all) {
        judge();
      } else if (now_.value - t.prepare_started.value > prepare_ms_max) {
        std::vector<ServerId> slow;
        each_peer([&](ServerId id, Peer&) {
          if (!settled(id)) slow.push_back(id);
        });
        if (t.forced) {
          judge();
        } else {
          give_verdict(slow, "is heard but does not answer");
        }
      } else if (now_.value - t.sent.value >= config_.timers.heartbeat_every) {
        send_prepare();
      }
      return;
    }
    case Takeover::Phase::load_own:
    case Takeover::Phase::fetch: {
      std::vector<ServerId> gone;
      for (const auto& [id, promise] : t.promises) {
        if (suspected(id)) gone.push_back(id);
      }
      if (!gone.empty() && rule('b')) {
        for (ServerId id : gone) t.promises.erase(id);
        t.phase = Takeover::Phase::prepare;
        judge();
      } else if (t.phase == Takeover::Phase::fetch &&
                 now_.value - t.sent.value >= config_.timers.resend_after) {
        send_fetch();
      }
      return;
    }
  }
}

// ---- ask

void Replica::State::on_message(ServerId from, peer::Ask& m) {
  peer::Answer answer;
  answer.round = m.round;
  if (hears_leader() && *leader_ != from) {
    answer.leader = leader_;
    answer.leader_epoch = leader_epoch_;
  }
  send(from, answer);
}

void Replica::State::on_message(ServerId from, peer::Answer& m) {
  if (!takeover_ || takeover_->phase != Takeover::Phase::ask || m.round != takeover_->round) return;
  takeover_->answered.insert(from);
  if (!m.leader || *m.leader == config_.self || m.leader->value >= config_.servers) return;
  if (takeover_->deposed_leader && m.leader_epoch <= takeover_->led) return;
  hinted_ = m.leader;
  hinted_at_ = now_;
  abandon_takeover("server " + std::to_string(from.value) + " hears server " +
                   std::to_string(m.leader->value) + " lead");
}

// ---- prepare

void Replica::State::begin_prepare() {
  Takeover& t = *takeover_;
  t.phase = Takeover::Phase::promise;
  t.epoch = Epoch{std::max(counter_seen_, promised_.counter) + 1, config_.self};
  if (t.forced) t.epoch.counter += forced_epochs;
  t.promises.clear();
  t.wait_until.clear();
  t.nacked.clear();
  t.fetched.clear();
  promised_ = t.epoch;
  observe_epoch(t.epoch);
  Persist write;
  write.promised = t.epoch;
  persist(std::move(write), {AfterWrite{AfterWrite::What::prepare, config_.self, t.epoch}});
}

void Replica::State::send_prepare() {
  Takeover& t = *takeover_;
  t.sent = now_;
  each_peer([&](ServerId id, Peer&) {
    if (t.promises.contains(id) || t.nacked.contains(id)) return;
    const auto wait = t.wait_until.find(id);
    if (wait != t.wait_until.end() && now_ < wait->second) return;
    send(id, peer::Prepare{t.epoch});
    actions_->push_back(Probe{id});
  });
}

// A peer has answered, or is dead by what was found during this very takeover.
bool Replica::State::settled(ServerId id) const {
  const Takeover& t = *takeover_;
  if (t.promises.contains(id) || t.nacked.contains(id) || failed_in_takeover(id)) return true;
  if (!rule('s')) return suspected(id);
  const Peer& p = peer(id);
  const Clock heard = p.ever_heard ? std::max(p.heard, t.prepare_started) : t.prepare_started;
  return now_.value - heard.value > config_.timers.prepare_wait;
}

void Replica::State::on_message(ServerId from, peer::Prepare& m) {
  if (m.epoch.server != from || m.epoch.counter > epoch_counter_max) return;
  observe_epoch(m.epoch);
  if (m.epoch < promised_ && !mutant("promise-to-anybody")) {
    send(from, peer::Nack{promised_});
    return;
  }
  const Clock owed = mutant("promise-under-lease") ? Clock{} : lease_owed_until();
  const bool owed_to_it = acked_leader_ == from;
  if (m.epoch > promised_ && now_ < owed && !owed_to_it) {
    put_off_ = std::pair{from, m.epoch};
    send(from, peer::Wait{m.epoch, static_cast<std::uint32_t>(owed.value - now_.value)});
    return;
  }
  if (health() == peer::Health::stalled) {
    // A promise would have to wait for the disk, and the candidate for the promise. Instead this
    // server steps back as if it had crashed: not in-sync, not counted.
    in_sync_ = false;
    send(from, peer::Nack{m.epoch});
  }
  give_promise(from, m.epoch);
}

// The leader whose lease was in the way is gone: the candidate need not ask again.
void Replica::State::give_promise_put_off() {
  if (!put_off_ || now_ < lease_owed_until()) return;
  const auto [to, epoch] = *put_off_;
  put_off_.reset();
  if (epoch > promised_ && health() != peer::Health::stalled) give_promise(to, epoch);
}

void Replica::State::give_promise(ServerId to, Epoch epoch) {
  put_off_.reset();
  if (takeover_) abandon_takeover("server " + std::to_string(to.value) + " prepares a later epoch");
  if (leads()) depose("server " + std::to_string(to.value) + " prepares a later epoch");
  if (epoch == promised_ && promised_durable_ == epoch) {
    send_promise(to);
    return;
  }
  forget_leader();
  acked_.reset();
  quiet_until_ = clock_ms(now_.value + config_.timers.suspect_after);
  if (epoch == promised_ && !writes_.empty()) return;  // its write is under way
  promised_ = epoch;
  Persist write;
  write.promised = epoch;
  persist(std::move(write), {AfterWrite{AfterWrite::What::promise, to, epoch}});
}

// With a full disk this server is left out of the candidate's view: whatever comes of it, it stops
// counting itself in.
void Replica::State::send_promise(ServerId to) {
  peer::Promise promise = own_promise();
  if (health() == peer::Health::full) in_sync_ = false;
  send(to, std::move(promise));
}

peer::Promise Replica::State::own_promise() const {
  peer::Promise promise;
  promise.epoch = promised_;
  promise.last = log_.last();
  promise.last_hash = log_.last_hash();
  if (const PlacedView* view = log_.latest_view()) {
    promise.view_at = view->at;
    promise.view = view->view;
  }
  promise.commit = commit_;
  promise.in_sync = in_sync_;
  promise.lost_disk = lost_disk_;
  promise.health = health();
  return promise;
}

void Replica::State::on_message(ServerId from, peer::Promise& m) {
  if (!takeover_ || takeover_->phase != Takeover::Phase::prepare || m.epoch != takeover_->epoch) {
    return;
  }
  takeover_->wait_until.erase(from);
  takeover_->promises[from] = std::move(m);
}

void Replica::State::on_message(ServerId from, peer::Wait& m) {
  if (!takeover_ || takeover_->phase != Takeover::Phase::prepare || m.epoch != takeover_->epoch) {
    return;
  }
  const std::int64_t ms = std::min<std::int64_t>(m.ms, config_.timers.suspect_after);
  takeover_->wait_until[from] = clock_ms(now_.value + ms);
}

// ---- may it lead?

// Those that promised, this server included, without those that lost their disks: what those lack
// says nothing. (An operator who forces takes what there is.)
std::map<ServerId, peer::Promise> Replica::State::counted() const {
  std::map<ServerId, peer::Promise> r = takeover_->promises;
  r.emplace(config_.self, own_promise());
  if (takeover_->forced) return r;
  if (mutant("count-lost-disks")) return r;
  std::erase_if(r, [](const auto& item) { return item.second.lost_disk; });
  return r;
}

void Replica::State::judge() {
  const std::map<ServerId, peer::Promise> r = counted();
  std::vector<ServerId> missing;
  CHAT262_CHECK(r.contains(config_.self));
  auto freshest = r.find(config_.self);
  for (auto it = r.begin(); it != r.end(); ++it) {
    if (mutant("first-instead-of-freshest")) break;
    if (it->second.last > freshest->second.last) freshest = it;
  }
  std::set<ServerId> promised;
  for (const auto& [id, promise] : r) promised.insert(id);
  // With `proof` who is left out by a view that is not known to be committed may have gone on alone
  // (v): it stops being in-sync only before that view commits (w).
  Seq known = commit_;
  for (const auto& [id, promise] : r) known = std::max(known, promise.commit);
  const bool unsure =
      config_.policy == Policy::proof && rule('v') && freshest->second.view_at.seq > known;
  std::set<ServerId> needed;  // by the third rule
  if (freshest->second.view.members.empty() || unsure) {
    for (unsigned i = 0; i < config_.servers; ++i) needed.insert(server_id(i));
  } else {
    for (const Member& member : freshest->second.view.members) needed.insert(member.server);
  }
  for (ServerId id : needed) {
    if (!promised.contains(id) && !mutant("ignore-the-last-to-fail")) missing.push_back(id);
  }
  // A majority meets every view that may be committing; below one, with `proof`, only what this
  // server knows at this moment counts, not what others knew when they promised.
  const bool many = promised.size() >= majority_of(config_.servers);
  const bool own_word = config_.policy == Policy::proof && !many;
  const bool some_in_sync =
      own_word
          ? in_sync_
          : std::any_of(r.begin(), r.end(), [](const auto& item) { return item.second.in_sync; });
  const bool by_majority = config_.policy == Policy::majority && many;
  if (!takeover_->forced && !may_take_over(promised)) {
    missing.clear();
    each_peer([&](ServerId id, const Peer&) {
      if (!promised.contains(id)) missing.push_back(id);
    });
    give_verdict(missing, why_needed());
    return;
  }
  if (!takeover_->forced && !by_majority && !some_in_sync && !missing.empty()) {
    const bool lost = std::any_of(missing.begin(), missing.end(),
                                  [this](ServerId id) { return takeover_->promises.contains(id); });
    give_verdict(missing,
                 lost ? "has a new or old disk" : "may have later messages and is not reachable");
    return;
  }
  takeover_->third_rule_only = !by_majority && !some_in_sync && !takeover_->forced;
  takeover_->freshest = freshest->first;
  begin_sync();
}

void Replica::State::give_verdict(std::vector<ServerId> waiting_for, std::string why) {
  std::string servers;
  for (ServerId id : waiting_for) {
    servers += (servers.empty() ? "" : ", ") + std::to_string(id.value);
  }
  verdict_ = Verdict{std::move(waiting_for), why, now_};
  abandon_takeover("waiting for server " + servers + ", which " + why);
}

}  // namespace chat262::replica

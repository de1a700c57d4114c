// Who is alive, in which life; who leads; what is owed to a leader.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

void Replica::State::send(ServerId to, peer::Body body) {
  peer::Message message;
  message.from = config_.self;
  message.from_incarnation = incarnation_;
  message.to_incarnation = peer(to).incarnation;
  const bool is_hello = std::holds_alternative<peer::Hello>(body);
  if (!is_hello && !message.to_incarnation.known()) return;  // nothing but a Hello can reach it
  message.body = std::move(body);
  actions_->push_back(Send{to, std::move(message)});
}

// Only a Hello makes a life known; every other message must name the lives of both ends.
bool Replica::State::admit_message(const peer::Message& message) {
  Peer& p = peer(message.from);
  const Incarnation from = message.from_incarnation;
  if (!from.known() || from.counter > starts_max) return false;
  if (!std::holds_alternative<peer::Hello>(message.body)) {
    if (from != p.incarnation) {
      if (from >= p.floor) say_hello(message.from);  // its Hello was lost: it will answer ours
      return false;
    }
    if (message.to_incarnation != incarnation_) {
      p.knows_me = false;
      return false;
    }
    p.knows_me = true;
  } else {
    const bool older =
        from.counter < p.floor.counter || (from.counter == p.floor.counter && from != p.floor);
    if (older) {
      // A message from a past life, or a server started from an old copy of its disk: in that case
      // this answer tells it.
      peer::Message answer;
      answer.from = config_.self;
      answer.from_incarnation = incarnation_;
      answer.to_incarnation = from;
      answer.body = peer::Hello{promised_, log_.last(), log_.last_hash(), p.floor, lost_disk_};
      actions_->push_back(Send{message.from, std::move(answer)});
      return false;
    }
    p.knows_me = message.to_incarnation == incarnation_;
  }
  if (now_ < p.late_until && from == p.incarnation) return false;
  p.heard = now_;
  p.ever_heard = true;
  p.refused = false;
  return true;
}

void Replica::State::on_message(ServerId from, peer::Hello& m, Incarnation incarnation) {
  Peer& p = peer(from);
  if (m.seen.counter > starts_max) return;
  observe_epoch(m.promised);
  const bool later_life_seen = m.seen.counter > incarnation_.counter ||
                               (m.seen.counter == incarnation_.counter && m.seen != incarnation_);
  if (later_life_seen && !mutant("overlook-old-copies")) {
    become_old_copy(m.seen);
    return;
  }
  const bool knows_me = p.knows_me;
  if (incarnation != p.incarnation) peer_restarted(from, incarnation);
  p.promised = m.promised;
  p.last = m.last;
  p.has_log = m.last.seq > Seq{};
  p.lost_disk = m.lost_disk;
  p.knows_me = knows_me;
  p.said_empty = knows_me && !p.has_log;
  if (!p.knows_me) say_hello(from);
  if (verdict_) verdict_.reset();  // somebody is back: judge anew
}

void Replica::State::say_hello(ServerId to) {
  send(to, peer::Hello{promised_, log_.last(), log_.last_hash(),
                       std::max(peer(to).incarnation, peer(to).floor), lost_disk_});
}

void Replica::State::peer_restarted(ServerId id, Incarnation incarnation) {
  Peer& p = peer(id);
  const bool replaced = p.incarnation.known();
  Peer fresh;
  fresh.incarnation = incarnation;
  fresh.floor = std::max(p.floor, incarnation);
  fresh.since = now_;
  fresh.heard = now_;
  fresh.ever_heard = true;
  fresh.admit_after = now_;
  fresh.admitted = now_;
  fresh.backoff_ms = p.backoff_ms;
  p = std::move(fresh);
  if (replaced) {
    note(NoteLevel::info, "server " + std::to_string(id.value) + " has restarted");
    if (leader_ == id) forget_leader();
    if (acked_leader_ == id) acked_.reset();
  }
  if (takeover_) {
    takeover_->promises.erase(id);
    takeover_->answered.erase(id);
    takeover_->wait_until.erase(id);
    takeover_->nacked.erase(id);
    takeover_->sent = Clock{};
    const bool syncing =
        takeover_->phase == Takeover::Phase::fetch || takeover_->phase == Takeover::Phase::load_own;
    if (syncing) takeover_->phase = Takeover::Phase::prepare;
  }
  if (leads()) rewind(id, log_.last());
}

void Replica::State::become_old_copy(Incarnation seen) {
  note(NoteLevel::warning,
       "the others have seen a later start of this server: its disk is an old copy; it will be "
       "brought up to date before it counts again");
  if (takeover_) abandon_takeover("old copy of the disk");
  if (leads()) depose("old copy of the disk");
  forget_leader();
  lost_disk_ = true;
  in_sync_ = false;
  incarnation_ = Incarnation{std::max(seen.counter, incarnation_.counter) + 1, incarnation_.nonce};
  each_peer([](ServerId, Peer& p) { p.knows_me = false; });
  Persist write;
  write.identity = std::pair{incarnation_, true};
  persist(std::move(write), {AfterWrite{AfterWrite::What::hello, {}, {}}});
}

void Replica::State::on_message(ServerId from, peer::Heartbeat& m) {
  Peer& p = peer(from);
  observe_epoch(m.promised);
  observe_epoch(m.leader_epoch);
  p.last = m.last;
  p.has_log = m.last.seq > Seq{};
  p.said_empty = !p.has_log;
  p.beat = m;
  // It heard our heartbeat of that time, and held no view yet that we do not hold.
  const PlacedView* view = log_.latest_view();
  if (m.heard_ms > 0 && m.heard_ms <= now_.value &&
      m.latest_view <= (view != nullptr ? view->at : Position{})) {
    p.vouched_at = std::max(p.vouched_at, clock_ms(m.heard_ms));
  }
  if (m.role != peer::Role::leader) {
    if (leader_ == from) forget_leader();  // it led, and has stopped without a goodbye
    return;
  }
  const Epoch epoch = m.leader_epoch;
  if (epoch.server != from || epoch.counter > epoch_counter_max) return;
  if (epoch < promised_) {
    send(from, peer::Nack{promised_});
    return;
  }
  follow(from, epoch);
  leader_commit_ = std::max(leader_commit_, m.commit);
  send(from, peer::HeartbeatAck{epoch, m.sent_at_ms});
  acked_ = now_;
  acked_leader_ = from;
  leader_view_ = m.latest_view;
  advance_follower();
}

void Replica::State::on_message(ServerId from, peer::HeartbeatAck& m) {
  if (!leads() || m.epoch != leader_epoch_ || m.sent_at_ms > now_.value) return;
  Peer& p = peer(from);
  p.lease_sent_ms = std::max(p.lease_sent_ms, m.sent_at_ms);
}

void Replica::State::on_message(ServerId from, peer::Goodbye& m) {
  if (acked_leader_ == from) acked_.reset();
  const bool latest = m.epoch >= promised_;
  if (leader_ == from) {
    note(NoteLevel::info, "leader " + std::to_string(from.value) + " said goodbye");
    forget_leader();
  }
  if (m.reason == peer::Farewell::stopping) {
    peer(from).refused = true;
    peer(from).refused_at = now_;
    peer(from).dead_at = now_;  // as good as dead: it will never lead again in this life
  }
  if (m.successor && m.successor->value < config_.servers && latest) {
    if (*m.successor == config_.self) {
      chosen_ = true;
    } else {
      hinted_ = m.successor;
      hinted_at_ = now_;
    }
  }
  give_promise_put_off();
}

// A new directory may be a new cluster's or that of a server that lost its disk. It is a new
// cluster if every server says, to this very life of ours, that its log is empty.
void Replica::State::found_cluster() {
  if (!lost_disk_ || founding_ || !log_.empty()) return;
  bool all = true;
  each_peer([&](ServerId id, Peer& p) { all = all && alive(id) && p.said_empty; });
  if (!all) return;
  founding_ = true;
  Persist write;
  write.identity = std::pair{incarnation_, false};
  persist(std::move(write), {AfterWrite{AfterWrite::What::found, {}, {}}});
  note(NoteLevel::info, "every server is here and empty: this is a new cluster");
}

void Replica::State::heartbeat() {
  peer::Heartbeat beat;
  beat.promised = promised_;
  if (hears_leader()) {
    beat.leader = leader_;
    beat.leader_epoch = leader_epoch_;
  }
  if (const PlacedView* view = log_.latest_view()) beat.latest_view = view->at;
  beat.last = log_.last();
  beat.commit = commit_;
  beat.role = role_;
  beat.health = health();
  beat.in_sync = in_sync_;
  beat.sent_at_ms = now_.value;
  if (!writes_.empty()) {
    beat.disk_idle_ms = static_cast<std::uint32_t>(now_.value - writes_.front().issued.value);
  }
  each_peer([&](ServerId id, Peer& p) {
    if (!p.knows_me) say_hello(id);
    beat.heard_ms = p.beat.sent_at_ms;
    send(id, beat);
    if (config_.policy == Policy::proof && suspected(id)) actions_->push_back(Probe{id});
    if (leads()) resend_if_silent(id);
  });
  if (role_ == peer::Role::follower && hears_leader()) acknowledge();
  persist_hint();
}

void Replica::State::hear_all_anew() {
  each_peer([this](ServerId, Peer& p) {
    if (p.ever_heard) p.heard = now_;
  });
  leading_since_ = now_;
}

bool Replica::State::suspected(ServerId id) const {
  if (id == config_.self) return false;
  const Peer& p = peer(id);
  return p.refused || !p.ever_heard || now_.value - p.heard.value > config_.timers.suspect_after;
}

bool Replica::State::hears_leader() const {
  return leader_.has_value() && (*leader_ == config_.self || alive(*leader_));
}

void Replica::State::follow(ServerId leader, Epoch epoch) {
  CHAT262_CHECK(epoch >= promised_ && leader != config_.self);
  if (takeover_) abandon_takeover("server " + std::to_string(leader.value) + " leads");
  if (leads()) depose("server " + std::to_string(leader.value) + " leads in a later epoch");
  raise_promised(epoch);
  chosen_ = false;
  wanted_.reset();
  verdict_.reset();
  if (leader_ == leader && leader_epoch_ == epoch) return;
  leader_ = leader;
  leader_epoch_ = epoch;
  leader_commit_ = Seq{};
  leader_view_ = Position{};
  proved_ = Seq{};
  stage_.reset();
  note(NoteLevel::info, "following server " + std::to_string(leader.value) + " in epoch " +
                            std::to_string(epoch.counter));
}

void Replica::State::forget_leader() {
  leader_.reset();
  stage_.reset();
  proved_ = Seq{};
}

void Replica::State::observe_epoch(const Epoch& epoch) {
  if (epoch.counter <= epoch_counter_max) counter_seen_ = std::max(counter_seen_, epoch.counter);
}

void Replica::State::raise_promised(const Epoch& epoch) {
  if (epoch <= promised_) return;
  promised_ = epoch;
  observe_epoch(epoch);
  Persist write;
  write.promised = epoch;
  persist(std::move(write));
}

peer::Health Replica::State::health() const {
  if (disk_full_) return peer::Health::full;
  if (!writes_.empty() &&
      now_.value - writes_.front().issued.value > config_.timers.stalled_after) {
    return peer::Health::stalled;
  }
  return tables_ready_ ? peer::Health::able : peer::Health::rebuilding;
}

// Until then no other candidate may get a promise: a leader may still answer clients.
Clock Replica::State::lease_owed_until() const {
  if (config_.servers == 1) return Clock{};
  Clock until = clock_ms(started_.value + config_.timers.suspect_after);
  if (acked_) until = std::max(until, clock_ms(acked_->value + config_.timers.suspect_after));
  return until;
}

}  // namespace chat262::replica

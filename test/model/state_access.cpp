#include "test/model/state_access.hpp"

namespace chat262::replica {

namespace {

// Structured bindings must name every field: a new one makes these lines fail to compile. Then add
// it to the digest, and think about canonical().
using model::Digest;

void add(Digest& to, const Batch& x) {
  const auto& [last, bytes] = x;
  to.add(last, bytes);
}

void add(Digest& to, const peer::Heartbeat& x) {
  const auto& [promised, leader, leader_epoch, latest_view, last, commit, role, health, in_sync,
               sent_at_ms, disk_idle_ms, heard_ms] = x;
  to.add(promised, leader, leader_epoch, latest_view, last, commit, role, health, in_sync,
         sent_at_ms, disk_idle_ms, heard_ms);
}

void add(Digest& to, const peer::Promise& x) {
  const auto& [epoch, last, last_hash, view_at, view, commit, in_sync, lost_disk, health] = x;
  to.add(epoch, last, last_hash, view_at, view, commit, in_sync, lost_disk, health);
}

void add(Digest& to, const Peer& x) {
  const auto& [incarnation, floor, knows_me, since, heard, ever_heard, refused, refused_at, dead_at,
               vouched_at, late_until, lost_disk, promised, last, has_log, said_empty, beat,
               matched, match, received, next, inflight, progress, reading, announced,
               lease_sent_ms, admit_after, admitted, backoff_ms, restarted_since_drop] = x;
  to.add(incarnation, floor, knows_me, heard, since, promised, ever_heard, refused, refused_at,
         dead_at, vouched_at, late_until, lost_disk, last, has_log, said_empty);
  add(to, beat);
  to.add(matched, match, received, next, inflight.size());
  for (const Batch& batch : inflight) add(to, batch);
  to.add(progress, reading, announced, lease_sent_ms, admit_after, admitted, backoff_ms,
         restarted_since_drop);
}

// The chain's last hash stands for every entry before it; nothing is trimmed in so small a log.
void add(Digest& to, const MemoryLog& x) {
  to.add(x.last(), x.last_hash());
}

void add(Digest& to, const std::optional<Uncut>& x) {
  to.add(x.has_value());
  if (!x) return;
  const auto& [log, commit, fork] = *x;
  add(to, log);
  to.add(commit, fork);
}

void add(Digest& to, const PendingWrite& x) {
  const auto& [id, last, still_ours, promised, issued, after, uncut] = x;
  to.add(id, last, still_ours, promised, issued, after.size());
  for (const AfterWrite& item : after) {
    const auto& [what, server, epoch] = item;
    to.add(what, server, epoch);
  }
  add(to, uncut);
}

void add(Digest& to, const SuffixLoad& x) {
  const auto& [next, last, entries] = x;
  to.add(next, last, entries);
}

void add(Digest& to, const Stage& x) {
  const auto& [fork, fork_hash, entries, own, loaded, missing, offered, offered_at] = x;
  to.add(fork, fork_hash, entries);
  add(to, own);
  to.add(loaded, missing, offered, offered_at);
}

void add(Digest& to, const Takeover& x) {
  const auto& [phase, started, round, answered, forced, deposed_leader, led, epoch, prepare_started,
               promises, wait_until, nacked, sent, freshest, third_rule_only, fetch_from,
               fork_found, fork_hash, fetched, own] = x;
  to.add(phase, started, round, answered, forced, deposed_leader, led, epoch, prepare_started,
         promises.size());
  for (const auto& item : promises) {
    to.add(item.first);
    add(to, item.second);
  }
  to.add(wait_until, nacked, sent, freshest, third_rule_only, fetch_from, fork_found, fork_hash,
         fetched);
  add(to, own);
}

void add(Digest& to, const Verdict& x) {
  const auto& [waiting_for, why, at] = x;
  to.add(waiting_for, why, at);
}

void add(Digest& to, const PendingRead& x) {
  const auto& [purpose, server, epoch, previous, bytes_max] = x;
  to.add(purpose, server, epoch, previous, bytes_max);
}

}  // namespace

void StateAccess::digest(const State& state, Digest& to) {
  // `config` and `requests` are the same for all states of one server; `actions` is set in a step.
  const auto& [config, requests, log, promised, promised_durable, incarnation, lost_disk, durable,
               disk_last, uncut, writes, next_write, hint, reads, next_read, now, started, actions,
               peers, role, leader, leader_epoch, leader_heard, hinted, hinted_at, next_heartbeat,
               commit, leader_commit, proved, in_sync, leader_view, acked, acked_leader, disk_full,
               tables_ready, stopped, counter_seen, stage, takeover, verdict, founding, wanted,
               chosen, forced, put_off, quiet_until, round, first_view, leading_since, uncommitted,
               leads_by_force, hold] = state;
  static_cast<void>(config);
  static_cast<void>(requests);
  static_cast<void>(actions);
  add(to, log);
  to.add(promised, promised_durable, incarnation, lost_disk, durable, disk_last);
  add(to, uncut);
  to.add(writes.size());
  for (const PendingWrite& write : writes) add(to, write);
  to.add(next_write, hint, reads.size());
  for (const auto& item : reads) {
    to.add(item.first);
    add(to, item.second);
  }
  to.add(next_read, now, started);
  for (const Peer& item : peers) add(to, item);
  to.add(role, leader, leader_epoch, leader_heard, hinted, hinted_at, next_heartbeat, commit,
         leader_commit, proved, in_sync, leader_view, acked, acked_leader, disk_full, tables_ready,
         stopped, counter_seen, stage.has_value(), takeover.has_value(), verdict.has_value());
  if (stage) add(to, *stage);
  if (takeover) add(to, *takeover);
  if (verdict) add(to, *verdict);
  to.add(founding, wanted, chosen, forced, put_off, quiet_until, round, first_view, leading_since,
         uncommitted, leads_by_force, hold.has_value());
  if (hold) {
    const auto& [view, everywhere] = *hold;
    to.add(view, everywhere);
  }
}

// ---- canonical form

namespace {

constexpr Clock just_now = clock_ms(StateAccess::now_ms);
constexpr Clock long_ago = clock_ms(StateAccess::old_ms);

// What is said of a peer only to a leader is set anew when a leadership begins (take_lead).
void forget_stream(Peer& p) {
  p.matched = false;
  p.match = p.received = Seq{};
  p.next = seq(1);
  p.inflight.clear();
  p.reading = p.announced = false;
  p.lease_sent_ms = -1;
}

// Silence: fresh, past prepare_wait, or past suspect_after.
Clock silence_class(Clock heard, Clock now, const Timers& timers) {
  const std::int64_t silent = now.value - heard.value;
  if (silent > timers.suspect_after) return long_ago;
  return silent > timers.prepare_wait ? clock_ms(StateAccess::quiet_ms) : just_now;
}

}  // namespace

void StateAccess::canonical(State& s) {
  const Timers& timers = s.config_.timers;
  const Clock now = s.now_;
  s.each_peer([&](ServerId, Peer& p) {
    p.heard = p.ever_heard ? silence_class(p.heard, now, timers) : long_ago;
    const bool counts = p.refused && s.takeover_ && p.refused_at >= s.takeover_->started;
    p.refused_at = counts ? just_now : long_ago;
    p.dead_at = p.vouched_at = Clock{};  // only policy `proof` asks
    p.since = just_now;                  // these two are for people
    p.promised = Epoch{};
    p.late_until = long_ago;  // what a dead process had sent is lost with the refusal
    p.has_log = true;         // these two are read only by a server with a lost disk
    p.said_empty = false;
    peer::Heartbeat beat;  // nothing else of it is ever read
    beat.health = p.beat.health;
    beat.in_sync = p.beat.in_sync;
    p.beat = beat;
    p.progress = p.admitted = just_now;
    p.admit_after = now < p.admit_after ? clock_ms(now_ms + timers.heartbeat_every) : long_ago;
    p.backoff_ms = 250;  // how long makes no difference: it is over at the next heartbeat
    const bool lease = p.lease_sent_ms >= 0 && now.value - p.lease_sent_ms < timers.lease;
    p.lease_sent_ms = lease ? now_ms : -1;
    if (!s.leads()) forget_stream(p);
  });
  s.now_ = s.leader_heard_ = s.leading_since_ = just_now;
  s.started_ = s.hinted_at_ = s.quiet_until_ = long_ago;
  s.next_heartbeat_ = clock_ms(now_ms + timers.heartbeat_every);
  // These only keep a server from a takeover for a time, or make it start one as if asked just
  // then.
  s.hinted_.reset();
  s.verdict_.reset();
  s.wanted_.reset();
  if (s.acked_) s.acked_ = just_now;
  if (!s.acked_) s.acked_leader_.reset();
  if (!s.leads()) s.first_view_ = Seq{};
  if (!s.leader_ || s.leads()) {  // follow() sets them anew
    s.leader_commit_ = Seq{};
    s.leader_view_ = Position{};
  }
  if (s.stage_) s.stage_->offered_at = just_now;
  if (s.takeover_) {
    Takeover& t = *s.takeover_;
    t.started = t.sent = just_now;
    t.prepare_started = silence_class(t.prepare_started, now, timers);
    if (t.phase != Takeover::Phase::prepare) t.prepare_started = just_now;
    t.wait_until.clear();  // over at the next heartbeat, when Prepare is sent again
    if (t.phase != Takeover::Phase::ask) t.answered.clear();
  }
  // Writes complete in order: they are counted from the oldest under way.
  std::uint64_t id = 0;
  for (PendingWrite& write : s.writes_) {
    write.id = ++id;
    write.issued = just_now;
  }
  s.next_write_ = id + 1;
}

// ---- time

void StateAccess::heartbeat_due(State& s) {
  s.next_heartbeat_ = just_now;
  s.each_peer([](ServerId, Peer& p) {
    p.progress = clock_ms(quiet_ms);
    p.admit_after = long_ago;
  });
  if (s.stage_) s.stage_->offered_at = clock_ms(quiet_ms);
  if (s.takeover_) s.takeover_->sent = clock_ms(quiet_ms);
}

void StateAccess::ask_wait_over(State& s) {
  s.takeover_->started = clock_ms(now_ms - s.config_.timers.ask_wait);
}

void StateAccess::silent_in_prepare(State& s, ServerId id) {
  s.takeover_->prepare_started = clock_ms(quiet_ms);
  Peer& p = s.peer(id);
  p.heard = std::min(p.heard, clock_ms(quiet_ms));
}

void StateAccess::silent(State& s, ServerId id) {
  s.peer(id).heard = long_ago;
  if (s.acked_leader_ == id) s.acked_.reset();
}

void StateAccess::lease_over(State& s, ServerId member) {
  s.peer(member).lease_sent_ms = -1;
}

void StateAccess::owes_nothing(State& s) {
  s.acked_.reset();
}

// ---- looking

bool StateAccess::knows_dead(const State& s, ServerId id) {
  const Peer& p = s.peer(id);
  return p.refused && (!s.takeover_ || s.failed_in_takeover(id));
}

bool StateAccess::unsettled(const State& s, ServerId id) {
  if (!s.takeover_) return false;
  if (s.takeover_->phase == Takeover::Phase::ask) {
    return !s.takeover_->answered.contains(id) && !s.failed_in_takeover(id);
  }
  return s.takeover_->phase == Takeover::Phase::prepare && !s.settled(id);
}

}  // namespace chat262::replica

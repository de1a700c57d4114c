// Leading: submissions, streaming the log to the others, commit, views.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

// ---- appending

std::optional<Position> Replica::State::find_request(const RequestId& request) const {
  if (mutant("forget-request-ids")) return std::nullopt;
  if (rule('d')) {
    const auto it = uncommitted_.find(request);
    if (it != uncommitted_.end()) return it->second;
  }
  const std::optional<Position> at = requests_.find(request);
  if (at && !rule('d') && at->seq > commit_) return std::nullopt;
  return at;
}

void Replica::State::append_as_leader(std::vector<Entry> entries) {
  Persist write;
  for (Entry& entry : entries) {
    const Entry& placed = log_.append_new(leader_epoch_, std::move(entry));
    if (placed.kind != EntryKind::view) uncommitted_[placed.request] = placed.position();
    write.entries.push_back(placed);
  }
  actions_->push_back(Apply{log_.last().seq});
  persist(std::move(write));
  pump_all();
}

View Replica::State::view_of(const std::set<ServerId>& servers) const {
  View view;
  view.leader = config_.self;
  for (ServerId id : servers) {
    view.members.push_back({id, id == config_.self ? incarnation_ : peer(id).incarnation});
  }
  return view;
}

void Replica::State::append_view(View view) {
  std::string members;
  for (const Member& member : view.members) {
    members += (members.empty() ? "" : ", ") + std::to_string(member.server.value);
  }
  note(NoteLevel::info, "new view: members " + members);
  std::vector<Entry> entries;
  entries.push_back(make_view_entry(view));
  append_as_leader(std::move(entries));
}

// ---- streaming

void Replica::State::pump_all() {
  each_peer([this](ServerId id, Peer&) { pump(id); });
}

// Sends what the peer lacks, as far as its window allows.
void Replica::State::pump(ServerId to) {
  Peer& p = peer(to);
  const bool reachable = p.knows_me && alive(to);
  const bool heard = rule('h') || p.restarted_since_drop || log_.latest_view()->view.has(to);
  if (!reachable || !heard || p.reading || p.beat.health == peer::Health::full) return;
  const bool member = log_.latest_view()->view.has(to);
  const std::size_t window = p.matched ? config_.inflight_batches_max : 1;
  const std::size_t batch_bytes =
      member ? limits::batch_bytes_max : limits::learner_batch_bytes_max;
  while (p.inflight.size() < window) {
    std::size_t flying = 0;
    for (const Batch& batch : p.inflight) flying += batch.bytes;
    if (flying >= limits::inflight_bytes_max) return;
    const bool probe = !p.matched && p.inflight.empty();
    const bool tell_commit = !p.announced && p.inflight.empty();
    if (p.next > log_.last().seq && !probe && !tell_commit) return;
    const Position previous = log_.position_at(p.next.previous());
    const std::optional<Hash> hash = log_.hash_at(previous.seq);
    const bool in_memory = p.next > log_.last().seq || log_.find(p.next) != nullptr;
    if (!hash || !in_memory) {
      PendingRead pending;
      pending.purpose = ReadPurpose::stream;
      pending.peer = to;
      pending.epoch = leader_epoch_;
      pending.previous = previous;
      p.reading = true;
      read(std::max(previous.seq, seq(1)), log_.last().seq, batch_bytes, pending);
      return;
    }
    send_append(to, previous, *hash,
                log_.slice(p.next, log_.last().seq, config_.batch_entries_max, batch_bytes));
  }
}

void Replica::State::send_append(ServerId to, Position previous, const Hash& hash,
                                 std::vector<Entry> entries) {
  Peer& p = peer(to);
  if (entries.size() > config_.batch_entries_max) entries.resize(config_.batch_entries_max);
  peer::Append append;
  append.epoch = leader_epoch_;
  append.previous = previous;
  append.previous_hash = hash;
  append.commit = commit_;
  append.latest_view = log_.latest_view()->at;
  Batch batch;
  batch.last = entries.empty() ? previous.seq : entries.back().seq;
  for (const Entry& entry : entries) batch.bytes += entry.size_bytes();
  append.entries = std::move(entries);
  if (p.inflight.empty()) p.progress = now_;
  p.next = batch.last.next();
  p.announced = true;
  if (p.inflight.size() < config_.inflight_batches_max) p.inflight.push_back(batch);
  send(to, std::move(append));
}

// An Append or its Ack may be lost at any time. A peer that says it holds what was sent is only
// waiting for its disk.
void Replica::State::resend_if_silent(ServerId to) {
  Peer& p = peer(to);
  if (p.inflight.empty() || now_.value - p.progress.value < config_.timers.resend_after) return;
  const bool holds_it =
      p.matched && p.last.epoch == leader_epoch_ && p.last.seq >= p.inflight.back().last;
  if (holds_it) return;
  p.inflight.clear();
  p.next = std::max(p.match, p.received).next();
  if (!p.matched) p.next = std::min(p.next, log_.last().seq.next());
  p.announced = false;
}

void Replica::State::rewind(ServerId to, const Position& common) {
  Peer& p = peer(to);
  p.inflight.clear();
  p.reading = false;
  p.matched = false;
  p.match = Seq{};
  p.received = Seq{};
  p.next = common.seq.next();
  p.announced = false;
}

void Replica::State::on_message(ServerId from, peer::Ack& m) {
  if (!leads() || m.epoch != leader_epoch_) return;
  if (m.durable > m.received || m.received > log_.last().seq) return;
  Peer& p = peer(from);
  p.matched = true;
  if (m.received < p.received) {
    // It had forgotten this leader and follows anew: what it holds must be proved to it again.
    p.inflight.clear();
    p.received = p.match;
    p.next = p.match.next();
    p.announced = false;
  }
  if (m.durable > p.match || m.received > p.received) p.progress = now_;
  p.match = std::max(p.match, m.durable);
  p.received = std::max(p.received, m.received);
  while (!p.inflight.empty() && p.inflight.front().last <= p.received) p.inflight.pop_front();
  p.next = std::max(p.next, p.received.next());
}

void Replica::State::on_message(ServerId from, peer::Reject& m) {
  if (!leads() || m.epoch != leader_epoch_) return;
  Peer& p = peer(from);
  Position common = log_.at_or_below(m.hint);
  // An old Reject must not take it forward, nor below what is proved.
  if (common.seq < p.match) return;
  rewind(from, common);
}

void Replica::State::on_message(ServerId from, peer::Nack& m) {
  observe_epoch(m.promised);
  if (takeover_) {
    if (takeover_->phase != Takeover::Phase::ask && m.promised > takeover_->epoch) {
      quiet_until_ = clock_ms(now_.value + 100 + 100 * config_.self.value);
      abandon_takeover("server " + std::to_string(from.value) + " has promised a later epoch");
    } else if (takeover_->phase == Takeover::Phase::prepare && m.promised == takeover_->epoch) {
      takeover_->nacked.insert(from);  // its disk is stuck: it counts as failed
    }
    return;
  }
  if (!leads() || m.promised <= leader_epoch_ || m.promised.counter > epoch_counter_max) return;
  depose("server " + std::to_string(from.value) + " has promised a later epoch");
  if (!stopped_ && !disk_full_ && !lost_disk_) start_takeover(Reason::deposed);
}

// Operations of a suffix that was written elsewhere: those that are new here become merged ones.
void Replica::State::on_message(ServerId from, peer::Offer& m) {
  if (!leads() || m.epoch != leader_epoch_ || !tables_ready_) return;
  std::vector<Entry> merged;
  std::set<RequestId> fresh;
  for (const Entry& offered : m.operations) {
    if (offered.kind == EntryKind::view) continue;
    if (find_request(offered.request) && !mutant("merge-what-is-there")) continue;
    if (!fresh.insert(offered.request).second) continue;
    Result<Entry> entry = make_merged_entry(offered, m.fork);
    if (!entry) {
      note(NoteLevel::warning,
           "server " + std::to_string(from.value) +
               " offers an operation that does not decode: " + entry.error().text);
      continue;
    }
    merged.push_back(std::move(*entry));
  }
  if (merged.empty()) return;
  note(NoteLevel::info, "merging " + std::to_string(merged.size()) +
                            " operations that only server " + std::to_string(from.value) + " had");
  append_as_leader(std::move(merged));
}

// ---- commit

void Replica::State::set_commit(Seq commit) {
  CHAT262_CHECK(commit > commit_ && commit <= log_.last().seq);
  if (leads()) {
    for (Seq s = commit_.next(); s <= commit; s = s.next()) {
      const Entry* entry = log_.find(s);
      CHAT262_CHECK(entry != nullptr);
      if (entry->kind != EntryKind::view) uncommitted_.erase(entry->request);
    }
  } else {
    actions_->push_back(Apply{commit});
  }
  commit_ = commit;
  actions_->push_back(Committed{commit});
}

void Replica::State::advance_commit() {
  if (commit_held()) return;
  const bool old_view = mutant("commit-by-the-old-view") && log_.views().size() > 1;
  const PlacedView& view = old_view ? *(log_.views().end() - 2) : *log_.latest_view();
  Seq lowest = mutant("commit-before-own-write") ? log_.last().seq : durable_;
  for (const Member& member : view.view.members) {
    if (mutant("answer-before-followers-are-durable")) break;
    if (member.server != config_.self) lowest = std::min(lowest, peer(member.server).match);
  }
  if (rule('c') && lowest < first_view_) return;
  if (lowest <= commit_) return;
  // Members learn from the commit of a view that they are in-sync: tell them at once.
  const bool commits_view = commit_ < view.at.seq && lowest >= view.at.seq;
  set_commit(lowest);
  if (commits_view) {
    in_sync_ = true;
    if (lost_disk_) {
      lost_disk_ = false;
      Persist write;
      write.identity = std::pair{incarnation_, false};
      persist(std::move(write));
    }
    each_peer([](ServerId, Peer& p) { p.announced = false; });
  }
}

bool Replica::State::lease_valid(Clock now) const {
  if (mutant("serve-without-lease")) return true;
  for (const Member& member : log_.latest_view()->view.members) {
    if (member.server == config_.self) continue;
    const std::int64_t sent = peer(member.server).lease_sent_ms;
    if (sent < 0 || now.value - sent >= config_.timers.lease) return false;
  }
  return true;
}

// ---- views

bool Replica::State::member_failed(const Member& member) const {
  if (member.server == config_.self) return false;
  const Peer& p = peer(member.server);
  // Heard, but it does not hear us, or cannot answer.
  const std::int64_t acked = std::max({p.lease_sent_ms, leading_since_.value, p.admitted.value});
  if (leads() && now_.value - acked > 4 * config_.timers.suspect_after) return true;
  return suspected(member.server) || p.incarnation != member.incarnation ||
         p.beat.health == peer::Health::full || p.beat.health == peer::Health::stalled;
}

std::vector<ServerId> Replica::State::blocked_by() const {
  std::vector<ServerId> result;
  for (const Member& member : log_.latest_view()->view.members) {
    if (member.server != config_.self && suspected(member.server)) result.push_back(member.server);
  }
  return result;
}

// Nobody may follow a leader that cannot commit: it stops calling itself one.
bool Replica::State::blocked_for_long() const {
  std::set<ServerId> stay;
  bool failed = false;
  bool long_enough = true;
  for (const Member& member : log_.latest_view()->view.members) {
    if (!member_failed(member)) {
      stay.insert(member.server);
      continue;
    }
    const Peer& p = peer(member.server);
    const std::int64_t acked = std::max({p.lease_sent_ms, leading_since_.value, p.admitted.value});
    failed = true;
    long_enough = long_enough && now_.value - acked > 4 * config_.timers.suspect_after;
  }
  return failed && long_enough && !may_go_on(stay);
}

void Replica::State::consider_view() {
  std::set<ServerId> failed;
  for (const Member& member : log_.latest_view()->view.members) {
    if (member_failed(member)) failed.insert(member.server);
  }
  if (failed.empty()) {
    if (first_view_committed()) admit_learners();
    return;
  }
  if (!first_view_committed() && rule('n')) {
    // Before its first view is committed a leader drops nobody: it asks again who is there.
    depose("a member of the first view has failed before it was committed");
    start_takeover(Reason::deposed);
    if (takeover_) begin_prepare();
    return;
  }
  drop_members(failed);
}

void Replica::State::drop_members(const std::set<ServerId>& drop) {
  const std::vector<Member> members = log_.latest_view()->view.members;
  std::set<ServerId> stay;
  std::set<ServerId> failing;  // in this very life
  for (const Member& member : members) {
    if (!drop.contains(member.server)) {
      stay.insert(member.server);
    } else if (peer(member.server).incarnation == member.incarnation) {
      failing.insert(member.server);
    }
  }
  if (!may_go_on(stay)) {
    // Too few would be left: who has caught up takes the place of who failed, in the same view.
    each_peer([&](ServerId id, Peer& p) {
      if (stay.contains(id) || failing.contains(id) || suspected(id) || !p.knows_me) return;
      const bool near = p.matched && log_.last().seq.value - p.match.value <= small_gap();
      if (near && p.beat.health == peer::Health::able) stay.insert(id);
    });
    if (!may_go_on(stay)) return;
  }
  std::set<ServerId> may_live;
  for (ServerId id : drop) {
    Peer& p = peer(id);
    p.restarted_since_drop = !failing.contains(id);
    const bool was_long_in = now_.value - p.admitted.value > 60'000;
    p.backoff_ms = was_long_in ? 250 : std::clamp<std::int64_t>(p.backoff_ms * 2, 250, 16'000);
    p.admit_after = clock_ms(now_.value + (p.restarted_since_drop ? 0 : p.backoff_ms));
    if (failing.contains(id) && !proved_dead(id)) may_live.insert(id);
  }
  for (ServerId id : stay) {
    if (id != config_.self && !log_.latest_view()->view.has(id)) peer(id).admitted = now_;
  }
  append_view(view_of(stay));
  hold_commit(may_live);
}

void Replica::State::admit_learners() {
  const PlacedView& view = *log_.latest_view();
  if (view.at.seq > commit_) return;  // one change at a time
  std::set<ServerId> members;
  for (const Member& member : view.view.members) members.insert(member.server);
  const std::size_t before = members.size();
  each_peer([&](ServerId id, Peer& p) {
    if (members.contains(id) || suspected(id) || !p.knows_me || !p.matched) return;
    if (p.beat.health == peer::Health::full || p.beat.health == peer::Health::stalled) return;
    if (now_ < p.admit_after || (!rule('h') && !p.restarted_since_drop)) return;
    if (log_.last().seq.value - p.match.value > small_gap()) return;
    members.insert(id);
    p.admitted = now_;
  });
  if (members.size() > before) append_view(view_of(members));
}

// ---- giving up

void Replica::State::depose(const std::string& why) {
  CHAT262_CHECK(leads());
  note(NoteLevel::warning, "no longer leading: " + why);
  role_ = peer::Role::follower;
  leader_.reset();
  uncommitted_.clear();
  leads_by_force_ = false;
  hold_.reset();
  proved_ = Seq{};
  each_peer([](ServerId, Peer& p) {
    p.inflight.clear();
    p.lease_sent_ms = -1;
  });
  actions_->push_back(Deposed{});
}

// A fit server to lead next: named, or the first in the order.
std::optional<ServerId> Replica::State::successor(std::optional<ServerId> wanted) const {
  std::optional<ServerId> best;
  for (const Member& member : log_.latest_view()->view.members) {
    if (member.server == config_.self || member_failed(member)) continue;
    if (peer(member.server).beat.health != peer::Health::able) continue;
    if (wanted && member.server != *wanted) continue;
    if (!best || member.server < *best) best = member.server;
  }
  return best;
}

void Replica::State::step_down(peer::Farewell reason, std::optional<ServerId> to) {
  peer::Goodbye goodbye;
  goodbye.reason = reason;
  goodbye.epoch = leader_epoch_;
  goodbye.successor = successor(to);
  depose(reason == peer::Farewell::stopping ? "stopping" : "handing over");
  hinted_ = goodbye.successor;
  hinted_at_ = now_;
  quiet_until_ = clock_ms(now_.value + 1000);
  each_peer([&](ServerId id, Peer&) { send(id, goodbye); });
}

}  // namespace chat262::replica

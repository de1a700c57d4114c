// Taking over, second half: fetch what the freshest log has, append the view, lead.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

void Replica::State::begin_sync() {
  Takeover& t = *takeover_;
  t.fetched.clear();
  t.own = SuffixLoad{};
  t.fork_found = false;
  if (t.freshest == config_.self) {
    t.fetch_from = log_.last();
    take_lead();
    return;
  }
  t.phase = Takeover::Phase::fetch;
  t.fetch_from = log_.at_or_below(t.promises.at(t.freshest).last);
  send_fetch();
}

void Replica::State::send_fetch() {
  Takeover& t = *takeover_;
  t.sent = now_;
  send(t.freshest,
       peer::Fetch{t.epoch, t.fetched_to(), static_cast<std::uint32_t>(limits::batch_bytes_max)});
}

void Replica::State::on_message(ServerId from, peer::Fetch& m) {
  if (m.epoch != promised_ || m.epoch.server != from) return;
  if (!log_.contains(m.previous)) {
    send(from, peer::Entries{m.epoch, log_.at_or_below(m.previous), Hash{}, {}});
    return;
  }
  if (m.previous == log_.last()) {
    send(from, peer::Entries{m.epoch, m.previous, log_.last_hash(), {}});
    return;
  }
  PendingRead fetch;
  fetch.purpose = ReadPurpose::fetch;
  fetch.peer = from;
  fetch.epoch = m.epoch;
  fetch.previous = m.previous;
  fetch.bytes_max = std::min<std::size_t>(m.bytes_max, limits::batch_bytes_max);
  const Seq start = std::max(m.previous.seq, seq(1));
  if (log_.find(start) != nullptr) {
    serve_fetch(fetch,
                log_.slice(start, log_.last().seq, limits::batch_entries_max + 1, fetch.bytes_max));
  } else {
    read(start, log_.last().seq, fetch.bytes_max, fetch);
  }
}

// `from_previous` begins with the entry at fetch.previous, or with seq 1.
void Replica::State::serve_fetch(const PendingRead& fetch, std::vector<Entry> from_previous) {
  peer::Entries answer;
  answer.epoch = fetch.epoch;
  answer.previous = fetch.previous;
  if (fetch.previous.seq > Seq{}) {
    if (from_previous.empty() || from_previous.front().position() != fetch.previous) return;
    answer.previous_hash = from_previous.front().hash;
    from_previous.erase(from_previous.begin());
  }
  if (from_previous.empty()) {
    // One large entry filled the page: the next one alone.
    const Entry* next = log_.find(fetch.previous.seq.next());
    if (next != nullptr) from_previous.push_back(*next);
  }
  if (from_previous.size() > limits::batch_entries_max) {
    from_previous.resize(limits::batch_entries_max);
  }
  answer.entries = std::move(from_previous);
  send(fetch.peer, std::move(answer));
}

void Replica::State::on_message(ServerId from, peer::Entries& m) {
  if (!takeover_ || takeover_->phase != Takeover::Phase::fetch) return;
  Takeover& t = *takeover_;
  if (m.epoch != t.epoch || from != t.freshest) return;
  const Position goal = t.promises.at(t.freshest).last;
  if (!t.fork_found && m.previous != t.fetch_from) {
    if (!m.entries.empty()) return;
    const Position lower = log_.at_or_below(m.previous);
    if (lower.seq >= t.fetch_from.seq) return;  // an answer to an earlier question
    t.fetch_from = lower;
    send_fetch();
    return;
  }
  if (m.previous != t.fetched_to()) return;
  if (!t.fork_found) {
    const std::optional<Hash> ours = log_.hash_at(m.previous.seq);
    if (ours && *ours != m.previous_hash) {
      give_verdict({t.freshest}, "has a log whose hash differs from this server's");
      return;
    }
    t.fork_found = true;
    t.fork_hash = m.previous_hash;
  }
  const Hash before = t.fetched.empty() ? t.fork_hash : t.fetched.back().hash;
  const std::string flaw = MemoryLog::flaw(m.previous, before, m.entries);
  const bool beyond = !m.entries.empty() && m.entries.back().epoch >= t.epoch;
  if (!flaw.empty() || beyond) {
    note(NoteLevel::error, "entries fetched from server " + std::to_string(from.value) +
                               " refused: " + (beyond ? "a later epoch" : flaw));
    return;
  }
  for (Entry& entry : m.entries) t.fetched.push_back(std::move(entry));
  if (t.fetched_to() != goal) {
    if (!m.entries.empty()) send_fetch();
    return;
  }
  fetch_done();
}

// A suffix of our own that the fetched entries contradict is not lost: see take_lead().
void Replica::State::fetch_done() {
  Takeover& t = *takeover_;
  if (t.fetch_from.seq < log_.last().seq) {
    t.phase = Takeover::Phase::load_own;
    t.own.next = t.fetch_from.seq.next();
    t.own.to = log_.last().seq;
    t.own.entries.clear();
    if (!load(t.own, ReadPurpose::takeover)) return;
  }
  take_lead();
}

std::set<ServerId> Replica::State::new_members() const {
  const std::map<ServerId, peer::Promise> r = counted();
  const peer::Promise& freshest = r.at(takeover_->freshest);
  std::set<ServerId> members{config_.self};
  for (const auto& [id, promise] : r) {
    const bool near = promise.last.seq.value + small_gap() >= freshest.last.seq.value;
    const bool fit =
        promise.health == peer::Health::able || promise.health == peer::Health::rebuilding;
    if (mutant("lead-without-members")) continue;
    if ((promise.in_sync || near) && fit) members.insert(id);
  }
  if (takeover_->third_rule_only && rule('m')) {
    for (const Member& member : freshest.view.members) members.insert(member.server);
  }
  if (config_.policy == Policy::continues || takeover_->forced) return members;
  for (const auto& [id, promise] : r) {
    if (members.size() < majority_of(config_.servers)) members.insert(id);
  }
  return members;
}

// Who is not in the new view, and may live and count itself in.
std::set<ServerId> Replica::State::left_out(const std::set<ServerId>& members,
                                            const Takeover& takeover) const {
  std::set<ServerId> result;
  each_peer([&](ServerId id, const Peer& p) {
    const bool dead = p.refused && p.dead_at >= takeover.started;
    const bool aware = takeover.promises.contains(id) || dead;
    if (!members.contains(id) && !aware && !takeover.forced) result.insert(id);
  });
  return result;
}

void Replica::State::take_lead() {
  const std::set<ServerId> members = new_members();
  const std::set<ServerId> may_live = left_out(members, *takeover_);
  Takeover t = std::move(*takeover_);
  takeover_.reset();
  role_ = peer::Role::leader;
  leader_ = config_.self;
  leader_epoch_ = t.epoch;
  leader_heard_ = now_;
  leading_since_ = now_;
  verdict_.reset();
  wanted_.reset();
  chosen_ = false;
  forced_.reset();
  leads_by_force_ = t.forced;
  proved_ = Seq{};

  Persist write;
  const bool cuts = t.fetch_from != log_.last();
  std::set<RequestId> known;
  for (const Entry& entry : t.fetched) known.insert(entry.request);
  if (cuts) {
    write.cut_after = t.fetch_from.seq;
    cut_log(t.fetch_from, t.fork_hash);
    in_sync_ = false;
  }
  write.entries = std::move(t.fetched);
  for (const Entry& entry : write.entries) log_.append(entry);
  first_view_ = log_.last().seq.next();
  View view = view_of(members);
  view.forced = t.forced;
  write.entries.push_back(log_.append_new(leader_epoch_, make_view_entry(view)));
  for (const Entry& own : t.own.entries) {
    if (own.kind == EntryKind::view || known.contains(own.request)) continue;
    if (mutant("take-over-without-own-suffix")) continue;
    Result<Entry> merged = make_merged_entry(own, t.fetch_from);
    if (merged) write.entries.push_back(log_.append_new(leader_epoch_, std::move(*merged)));
  }
  uncommitted_.clear();
  for (Seq s = commit_.next(); s <= log_.last().seq; s = s.next()) {
    const Entry* entry = log_.find(s);
    CHAT262_CHECK(entry != nullptr);
    if (mutant("lose-request-ids-at-takeover")) continue;
    if (entry->kind != EntryKind::view) uncommitted_[entry->request] = entry->position();
  }
  each_peer([&](ServerId id, Peer& p) {
    const auto promise = t.promises.find(id);
    rewind(id, log_.at_or_below(promise != t.promises.end() ? promise->second.last : p.last));
    p.lease_sent_ms = -1;
  });
  std::string names;
  for (ServerId id : members) names += (names.empty() ? "" : ", ") + std::to_string(id.value);
  note(NoteLevel::info,
       "leading in epoch " + std::to_string(leader_epoch_.counter) + " with members " + names);
  if (!mutant("lose-request-ids-at-takeover")) actions_->push_back(Apply{log_.last().seq});
  if (cuts) {
    persist_cut(std::move(write));
  } else {
    persist(std::move(write));
  }
  hold_commit(may_live);
  next_heartbeat_ = now_;
  pump_all();
}

}  // namespace chat262::replica

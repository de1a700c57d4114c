// Following: what a leader sends is checked, written and acknowledged.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

void Replica::State::on_message(ServerId from, peer::Append& m) {
  if (m.epoch.server != from || m.epoch.counter > epoch_counter_max) return;
  if (m.epoch < promised_ && !mutant("follow-old-leaders")) {
    send(from, peer::Nack{promised_});
    return;
  }
  const bool too_new = !m.entries.empty() && m.entries.back().epoch > m.epoch;
  std::string flaw = too_new ? "an entry is of a later epoch than its leader"
                             : MemoryLog::flaw(m.previous, m.previous_hash, m.entries);
  if (!flaw.empty()) {
    note(NoteLevel::error,
         "entries from server " + std::to_string(from.value) + " refused: " + flaw);
    return;
  }
  follow(from, m.epoch);
  if (disk_full_) return;
  leader_commit_ = std::max(leader_commit_, m.commit);
  leader_view_ = m.latest_view;
  if (stage_ && !m.entries.empty() && m.previous == stage_->last()) {
    extend_stage(std::move(m.entries));
  } else if (!log_.contains(m.previous)) {
    if (!stage_) send(from, peer::Reject{m.epoch, log_.at_or_below(m.previous)});
  } else {
    accept(m);
  }
  advance_follower();
  if (writes_.empty()) acknowledge();
}

// The log holds m.previous: whatever follows it here is equal, new, or contradicts our own.
void Replica::State::accept(peer::Append& m) {
  const std::optional<Hash> hash = log_.hash_at(m.previous.seq);
  if (hash && *hash != m.previous_hash) {
    note(NoteLevel::error, "the hash at seq " + std::to_string(m.previous.seq.value) +
                               " differs from the leader's: this log or the leader's is damaged");
    return;
  }
  Position proved = m.previous;
  Hash proved_hash = m.previous_hash;
  auto fresh = m.entries.begin();
  while (fresh != m.entries.end() && log_.contains(fresh->position())) {
    proved = fresh->position();
    proved_hash = fresh->hash;
    ++fresh;
  }
  proved_ = std::max(proved_, proved.seq);
  if (fresh == m.entries.end()) return;
  std::vector<Entry> entries(std::make_move_iterator(fresh),
                             std::make_move_iterator(m.entries.end()));
  if (proved == log_.last()) {
    append_from_leader(std::move(entries));
  } else {
    begin_stage(proved, proved_hash, std::move(entries));
  }
}

void Replica::State::append_from_leader(std::vector<Entry> entries) {
  Persist write;
  for (const Entry& entry : entries) log_.append(entry);
  write.entries = std::move(entries);
  proved_ = log_.last().seq;
  std::vector<AfterWrite> after = regain_disk(write);
  persist(std::move(write), std::move(after));
  if (mutant("follower-applies-uncommitted")) actions_->push_back(Apply{log_.last().seq});
  leave_sync_if_dropped();
}

// A log that reaches to a view which names this life of ours lacks nothing that any earlier life
// had acknowledged: with that very write the disk counts again.
std::vector<AfterWrite> Replica::State::regain_disk(Persist& write) const {
  if (!lost_disk_) return {};
  const Member self{config_.self, incarnation_};
  for (const PlacedView& placed : log_.views()) {
    const std::vector<Member>& members = placed.view.members;
    if (std::find(members.begin(), members.end(), self) == members.end()) continue;
    write.identity = std::pair{incarnation_, false};
    return {AfterWrite{AfterWrite::What::found, {}, {}}};
  }
  return {};
}

void Replica::State::leave_sync_if_dropped() {
  const PlacedView* view = log_.latest_view();
  const Member self{config_.self, incarnation_};
  if (view == nullptr || std::find(view->view.members.begin(), view->view.members.end(), self) ==
                             view->view.members.end()) {
    in_sync_ = false;
  }
}

// In-sync: the leader said which view is its latest, we hold that very view, this life of us is a
// member of it, and we know it committed.
void Replica::State::update_in_sync(const Position& leaders_view) {
  if (leads()) return;
  const PlacedView* placed = rule('i') ? log_.view_at(leaders_view) : log_.latest_view();
  // What is committed and not on our disk was committed without us.
  const bool left_out =
      leader_commit_ > durable_ || (placed == nullptr && leader_commit_ >= leaders_view.seq);
  if (rule('i') && hears_leader() && left_out && leaders_view != Position{}) in_sync_ = false;
  if (in_sync_ || stopped_) return;
  if (config_.policy == Policy::proof && rule('p') && others_may_go_on()) return;
  if (placed == nullptr || placed->at.seq > proved_) return;
  const Member self{config_.self, incarnation_};
  const std::vector<Member>& members = placed->view.members;
  if (std::find(members.begin(), members.end(), self) == members.end()) return;
  if (rule('k') ? commit_ < placed->at.seq : durable_ < placed->at.seq) return;
  in_sync_ = true;
  note(NoteLevel::info, "in-sync with server " + std::to_string(leader_->value));
  if (lost_disk_) {
    lost_disk_ = false;
    Persist write;
    write.identity = std::pair{incarnation_, false};
    persist(std::move(write));
  }
}

void Replica::State::advance_follower() {
  const Seq known = std::min(leader_commit_, std::min(proved_, durable_));
  if (known > commit_) set_commit(known);
  update_in_sync(leader_view_);
}

void Replica::State::acknowledge() {
  if (promised_durable_ < leader_epoch_) return;  // the write under way will come back here
  peer::Ack ack;
  ack.epoch = leader_epoch_;
  ack.durable = rule('a') ? std::min(proved_, durable_) : durable_;
  if (mutant("acknowledge-before-the-write")) ack.durable = proved_;
  ack.received = std::max(ack.durable, stage_ ? stage_->last().seq : proved_);
  send(*leader_, ack);
}

}  // namespace chat262::replica

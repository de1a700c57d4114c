// No log ever loses an operation: a suffix is replaced only by entries that contain every operation
// of it, and cut and replacement are one durable write.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

void Replica::State::begin_stage(const Position& fork, const Hash& fork_hash,
                                 std::vector<Entry> entries) {
  if (stage_ && stage_->fork == fork) {
    if (entries.back().seq <= stage_->last().seq) return;  // sent again
    stage_->entries.clear();
    extend_stage(std::move(entries));
    return;
  }
  note(NoteLevel::warning, "this log has entries after seq " + std::to_string(fork.seq.value) +
                               " that the leader's log has not");
  stage_ = Stage{};
  stage_->fork = fork;
  stage_->fork_hash = fork_hash;
  stage_->entries = std::move(entries);
  stage_->own.next = fork.seq.next();
  stage_->own.to = log_.last().seq;
  if (load(stage_->own, ReadPurpose::stage)) stage_loaded();
}

void Replica::State::stage_loaded() {
  stage_->loaded = true;
  for (const Entry& entry : stage_->own.entries) {
    if (entry.kind != EntryKind::view) stage_->missing.insert(entry.request);
  }
  for (const Entry& entry : stage_->entries) stage_->missing.erase(entry.request);
  try_replace();
}

void Replica::State::extend_stage(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    stage_->missing.erase(entry.request);
    stage_->entries.push_back(std::move(entry));
  }
  try_replace();
}

// One page at a time: the next one when the leader has sent all of this one back in its entries.
void Replica::State::offer_missing() {
  if (!stage_->loaded || stage_->missing.empty() || !hears_leader()) return;
  const bool waiting =
      std::any_of(stage_->offered.begin(), stage_->offered.end(),
                  [this](const RequestId& id) { return stage_->missing.contains(id); });
  if (waiting && now_.value - stage_->offered_at.value < config_.timers.resend_after) return;
  peer::Offer offer;
  offer.epoch = leader_epoch_;
  offer.fork = stage_->fork;
  stage_->offered.clear();
  std::size_t bytes = 0;
  for (const Entry& entry : stage_->own.entries) {
    if (entry.kind == EntryKind::view || !stage_->missing.contains(entry.request)) continue;
    bytes += entry.size_bytes();
    const bool page_full =
        offer.operations.size() >= limits::batch_entries_max || bytes > limits::batch_bytes_max;
    if (page_full && !offer.operations.empty()) break;
    stage_->offered.insert(entry.request);
    offer.operations.push_back(entry);
  }
  stage_->offered_at = now_;
  send(*leader_, std::move(offer));
}

void Replica::State::try_replace() {
  const bool cut_anyway = mutant("cut-without-replacement");
  if (!stage_->loaded || (!stage_->missing.empty() && !cut_anyway) || disk_full_) return;
  if (!rule('G') && leader_commit_ < stage_->last().seq) return;
  Stage stage = std::move(*stage_);
  stage_.reset();
  note(NoteLevel::info, "replacing " + std::to_string(stage.own.entries.size()) +
                            " entries after seq " + std::to_string(stage.fork.seq.value) +
                            " by the leader's");
  Persist write;
  write.cut_after = stage.fork.seq;
  cut_log(stage.fork, stage.fork_hash);
  if (!rule('g')) {
    persist_cut(std::move(write));
    write = Persist{};
  }
  write.entries = stage.entries;
  for (Entry& entry : stage.entries) log_.append(std::move(entry));
  proved_ = log_.last().seq;
  std::vector<AfterWrite> after = regain_disk(write);
  persist_cut(std::move(write), std::move(after));
  leave_sync_if_dropped();
}

}  // namespace chat262::replica

// Durable writes, in order, and what waits for them; reads of what is no longer in memory.
#include <algorithm>

#include "broker/replica/state.hpp"

namespace chat262::replica {

// To be called when log_ is as it will be after the write.
std::uint64_t Replica::State::persist(Persist write, std::vector<AfterWrite> after) {
  // A promise that failed to be written goes with the next write: no entry may precede it.
  const bool promise_under_way =
      std::any_of(writes_.begin(), writes_.end(),
                  [this](const PendingWrite& pending) { return pending.promised == promised_; });
  if (promised_ > promised_durable_ && !promise_under_way) write.promised = promised_;
  write.id = next_write_++;
  write.commit =
      mutant("commit-hint-too-high") ? log_.last().seq : std::min(commit_, log_.last().seq);
  hint_ = write.commit;
  PendingWrite pending;
  pending.id = write.id;
  pending.last = log_.last().seq;
  pending.still_ours = pending.last;
  pending.promised = write.promised.value_or(Epoch{});
  pending.issued = now_;
  pending.after = std::move(after);
  writes_.push_back(std::move(pending));
  actions_->push_back(std::move(write));
  return writes_.back().id;
}

void Replica::State::cut_log(const Position& fork, const Hash& hash) {
  uncut_ = Uncut{log_, commit_, fork.seq};
  log_.cut_after(fork, hash);
  for (PendingWrite& write : writes_) write.still_ours = std::min(write.still_ours, fork.seq);
  durable_ = std::min(durable_, fork.seq);
  commit_ = std::min(commit_, fork.seq);
  actions_->push_back(Revert{fork.seq});
}

void Replica::State::persist_cut(Persist write, std::vector<AfterWrite> after) {
  persist(std::move(write), std::move(after));
  writes_.back().uncut = std::move(uncut_);
  uncut_.reset();
}

void Replica::State::on(const Persisted& input) {
  while (!writes_.empty() && writes_.front().id <= input.id) {
    PendingWrite write = std::move(writes_.front());
    writes_.pop_front();
    write_done(write);
  }
  if (role_ == peer::Role::follower && hears_leader()) {
    advance_follower();
    acknowledge();
  }
}

void Replica::State::write_done(PendingWrite& write) {
  disk_last_ = write.last;
  durable_ = std::max(durable_, write.still_ours);
  promised_durable_ = std::max(promised_durable_, write.promised);
  for (const AfterWrite& after : write.after) carry_out(after);
}

void Replica::State::carry_out(const AfterWrite& after) {
  switch (after.what) {
    case AfterWrite::What::promise:
      if (after.epoch == promised_) {
        send_promise(after.to);
      }
      return;
    case AfterWrite::What::prepare:
      if (takeover_ && takeover_->epoch == after.epoch) {
        takeover_->phase = Takeover::Phase::prepare;
        takeover_->prepare_started = now_;
        send_prepare();
      }
      return;
    case AfterWrite::What::found:
      founding_ = false;
      lost_disk_ = false;
      return;
    case AfterWrite::What::hello:
      each_peer([this](ServerId id, Peer&) { say_hello(id); });
      return;
  }
}

// Nothing from this write on is on disk: go back to what is. The caller's disk is full.
void Replica::State::on(const PersistFailed& input) {
  disk_full_ = true;
  if (leads()) step_down(peer::Farewell::handover, std::nullopt);
  if (takeover_) abandon_takeover("the disk is full");
  Seq equal_to = log_.last().seq;  // what was applied is equal to the log on disk up to here
  while (!writes_.empty() && writes_.back().id >= input.id) {
    if (const std::optional<Uncut>& uncut = writes_.back().uncut) {
      log_ = uncut->log;
      commit_ = std::max(commit_, uncut->commit);
      equal_to = std::min(equal_to, uncut->fork);
    }
    writes_.pop_back();
  }
  CHAT262_CHECK(writes_.empty());  // earlier ones have completed: they do so in order
  durable_ = std::min(disk_last_, log_.last().seq);
  if (durable_ < log_.last().seq) {
    const std::optional<Hash> hash = log_.hash_at(durable_);
    CHAT262_CHECK(hash.has_value());
    log_.cut_after(log_.position_at(durable_), *hash);
    in_sync_ = false;
  }
  commit_ = std::min(commit_, log_.last().seq);
  proved_ = Seq{};
  stage_.reset();
  actions_->push_back(Revert{std::min(equal_to, log_.last().seq)});
  actions_->push_back(Apply{commit_});
  actions_->push_back(Committed{commit_});
  note(NoteLevel::error, "a log write failed: the disk is full; nothing after seq " +
                             std::to_string(log_.last().seq.value) + " was kept");
}

// Who reads the log from outside stops at the commit hint: it must not stay behind for long.
// Nor must a promise that failed to be written, which needs no room.
void Replica::State::persist_hint() {
  const bool hint = hint_ < commit_ && !disk_full_;
  if (writes_.empty() && (hint || promised_durable_ < promised_)) persist(Persist{});
}

void Replica::State::read(Seq from, Seq to, std::size_t bytes_max, PendingRead purpose) {
  const std::uint64_t id = next_read_++;
  reads_.emplace(id, purpose);
  actions_->push_back(ReadLog{id, from, to, bytes_max});
}

bool Replica::State::load(SuffixLoad& load, ReadPurpose purpose) {
  while (load.next <= load.to) {
    const Entry* entry = log_.find(load.next);
    if (entry == nullptr) {
      PendingRead pending;
      pending.purpose = purpose;
      read(load.next, load.to, limits::batch_bytes_max, pending);
      return false;
    }
    load.entries.push_back(*entry);
    load.next = load.next.next();
  }
  return true;
}

void Replica::State::on(LogRead& input) {
  const auto it = reads_.find(input.id);
  if (it == reads_.end()) return;
  const PendingRead pending = it->second;
  reads_.erase(it);
  // A cut may be under way: what the disk still had is not our log any more.
  const auto cut = std::find_if(input.entries.begin(), input.entries.end(),
                                [this](const Entry& e) { return !log_.contains(e.position()); });
  const bool stale = cut != input.entries.end();
  input.entries.erase(cut, input.entries.end());
  if (input.entries.empty() && !stale) {
    note(NoteLevel::error, "a range of the log could not be read");
  }

  const auto continue_load = [&](SuffixLoad& own) {
    if (input.entries.empty() || input.entries.front().seq != own.next) return false;
    for (Entry& entry : input.entries) {
      if (entry.seq != own.next || own.next > own.to) break;
      own.entries.push_back(std::move(entry));
      own.next = own.next.next();
    }
    return load(own, pending.purpose);
  };

  switch (pending.purpose) {
    case ReadPurpose::stream: {
      Peer& p = peer(pending.peer);
      p.reading = false;
      if (!leads() || pending.epoch != leader_epoch_ || input.entries.empty()) return;
      Hash hash{};
      if (pending.previous.seq > Seq{}) {
        if (input.entries.front().position() != pending.previous) return;
        hash = input.entries.front().hash;
        input.entries.erase(input.entries.begin());
      }
      // Meanwhile it may have been sent back to another place.
      if (p.next != pending.previous.seq.next() || input.entries.empty()) return;
      send_append(pending.peer, pending.previous, hash, std::move(input.entries));
      return;
    }
    case ReadPurpose::fetch:
      if (pending.epoch == promised_ && !input.entries.empty()) {
        serve_fetch(pending, std::move(input.entries));
      }
      return;
    case ReadPurpose::stage:
      if (stage_ && !stage_->loaded && continue_load(stage_->own)) stage_loaded();
      return;
    case ReadPurpose::takeover:
      if (takeover_ && takeover_->phase == Takeover::Phase::load_own &&
          continue_load(takeover_->own)) {
        take_lead();
      }
      return;
  }
}

}  // namespace chat262::replica

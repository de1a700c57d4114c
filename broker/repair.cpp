#include "broker/repair.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::Clock;
using replica::clock_ms;

void Repair::damaged(Seq at, Clock now) {
  if (waiting_.contains(at) || later_.contains(at) || (job_ && job_->at == at)) return;
  if (waiting_.size() >= limits::repairs_waiting_max) {
    ++figures_.passed_over;
    return;
  }
  host_.note(replica::NoteLevel::warning,
             fmt::format("entry {} of the log is damaged: asking the other servers", at.value));
  waiting_.insert(at);
  start_next(now);
}

RepairFigures Repair::figures() const {
  RepairFigures figures = figures_;
  figures.found = figures.repaired + waiting_.size() + later_.size() + (job_ ? 1 : 0);
  return figures;
}

void Repair::start_next(Clock now) {
  if (job_ || waiting_.empty()) return;
  job_.emplace();
  job_->at = *waiting_.begin();
  waiting_.erase(waiting_.begin());
  job_->peer = self_.value;
  ask_another(now);
}

// The next server in the order, from the beginning with it.
void Repair::ask_another(Clock now) {
  job_->entries.clear();
  job_->bytes = 0;
  job_->previous = Hash{};
  if (job_->asked + 1 >= servers_) {
    give_up(now);
    return;
  }
  ++job_->asked;
  job_->peer = (job_->peer + 1) % servers_;
  ask(now);
}

void Repair::ask(Clock now) {
  const Seq from = job_->entries.empty() ? first_of(job_->at) : job_->entries.back().seq.next();
  const std::uint64_t count =
      job_->entries.empty() ? limits::repair_first_entries : limits::repair_entries_max;
  job_->deadline = clock_ms(now.value + limits::repair_answer_ms_max);
  host_.send_repair(server_id(job_->peer), peer::RepairAsk{from, seq(from.value + count - 1)});
}

void Repair::answer(ServerId from, peer::RepairAnswer&& answer, Clock now) {
  if (!job_ || job_->writing || from.value != job_->peer) return;
  const bool first = job_->entries.empty();
  if (answer.from != (first ? first_of(job_->at) : job_->entries.back().seq.next())) return;
  job_->leader_has_none = job_->leader_has_none || (first && answer.has_none);
  const bool follows = first || job_->entries.back().hash == answer.previous_hash;
  if (answer.entries.empty() || answer.entries.front().seq != answer.from || !follows) {
    job_->cannot.insert(from.value);
    ask_another(now);
    return;
  }
  if (first) job_->previous = answer.previous_hash;
  for (Entry& entry : answer.entries) {
    job_->bytes += entry.size_bytes();
    job_->entries.push_back(std::move(entry));
  }
  job_->writing = true;
  host_.write_repair(job_->previous, job_->entries);
}

void Repair::written(const RepairWritten& result, Clock now) {
  if (!job_ || !job_->writing) return;
  job_->writing = false;
  switch (result.outcome) {
    case RepairWritten::Outcome::written:
      figures_.repaired += result.records;
      host_.note(
          replica::NoteLevel::info,
          fmt::format("entry {} of the log is whole again: {} records written, from server {}",
                      job_->at.value, result.records, job_->peer));
      beyond_repair_.erase(job_->at);
      std::erase(figures_.open, job_->at);
      job_.reset();
      host_.repair_moved();
      start_next(now);
      return;
    case RepairWritten::Outcome::more_needed:
      if (job_->bytes < limits::repair_bytes_max) {
        ask(now);
        return;
      }
      break;
    case RepairWritten::Outcome::of_another_history:
      break;
    case RepairWritten::Outcome::no_room:  // no word against the peer's entries
      host_.note(replica::NoteLevel::error, "a repair finds no room: " + result.error);
      give_up(now);
      return;
    case RepairWritten::Outcome::failed:
      host_.note(replica::NoteLevel::error, "a repair cannot be written: " + result.error);
      give_up(now);
      return;
  }
  job_->cannot.insert(job_->peer);
  ask_another(now);
}

void Repair::give_up(Clock now) {
  const Seq at = job_->at;
  const bool final = job_->leader_has_none || job_->cannot.size() + 1 >= servers_;
  if (final) beyond_repair_.insert(at);
  const bool listed =
      std::find(figures_.open.begin(), figures_.open.end(), at) != figures_.open.end();
  if (!listed && figures_.open.size() < limits::repairs_shown_max) figures_.open.push_back(at);
  host_.note(replica::NoteLevel::error,
             fmt::format("entry {} of the log is damaged, and {}; trying again", at.value,
                         final ? "no other server has it whole"
                               : "not all other servers can be asked now"));
  later_[at] = clock_ms(now.value + limits::repair_again_ms);
  job_.reset();
  host_.repair_moved();
  start_next(now);
}

void Repair::tick(Clock now) {
  if (job_ && !job_->writing && job_->deadline <= now) ask_another(now);
  for (auto it = later_.begin(); it != later_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    waiting_.insert(it->first);
    it = later_.erase(it);
  }
  start_next(now);
}

std::optional<Clock> Repair::next_deadline() const {
  std::optional<Clock> next;
  if (job_ && !job_->writing) next = job_->deadline;
  for (const auto& [at, when] : later_) {
    if (!next || when < *next) next = when;
  }
  return next;
}

}  // namespace chat262::broker

#include "broker/waiters.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/server_limits.hpp"

namespace chat262::broker {

// ---- commits

void CommitWaiters::add(Waiting waiting) {
  // New ones depend on the newest entries: the place is at or near the end.
  auto place = waiting_.end();
  while (place != waiting_.begin() && std::prev(place)->depends_on > waiting.depends_on) --place;
  waiting_.insert(place, std::move(waiting));
}

void CommitWaiters::take_committed(Seq committed, std::vector<Waiting>& taken) {
  while (!waiting_.empty() && waiting_.front().depends_on <= committed) {
    taken.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void CommitWaiters::take_above(Seq seq, std::vector<Waiting>& taken) {
  while (!waiting_.empty() && waiting_.back().depends_on > seq) {
    taken.push_back(std::move(waiting_.back()));
    waiting_.pop_back();
  }
}

void CommitWaiters::take_expired(replica::Clock now, std::vector<Waiting>& taken) {
  const auto expired =
      std::stable_partition(waiting_.begin(), waiting_.end(),
                            [now](const Waiting& waiting) { return waiting.deadline > now; });
  std::move(expired, waiting_.end(), std::back_inserter(taken));
  waiting_.erase(expired, waiting_.end());
}

void CommitWaiters::take_all(std::vector<Waiting>& taken) {
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(taken));
  waiting_.clear();
}

// ---- events

EventWaiters::Added EventWaiters::add(const Waiting& waiting, std::size_t of_account_max) {
  if (count_ >= limits::event_waiters_max) return Added::too_many;
  auto& of_account = waiting_[waiting.account];
  if (of_account.size() >= of_account_max) return Added::too_many_of_account;
  of_account.push_back(waiting);
  deadlines_.insert(waiting.deadline);
  ++count_;
  return Added::yes;
}

void EventWaiters::touch(const store::Concerned& concerned) {
  if (count_ == 0) return;
  accounts_.insert(concerned.accounts.begin(), concerned.accounts.end());
  if (concerned.room) rooms_.insert(*concerned.room);
  rooms_.insert(concerned.more_rooms.begin(), concerned.more_rooms.end());
}

void EventWaiters::take_touched(const store::Tables& tables, std::vector<Waiting>& taken) {
  for (auto place = waiting_.begin(); place != waiting_.end();) {
    const auto here = place++;
    const auto& account = here->first;
    const bool concerned =
        accounts_.count(account) != 0 ||
        std::any_of(rooms_.begin(), rooms_.end(), [&tables, &account](const RoomId& room) {
          return tables.is_member(room, account);
        });
    if (concerned) take(here, taken);
  }
  accounts_.clear();
  rooms_.clear();
}

void EventWaiters::take_expired(replica::Clock now, std::vector<Waiting>& taken) {
  if (deadlines_.empty() || *deadlines_.begin() > now) return;
  for (auto place = waiting_.begin(); place != waiting_.end();) {
    auto& of_account = place->second;
    const auto expired =
        std::stable_partition(of_account.begin(), of_account.end(),
                              [now](const Waiting& waiting) { return waiting.deadline > now; });
    for (auto waiting = expired; waiting != of_account.end(); ++waiting) {
      deadlines_.erase(deadlines_.find(waiting->deadline));
      --count_;
      taken.push_back(*waiting);
    }
    of_account.erase(expired, of_account.end());
    place = of_account.empty() ? waiting_.erase(place) : std::next(place);
  }
}

void EventWaiters::take_all(std::vector<Waiting>& taken) {
  while (!waiting_.empty()) take(waiting_.begin(), taken);
  accounts_.clear();
  rooms_.clear();
}

std::optional<replica::Clock> EventWaiters::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return *deadlines_.begin();
}

void EventWaiters::take(std::map<AccountId, std::vector<Waiting>>::iterator where,
                        std::vector<Waiting>& taken) {
  for (const auto& waiting : where->second) {
    deadlines_.erase(deadlines_.find(waiting.deadline));
    --count_;
    taken.push_back(waiting);
  }
  waiting_.erase(where);
}

}  // namespace chat262::broker

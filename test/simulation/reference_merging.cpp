// What was known where a merged operation comes from, and what follows for names, messages and
// places: REPLICATION.md, "Merging".
#include <algorithm>

#include "test/simulation/reference_chat.hpp"

namespace chat262::test {

bool ReferenceChat::merged(Seq at) const {
  return log_[at.value - 1].kind == EntryKind::merged;
}

bool ReferenceChat::unknown_there(Seq fact) const {
  if (!merge_ || fact <= merge_->fork.seq) return false;
  const Position& first = first_[fact.value - 1];
  return first.epoch != merge_->from.epoch || first.seq >= merge_->from.seq;
}

bool ReferenceChat::password_unknown_there(const Account& account) const {
  const Seq fact = account.password_at;
  if (!unknown_there(fact)) return false;
  if (!merged(fact)) return true;
  const Position& first = first_[fact.value - 1];
  return first.epoch > merge_->from.epoch || first.seq >= merge_->from.seq;
}

bool ReferenceChat::deleted_unknown_there(const AccountId& account) const {
  const auto found = accounts_.find(account);
  return found != accounts_.end() && unknown_there(found->second.deleted_at);
}

bool ReferenceChat::left_unknown_there(const AccountId& account, const RoomId& room) const {
  const auto found = departures_.find({account, room});
  return found != departures_.end() && unknown_there(found->second);
}

// The names of a run are short enough for any end.
template <class Names>
std::string ReferenceChat::free_name(const Names& names, const std::string& taken, ByteView id) {
  static constexpr char digits[] = "0123456789abcdef";
  for (std::uint8_t attempt = 0;; ++attempt) {
    Bytes seed(id.begin(), id.end());
    seed.push_back(attempt);
    const Hash hash = hash_of(seed);
    std::string name = taken + "~";
    for (std::size_t i = 0; i < (attempt == 0 ? 4 : 8); ++i) {
      name += digits[hash.bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    }
    if (!names.contains(name)) return name;
  }
}
template std::string ReferenceChat::free_name(const std::map<std::string, AccountId>&,
                                              const std::string&, ByteView);
template std::string ReferenceChat::free_name(const std::map<std::string, RoomId>&,
                                              const std::string&, ByteView);

// Its deletion reaches a history in which messages to it were written meanwhile.
void ReferenceChat::lose_messages_to(const AccountId& account) {
  for (const auto& [with, its_seat] : seats_[account]) {
    const auto* other = std::get_if<AccountId>(&with);
    if (other == nullptr || *other == account) continue;
    for (const auto& [at, item] : timelines_[its_seat.id]) {
      if (item.who != *other || !unknown_there(at)) continue;
      undelivered_.insert(at);
      deletions_[account].undelivered.push_back(at);
      notices_[*other].insert(at_.seq);
    }
  }
}

// SCHEMA.md, "A cursor".
Seq ReferenceChat::resolve(const Position& cursor) const {
  if (const auto here = epochs_.find(cursor.epoch); here != epochs_.end()) {
    const bool latest = std::next(here) == epochs_.end();
    return latest ? cursor.seq : std::min(cursor.seq, here->second.second);
  }
  if (const auto fork = forks_.find(cursor.epoch); fork != forks_.end()) {
    return std::min(cursor.seq, fork->second);
  }
  const auto later = epochs_.lower_bound(cursor.epoch);
  return later == epochs_.begin() ? Seq{} : std::prev(later)->second.first.previous();
}

// A marker of another history covers what came here from that history. It stops before the first
// message of somebody else that it does not cover.
Position ReferenceChat::read_place(const Seat& seat, const AccountId& account,
                                   const Position& upto) const {
  Seq place = resolve(upto);
  const bool ours = epochs_.contains(upto.epoch) && place == upto.seq;
  if (!ours && place.value > 0) {
    place = std::max(place, seat.read_upto.seq);
    static const Timeline empty;
    const auto found = timelines_.find(seat.id);
    const Timeline& timeline = found == timelines_.end() ? empty : found->second;
    for (auto item = timeline.upper_bound(place); item != timeline.end(); ++item) {
      const Position& first = first_[item->first.value - 1];
      if (merged(item->first) && first.epoch == upto.epoch && first.seq <= upto.seq) {
        place = item->first;
      } else if (item->second.kind == Item::Kind::message && item->second.who != account) {
        break;
      }
    }
  }
  place = std::min(place, at_.seq.previous());
  return place.value == 0 ? Position{} : log_[place.value - 1].position();
}

}  // namespace chat262::test

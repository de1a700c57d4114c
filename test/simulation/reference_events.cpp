// What events an account is told of.
#include <algorithm>

#include "protocol/limits.hpp"
#include "test/simulation/reference_chat.hpp"

namespace chat262::test {

reply::Events ReferenceChat::events(const AccountId& asker, const request::Events& request) const {
  reply::Events found;
  found.next = make_cursor(at_);
  if (!request.since) return found;
  const Seq since = std::min(resolve(read_cursor(*request.since).value_or(Position{})), at_.seq);
  std::set<Seq> places;
  if (const auto mine = seats_.find(asker); mine != seats_.end()) {
    for (const auto& [with, one] : mine->second) {
      const auto timeline = timelines_.find(one.id);
      if (timeline == timelines_.end()) continue;
      const auto& items = timeline->second;
      for (auto item = items.lower_bound(std::max(since.next(), one.since)); item != items.end();
           ++item) {
        places.insert(item->first);
      }
    }
  }
  if (const auto mine = notices_.find(asker); mine != notices_.end()) {
    places.insert(mine->second.upper_bound(since), mine->second.end());
  }
  std::size_t bytes = 0;
  std::size_t count = 0;
  Seq last = since;
  for (const Seq at : places) {
    if (count++ >= request.limit || bytes >= limits::page_bytes_max) break;
    add_events(asker, at, found, bytes);
    last = at;
  }
  const bool all = places.size() < request.limit && (places.empty() || last == *places.rbegin());
  if (!all && last.value > 0) found.next = make_cursor(log_[last.value - 1].position());
  return found;
}

// Where the asker first heard of the other by a message, or in a room of its sender.
Seq ReferenceChat::first_heard(const AccountId& asker, const op::SendMessage& sent) const {
  const auto* to = std::get_if<AccountId>(&sent.to);
  if (to != nullptr) return timelines_.at(direct_conversation(sent.from, *to)).begin()->first;
  const Seat& mine = *seat(asker, sent.to);
  for (const auto& [at, item] : timelines_.at(mine.id)) {
    if (at >= mine.since && item.who == sent.from && item.kind != Item::Kind::left) return at;
  }
  return {};
}

// What happened at one place, in the order in which it is told.
void ReferenceChat::add_events(const AccountId& asker, Seq at, reply::Events& events,
                               std::size_t& bytes) const {
  const Operation& operation = operation_at(at);
  const Cursor cursor = make_cursor(log_[at.value - 1].position());
  const auto add = [&](Event event) {
    const auto* told = std::get_if<Message>(&event);
    bytes += told != nullptr ? cost(*told) : 160;
    events.events.push_back(std::move(event));
  };
  const auto add_renamed = [&](TargetKind kind, const auto& who, bool self) {
    if (who.former.empty()) return;
    add(event::Renamed{cursor, operation.time, {kind, who.former}, who.name, self});
  };
  const auto entered = [&](const AccountId& account, const RoomId& id) {
    const Room& room = rooms_.at(id);
    const Account& who = accounts_.at(account);
    // Only what was merged can have met the old name.
    if (merged(at) && account == asker) add_renamed(TargetKind::room, room, false);
    if (merged(at) && account != asker) add_renamed(TargetKind::user, who, false);
    add(event::Joined{cursor, operation.time, room.name, who.name});
  };
  if (const auto* sent = std::get_if<op::SendMessage>(&operation.body)) {
    Message told = message(asker, at);
    const auto* to = std::get_if<AccountId>(&sent->to);
    const AccountId& other = to != nullptr && sent->from == asker ? *to : sent->from;
    if (merged(at) && other != asker && first_heard(asker, *sent) == at) {
      add_renamed(TargetKind::user, accounts_.at(other), false);
    }
    // One that stood here first was told with the deletion.
    const bool lost = told.late && told.undelivered && sent->from == asker;
    const event::Undelivered undelivered{cursor, told.time, told.id, told.conversation};
    add(std::move(told));
    if (lost) add(undelivered);
  } else if (const auto* made = std::get_if<op::Register>(&operation.body)) {
    add_renamed(TargetKind::user, accounts_.at(made->account), true);
  } else if (const auto* room = std::get_if<op::CreateRoom>(&operation.body)) {
    entered(room->account, room->room);
  } else if (const auto* join = std::get_if<op::JoinRoom>(&operation.body)) {
    entered(join->account, join->room);
  } else if (const auto* left = std::get_if<op::LeaveRoom>(&operation.body)) {
    add(event::Left{cursor, operation.time, rooms_.at(left->room).name,
                    accounts_.at(left->account).name});
  } else if (const auto* mark = std::get_if<op::MarkRead>(&operation.body)) {
    add(event::Read{cursor, shown(mark->conversation), make_cursor(mark->upto)});
  } else if (const auto* gone = std::get_if<op::DeleteAccount>(&operation.body)) {
    const Deletion& deletion = deletions_.at(gone->account);
    for (const RoomId& id : deletion.rooms) {
      if (seat(asker, id) == nullptr) continue;
      add(event::Left{cursor, operation.time, rooms_.at(id).name,
                      accounts_.at(gone->account).name});
    }
    for (const Seq lost : deletion.undelivered) {
      if (std::get<op::SendMessage>(operation_at(lost).body).from != asker) continue;
      const Message told = message(asker, lost);
      add(event::Undelivered{cursor, operation.time, told.id, told.conversation});
    }
  }
}

}  // namespace chat262::test

// What rooms, messages and read markers come to.
#include <algorithm>

#include "test/simulation/reference_chat.hpp"

namespace chat262::test {

void ReferenceChat::enter(const AccountId& account, const RoomId& room) {
  const ConversationId id = room_conversation(room);
  rooms_[room].members[accounts_[account].name] = account;
  seats_[account][room] = {.id = id, .read_upto = at_, .since = at_.seq};
  timelines_[id][at_.seq] = {Item::Kind::joined, account};
  departures_.erase({account, room});
}

void ReferenceChat::leave(const AccountId& account, const RoomId& room) {
  rooms_[room].members.erase(accounts_[account].name);
  timelines_[room_conversation(room)][at_.seq] = {Item::Kind::left, account};
  departures_[{account, room}] = at_.seq;
}

// Who was deleted meanwhile counts as having been there until then.
Status ReferenceChat::operator()(const op::CreateRoom& body) {
  const bool gone = deleted_unknown_there(body.account);
  if (!live(body.account) && !gone) return Status::not_signed_in;
  Room room{.name = body.name, .former = {}, .created_at = at_.seq, .members = {}};
  if (const RoomId* holder = room_named(body.folded)) {
    if (!unknown_there(rooms_.at(*holder).created_at)) return Status::name_taken;
    room.former = body.name;
    room.name = free_name(room_names_, body.name, body.room.bytes);
  }
  room_names_[room.name] = body.room;
  rooms_[body.room] = std::move(room);
  if (gone) {
    departures_[{body.account, body.room}] = accounts_.at(body.account).deleted_at;
  } else {
    enter(body.account, body.room);
  }
  return Status::ok;
}

Status ReferenceChat::operator()(const op::JoinRoom& body) {
  const bool gone = deleted_unknown_there(body.account);
  if (!live(body.account) && !gone) return Status::not_signed_in;
  if (!rooms_.contains(body.room)) return Status::no_such_room;
  if (gone) {
    departures_[{body.account, body.room}] = accounts_.at(body.account).deleted_at;
  } else if (seat(body.account, body.room) == nullptr) {
    enter(body.account, body.room);
  } else if (!merge_) {
    return Status::already_a_member;
  }
  return Status::ok;
}

Status ReferenceChat::operator()(const op::LeaveRoom& body) {
  if (left_unknown_there(body.account, body.room)) return Status::ok;
  if (!live(body.account)) return Status::not_signed_in;
  if (!rooms_.contains(body.room)) return Status::no_such_room;
  const Seat* mine = seat(body.account, body.room);
  if (mine == nullptr) return Status::not_a_member;
  notices_[body.account].erase(mine->notice);
  notices_[body.account].insert(at_.seq);
  leave(body.account, body.room);
  seats_[body.account].erase(body.room);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::SendMessage& body) {
  if (const auto* to = std::get_if<AccountId>(&body.to)) return send_to_user(body.from, *to);
  return send_to_room(body.from, std::get<RoomId>(body.to));
}

Status ReferenceChat::send_to_user(const AccountId& from, const AccountId& to) {
  if (!live(from) && !deleted_unknown_there(from)) return Status::not_signed_in;
  if (!live(to) && !deleted_unknown_there(to)) {
    // A sender who is gone is not told that the receiver has gone before.
    return live(from) || !accounts_.contains(to) ? Status::no_such_user : Status::ok;
  }
  const ConversationId id = direct_conversation(from, to);
  if (live(from)) seats_[from].try_emplace(to, Seat{.id = id});
  if (live(to)) seats_[to].try_emplace(from, Seat{.id = id});
  if (!live(from) && !live(to)) return Status::ok;
  timelines_[id][at_.seq] = {Item::Kind::message, from};
  if (!live(to)) undelivered_.insert(at_.seq);
  return Status::ok;
}

Status ReferenceChat::send_to_room(const AccountId& from, const RoomId& to) {
  if (seat(from, to) == nullptr && !left_unknown_there(from, to)) {
    if (!live(from)) return Status::not_signed_in;
    return rooms_.contains(to) ? Status::not_a_member : Status::no_such_room;
  }
  timelines_[room_conversation(to)][at_.seq] = {Item::Kind::message, from};
  return Status::ok;
}

Status ReferenceChat::operator()(const op::MarkRead& body) {
  if (!live(body.account)) return Status::not_signed_in;
  const auto* user = std::get_if<AccountId>(&body.conversation);
  const auto* room = std::get_if<RoomId>(&body.conversation);
  if (room != nullptr && left_unknown_there(body.account, *room)) return Status::ok;
  if (seat(body.account, body.conversation) == nullptr) {
    if (user != nullptr) return accounts_.contains(*user) ? Status::ok : Status::no_such_user;
    return rooms_.contains(*room) ? Status::not_a_member : Status::no_such_room;
  }
  Seat& mine = seats_[body.account][body.conversation];
  const Position upto = read_place(mine, body.account, body.upto);
  if (upto.seq <= mine.read_upto.seq) return Status::ok;
  mine.read_upto = upto;
  notices_[body.account].erase(mine.notice);
  notices_[body.account].insert(at_.seq);
  mine.notice = at_.seq;
  return Status::ok;
}

}  // namespace chat262::test

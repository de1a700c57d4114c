// Rooms, and who is in them.
#include "store/apply.hpp"

namespace chat262::store {

Status Applier::operator()(const op::CreateRoom& body) {
  const auto account = live_account(body.account);
  // A creator who was deleted meanwhile leaves the room to those who joined it.
  if (!account && !deleted_unknown_there(body.account)) return Status::not_signed_in;
  if (!schema::sound_name(body.name, body.folded)) return Status::bad_name;
  if (body.room.empty() || records_.get(schema::room_key(body.room).text())) {
    return Status::malformed;
  }
  RoomRecord room{.id = body.room, .name = body.name, .folded = body.folded, .former_name = {}};
  if (const auto taken = records_.get(schema::room_name_key(body.folded).text())) {
    // Two histories gave the same name: the one that is merged gets another.
    if (!surely_unknown_there(schema::read_holder<RoomId>(*taken).origin)) {
      return Status::name_taken;
    }
    const auto free =
        free_name(schema::Table::room_names, {body.name, body.folded}, body.room.bytes);
    if (!free) return Status::name_taken;
    room.former_name = room.name;
    room.name = free->shown;
    room.folded = free->folded;
  }
  records_.put(schema::room_name_key(room.folded).text(),
               schema::holder_value<RoomId>({body.room, origin_}).text());
  if (account) {
    enter_room(*account, std::move(room));
  } else {
    put_room(room);
    put_departure(body.room, body.account, deletion(body.account)->origin);
  }
  return Status::ok;
}

Status Applier::operator()(const op::JoinRoom& body) {
  const auto account = live_account(body.account);
  if (!account && !deleted_unknown_there(body.account)) return Status::not_signed_in;
  const auto stored = records_.get(schema::room_key(body.room).text());
  const auto room = stored ? schema::read_room(body.room, *stored) : std::nullopt;
  if (!room) return Status::no_such_room;
  if (!account) {  // what it wrote as a member stays
    put_departure(body.room, body.account, deletion(body.account)->origin);
    return Status::ok;
  }
  if (records_.get(schema::conversation_key(body.account, body.room).text())) {
    return merged_ ? Status::ok : Status::already_a_member;  // joined in both histories
  }
  enter_room(*account, *room);
  return Status::ok;
}

Status Applier::operator()(const op::LeaveRoom& body) {
  if (left_unknown_there(body.room, body.account)) return Status::ok;  // left in both histories
  const auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  if (!records_.get(schema::room_key(body.room).text())) return Status::no_such_room;
  const schema::Key key = schema::conversation_key(body.account, body.room);
  const auto seat = conversation(key);
  if (!seat) return Status::not_a_member;
  leave_room(*account, body.room, *seat);
  if (seat->notice.value != 0) {
    records_.remove(schema::notices_prefix(body.account).seq(seat->notice).text());
  }
  records_.remove(key.text());
  put_notice(body.account, schema::Notice::left);
  return Status::ok;
}

void Applier::put_departure(const RoomId& room, const AccountId& account,
                            const schema::Origin& origin) {
  records_.put(schema::departure_key(room, account).text(), schema::origin_value(origin).text());
}

void Applier::put_room(const RoomRecord& room) {
  records_.put(schema::room_key(room.id).text(), schema::room_value(room).text());
}

void Applier::enter_room(const AccountRecord& account, RoomRecord room) {
  ++room.members;
  const schema::Conversation seat{
      .id = room_conversation(room.id), .read_upto = at_, .since = at_.seq};
  put_room(room);
  records_.remove(schema::departure_key(room.id, account.id).text());
  schema::Value member;
  member.id(account.id);
  records_.put(schema::members_prefix(room.id).tail(account.folded).text(), member.text());
  put_conversation(schema::conversation_key(account.id, room.id), seat);
  add_item(seat.id, schema::Item::Kind::joined, account.id);
}

// The account's own record of the conversation is left to the caller.
void Applier::leave_room(const AccountRecord& account, const RoomId& room,
                         const schema::Conversation& seat) {
  const auto stored = records_.get(schema::room_key(room).text());
  auto record = stored ? schema::read_room(room, *stored) : std::nullopt;
  if (record && record->members > 0) {
    --record->members;
    put_room(*record);
  }
  put_departure(room, account.id, origin_);
  records_.remove(schema::members_prefix(room).tail(account.folded).text());
  add_item(seat.id, schema::Item::Kind::left, account.id);
}

}  // namespace chat262::store

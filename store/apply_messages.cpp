// Messages and read markers.
#include <algorithm>

#include "protocol/mutant.hpp"
#include "store/apply.hpp"

namespace chat262::store {

Status Applier::operator()(const op::SendMessage& body) {
  if (const auto* user = std::get_if<AccountId>(&body.to)) return send_to_user(body, *user);
  return send_to_room(body, std::get<RoomId>(body.to));
}

// An account that was deleted has no conversations: finding one shows that the sender is live.
Status Applier::send_to_user(const op::SendMessage& body, const AccountId& to) {
  const schema::Key mine = schema::conversation_key(body.from, to);
  auto known = conversation(mine);
  if (!known && life(body.from) != Life::live) {
    return deleted_unknown_there(body.from) ? send_of_deleted(body, to) : Status::not_signed_in;
  }
  const bool delivered = life(to) == Life::live;
  if (!delivered && !deleted_unknown_there(to)) return Status::no_such_user;
  if (!known) {
    known = schema::Conversation{.id = direct_conversation(body.from, to)};
    put_conversation(mine, *known);
    if (delivered) put_conversation(schema::conversation_key(to, body.from), *known);
  }
  add_item(known->id, delivered ? schema::Item::Kind::message : schema::Item::Kind::undelivered,
           body.from);
  return Status::ok;
}

// What the receiver saw of an account that was deleted elsewhere stays with the receiver, as all
// that the account wrote: without its text.
Status Applier::send_of_deleted(const op::SendMessage& body, const AccountId& to) {
  if (life(to) == Life::none) return Status::no_such_user;
  if (life(to) == Life::deleted) return Status::ok;  // nobody is left to see it
  const schema::Key theirs = schema::conversation_key(to, body.from);
  const schema::Conversation known =
      conversation(theirs).value_or(schema::Conversation{.id = direct_conversation(body.from, to)});
  put_conversation(theirs, known);
  add_item(known.id, schema::Item::Kind::message, body.from);
  return Status::ok;
}

Status Applier::send_to_room(const op::SendMessage& body, const RoomId& to) {
  const auto seat = conversation(schema::conversation_key(body.from, to));
  if (!seat) {
    if (left_unknown_there(to, body.from)) {  // was a member when it wrote this
      add_item(room_conversation(to), schema::Item::Kind::message, body.from);
      return Status::ok;
    }
    if (life(body.from) != Life::live) return Status::not_signed_in;
    return records_.get(schema::room_key(to).text()) ? Status::not_a_member : Status::no_such_room;
  }
  add_item(seat->id, schema::Item::Kind::message, body.from);
  return Status::ok;
}

Status Applier::operator()(const op::MarkRead& body) {
  if (life(body.account) != Life::live) return Status::not_signed_in;
  const auto* in_room = std::get_if<RoomId>(&body.conversation);
  if (in_room != nullptr && left_unknown_there(*in_room, body.account)) return Status::ok;
  const schema::Key key = schema::conversation_key(body.account, body.conversation);
  auto known = conversation(key);
  if (!known) {
    if (const auto* user = std::get_if<AccountId>(&body.conversation)) {
      // Nothing was said yet, so there is nothing to mark.
      return life(*user) == Life::none ? Status::no_such_user : Status::ok;
    }
    return records_.get(schema::room_key(*in_room).text()) ? Status::not_a_member
                                                           : Status::no_such_room;
  }
  // The marker may point at what is not there yet.
  const Seq upto = std::min(read_place(*known, body.account, body.upto), at_.seq.previous());
  if (upto <= known->read_upto.seq && !mutant("read-markers-go-back")) return Status::ok;
  known->read_upto = {epoch_at(upto), upto};
  if (known->notice.value != 0) {
    records_.remove(schema::notices_prefix(body.account).seq(known->notice).text());
  }
  known->notice = at_.seq;
  put_conversation(key, *known);
  put_notice(body.account, schema::Notice::read);
  return Status::ok;
}

std::optional<schema::Conversation> Applier::conversation(const schema::Key& key) const {
  const auto stored = records_.get(key.text());
  if (!stored) return std::nullopt;
  return schema::read_conversation(*stored);
}

void Applier::put_conversation(const schema::Key& key, const schema::Conversation& conversation) {
  records_.put(key.text(), schema::conversation_value(conversation).text());
}

void Applier::add_item(const ConversationId& conversation, schema::Item::Kind kind,
                       const AccountId& who) {
  schema::Item item{.kind = kind, .who = who};
  if (merged_) item.from = merged_->from;
  records_.put(schema::timeline_prefix(conversation).seq(at_.seq).text(),
               schema::item_value(item).text());
}

void Applier::put_notice(const AccountId& account, schema::Notice notice) {
  schema::Value value;
  value.u8(static_cast<std::uint8_t>(notice));
  records_.put(schema::notices_prefix(account).seq(at_.seq).text(), value.text());
}

// Of the entry at `at` in this history.
Epoch Applier::epoch_at(Seq at) const {
  const schema::Key prefix = schema::prefix(schema::Table::epochs);
  const schema::Key above = schema::epoch_key(at.next());
  const Scan scan = records_.scan(Direction::down, prefix.text(), above.text());
  records_.finish(scan);
  return scan.valid() ? Reader(scan.value()).epoch() : Epoch{};
}

}  // namespace chat262::store

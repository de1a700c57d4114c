// Accounts, sessions and rooms.
#include "protocol/limits.hpp"
#include "protocol/mutant.hpp"
#include "store/apply.hpp"

namespace chat262::store {

namespace {

bool sound_name(const std::string& name, const std::string& folded) {
  return !name.empty() && name.size() <= limits::name_bytes_max && !folded.empty() &&
         folded.size() <= limits::name_bytes_max;
}

}  // namespace

Status Applier::operator()(const op::Register& body) {
  if (!sound_name(body.name, body.folded)) return Status::bad_name;
  if (body.password_hash.size() > schema::password_hash_bytes_max || body.account.empty() ||
      life(body.account) != Life::none) {
    return Status::malformed;
  }
  const schema::Key name = schema::account_name_key(body.folded);
  if (records_.get(name.text())) return Status::name_taken;
  const AccountRecord record{.id = body.account,
                             .name = body.name,
                             .folded = body.folded,
                             .password_hash = body.password_hash,
                             .created = time_};
  records_.put(schema::account_key(body.account).text(), schema::account_value(record).text());
  schema::Value id;
  id.id(body.account);
  records_.put(name.text(), id.text());
  return Status::ok;
}

Status Applier::operator()(const op::OpenSession& body) {
  if (life(body.account) != Life::live) return Status::not_signed_in;
  // A token belongs to the one who made it.
  if (records_.get(schema::session_key(body.token_hash).text())) return Status::bad_argument;
  // Sessions that have expired are cleared away here, by the log's own time.
  for (const Hash& token : sessions_of(body.account)) {
    const auto stored = records_.get(schema::session_key(token).text());
    const auto session = stored ? schema::read_session(*stored) : std::nullopt;
    if (!session || session->expires <= time_) remove_session(body.account, token);
  }
  const SessionRecord record{.account = body.account, .expires = body.expires, .created = time_};
  records_.put(schema::session_key(body.token_hash).text(), schema::session_value(record).text());
  records_.put(schema::account_sessions_prefix(body.account).hash(body.token_hash).text(), {});
  return Status::ok;
}

Status Applier::operator()(const op::CloseSession& body) {
  const auto stored = records_.get(schema::session_key(body.token_hash).text());
  const auto session = stored ? schema::read_session(*stored) : std::nullopt;
  if (!session || session->account != body.account) return Status::not_signed_in;
  remove_session(body.account, body.token_hash);
  return Status::ok;
}

Status Applier::operator()(const op::CloseAllSessions& body) {
  if (life(body.account) != Life::live) return Status::not_signed_in;
  for (const Hash& token : sessions_of(body.account)) {
    remove_session(body.account, token);
    if (mutant("log-out-one-of-all")) break;
  }
  return Status::ok;
}

Status Applier::operator()(const op::ChangePassword& body) {
  auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  if (body.password_hash.size() > schema::password_hash_bytes_max) return Status::malformed;
  account->password_hash = body.password_hash;
  records_.put(schema::account_key(body.account).text(), schema::account_value(*account).text());
  for (const Hash& token : sessions_of(body.account)) {
    if (token != body.keep) remove_session(body.account, token);
  }
  return Status::ok;
}

// The name stays taken, the record stays as the author of what it wrote. The texts are hidden from
// now on by the flag, and erased from the log before this change is written to disk.
Status Applier::operator()(const op::DeleteAccount& body) {
  auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  for (const Hash& token : sessions_of(body.account)) remove_session(body.account, token);
  std::vector<RoomId> rooms;
  const schema::Key mine = schema::conversations_prefix(body.account);
  for (const std::string& tail : tails(mine)) {
    const auto with = schema::read_with(tail);
    const schema::Key key = schema::conversation_key(body.account, with);
    const auto seat = conversation(key);
    if (const auto* room = std::get_if<RoomId>(&with); room != nullptr && seat) {
      leave_room(*account, *room, *seat);
      rooms.push_back(*room);
    }
    records_.remove(key.text());
  }
  const schema::Key notices = schema::notices_prefix(body.account);
  for (const std::string& tail : tails(notices)) {
    records_.remove(schema::Key(notices).tail(tail).text());
  }
  account->deleted = true;
  account->password_hash.clear();
  records_.put(schema::account_key(body.account).text(), schema::account_value(*account).text());
  put_deletion(body.account, rooms);
  return Status::ok;
}

std::vector<Hash> Applier::sessions_of(const AccountId& account) const {
  std::vector<Hash> tokens;
  for (const std::string& tail : tails(schema::account_sessions_prefix(account))) {
    tokens.push_back(Reader(tail).hash());
  }
  return tokens;
}

void Applier::remove_session(const AccountId& account, const Hash& token) {
  records_.remove(schema::session_key(token).text());
  records_.remove(schema::account_sessions_prefix(account).hash(token).text());
}

// ---- rooms

Status Applier::operator()(const op::CreateRoom& body) {
  const auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  if (!sound_name(body.name, body.folded)) return Status::bad_name;
  if (body.room.empty() || records_.get(schema::room_key(body.room).text())) {
    return Status::malformed;
  }
  const schema::Key name = schema::room_name_key(body.folded);
  if (records_.get(name.text())) return Status::name_taken;
  schema::Value id;
  id.id(body.room);
  records_.put(name.text(), id.text());
  enter_room(*account, {.id = body.room, .name = body.name, .folded = body.folded});
  return Status::ok;
}

Status Applier::operator()(const op::JoinRoom& body) {
  const auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  const auto stored = records_.get(schema::room_key(body.room).text());
  const auto room = stored ? schema::read_room(body.room, *stored) : std::nullopt;
  if (!room) return Status::no_such_room;
  if (records_.get(schema::conversation_key(body.account, body.room).text())) {
    return Status::already_a_member;
  }
  enter_room(*account, *room);
  return Status::ok;
}

Status Applier::operator()(const op::LeaveRoom& body) {
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

void Applier::enter_room(const AccountRecord& account, RoomRecord room) {
  ++room.members;
  const schema::Conversation seat{
      .id = room_conversation(room.id), .read_upto = at_, .since = at_.seq};
  records_.put(schema::room_key(room.id).text(), schema::room_value(room).text());
  schema::Value member;
  member.id(account.id);
  records_.put(schema::members_prefix(room.id).tail(account.folded).text(), member.text());
  put_conversation(schema::conversation_key(account.id, room.id), seat);
  add_item(seat.id, Tables::ItemKind::joined, account.id);
}

// The account's own record of the conversation is left to the caller.
void Applier::leave_room(const AccountRecord& account, const RoomId& room,
                         const schema::Conversation& seat) {
  const schema::Key key = schema::room_key(room);
  const auto stored = records_.get(key.text());
  auto record = stored ? schema::read_room(room, *stored) : std::nullopt;
  if (record && record->members > 0) {
    --record->members;
    records_.put(key.text(), schema::room_value(*record).text());
  }
  records_.remove(schema::members_prefix(room).tail(account.folded).text());
  add_item(seat.id, Tables::ItemKind::left, account.id);
}

}  // namespace chat262::store

#include "store/schema.hpp"

#include "protocol/limits.hpp"

namespace chat262::store::schema {

Key conversation_key(const AccountId& account, const std::variant<AccountId, RoomId>& with) {
  Key key = conversations_prefix(account);
  key.u8(static_cast<std::uint8_t>(with.index()));
  std::visit([&key](const auto& id) { key.id(id); }, with);
  return key;
}

std::variant<AccountId, RoomId> read_with(std::string_view key_tail) {
  Reader reader(key_tail);
  if (reader.u8() == 0) return reader.id<AccountId>();
  return reader.id<RoomId>();
}

Value origin_value(const Origin& origin) {
  Value value;
  value.seq(origin.at).position(origin.from);
  return value;
}

Origin read_origin(std::string_view value) {
  Reader reader(value);
  Origin origin;
  origin.at = reader.seq();
  origin.from = reader.position();
  return origin;
}

// The flags come first: account_deleted() is asked for with every message.
Value account_value(const AccountRecord& record, const AccountPast& past) {
  Value value;
  value.u8(static_cast<std::uint8_t>((record.deleted ? 1 : 0) | (record.suspended ? 2 : 0)))
      .time(record.created)
      .string(record.name)
      .string(record.folded)
      .string(record.password_hash)
      .string(record.former_name)
      .tail(origin_value(past.password).text())
      .time(past.password_changed)
      .time(past.sessions_closed)
      .tail(origin_value(past.suspension).text());
  return value;
}

namespace {
constexpr std::size_t account_past_bytes = 8 + 17 + 8 + 8 + 8 + 17;
}

AccountPast read_account_past(std::string_view value) {
  AccountPast past;
  if (value.size() < account_past_bytes) return past;
  Reader reader(value.substr(value.size() - account_past_bytes));
  past.password.at = reader.seq();
  past.password.from = reader.position();
  past.password_changed = reader.time();
  past.sessions_closed = reader.time();
  past.suspension.at = reader.seq();
  past.suspension.from = reader.position();
  return past;
}

std::optional<AccountRecord> read_account(const AccountId& id, std::string_view value) {
  Reader reader(value);
  AccountRecord record;
  record.id = id;
  const std::uint8_t flags = reader.u8();
  record.deleted = (flags & 1U) != 0;
  record.suspended = (flags & 2U) != 0;
  record.created = reader.time();
  record.name = reader.string();
  record.folded = reader.string();
  record.password_hash = reader.string();
  record.former_name = reader.string();
  reader.skip(account_past_bytes);
  if (!reader.complete()) return std::nullopt;
  return record;
}

bool account_deleted(std::string_view value) {
  return value.empty() || (static_cast<std::uint8_t>(value.front()) & 1U) != 0;
}

bool sound_name(std::string_view shown, std::string_view folded) {
  return !shown.empty() && shown.size() <= limits::name_bytes_max && !folded.empty() &&
         folded.size() <= limits::name_bytes_max;
}

Value session_value(const SessionRecord& record) {
  Value value;
  value.id(record.account)
      .time(record.expires)
      .time(record.created)
      .string(record.address)
      .string(record.client);
  return value;
}

std::optional<SessionRecord> read_session(std::string_view value) {
  Reader reader(value);
  SessionRecord record;
  record.account = reader.id<AccountId>();
  record.expires = reader.time();
  record.created = reader.time();
  record.address = reader.string();
  record.client = reader.string();
  if (!reader.complete()) return std::nullopt;
  return record;
}

Value invitation_value(const InvitationRecord& record) {
  Value value;
  value.u32(record.uses).time(record.expires);
  return value;
}

std::optional<InvitationRecord> read_invitation(std::string_view value) {
  Reader reader(value);
  InvitationRecord record;
  record.uses = reader.u32();
  record.expires = reader.time();
  if (!reader.complete()) return std::nullopt;
  return record;
}

Value reset_value(const Reset& reset) {
  Value value;
  value.tail(origin_value(reset.origin).text())
      .hash(reset.code)
      .time(reset.expires)
      .tail(origin_value(reset.used).text());
  return value;
}

std::optional<Reset> read_reset(std::string_view value) {
  Reader reader(value);
  Reset reset;
  reset.origin.at = reader.seq();
  reset.origin.from = reader.position();
  reset.code = reader.hash();
  reset.expires = reader.time();
  reset.used.at = reader.seq();
  reset.used.from = reader.position();
  if (!reader.complete()) return std::nullopt;
  return reset;
}

Value room_value(const RoomRecord& record) {
  Value value;
  value.u64(record.members).string(record.name).string(record.folded).string(record.former_name);
  return value;
}

std::optional<RoomRecord> read_room(const RoomId& id, std::string_view value) {
  Reader reader(value);
  RoomRecord record;
  record.id = id;
  record.members = reader.u64();
  record.name = reader.string();
  record.folded = reader.string();
  record.former_name = reader.string();
  if (!reader.complete()) return std::nullopt;
  return record;
}

Value conversation_value(const Conversation& conversation) {
  Value value;
  value.id(conversation.id)
      .position(conversation.read_upto)
      .seq(conversation.since)
      .seq(conversation.notice);
  return value;
}

std::optional<Conversation> read_conversation(std::string_view value) {
  Reader reader(value);
  Conversation conversation;
  conversation.id = reader.id<ConversationId>();
  conversation.read_upto = reader.position();
  conversation.since = reader.seq();
  conversation.notice = reader.seq();
  if (!reader.complete()) return std::nullopt;
  return conversation;
}

Value item_value(const Item& item) {
  Value value;
  value.u8(static_cast<std::uint8_t>(item.kind)).id(item.who);
  if (item.from) value.position(*item.from);
  return value;
}

Item read_item(std::string_view value) {
  Reader reader(value);
  Item item;
  item.kind = static_cast<Item::Kind>(reader.u8());
  item.who = reader.id<AccountId>();
  if (reader.left() > 0) item.from = reader.position();
  return item;
}

std::string deletion_value(const Deletion& deletion) {
  Value head;
  head.seq(deletion.texts_upto).tail(origin_value(deletion.origin).text());
  std::string value(head.text());
  for (const RoomId& room : deletion.rooms) value.append(room.bytes.begin(), room.bytes.end());
  return value;
}

std::optional<Deletion> read_deletion(std::string_view value) {
  Reader reader(value);
  Deletion deletion;
  deletion.texts_upto = reader.seq();
  deletion.origin.at = reader.seq();
  deletion.origin.from = reader.position();
  while (reader.left() >= RoomId::size) deletion.rooms.push_back(reader.id<RoomId>());
  if (!reader.complete()) return std::nullopt;
  return deletion;
}

Value outcome_value(const Outcome& outcome) {
  Value value;
  value.position(outcome.at)
      .u8(static_cast<std::uint8_t>(outcome.status))
      .u64(outcome.fingerprint)
      .time(outcome.time);
  return value;
}

std::optional<Outcome> read_outcome(std::string_view value) {
  Reader reader(value);
  Outcome outcome;
  outcome.at = reader.position();
  outcome.status = static_cast<Status>(reader.u8());
  outcome.fingerprint = reader.u64();
  outcome.time = reader.time();
  if (!reader.complete()) return std::nullopt;
  return outcome;
}

Value replaced_value(const ReplacedServer& replaced, const Origin& origin) {
  Value value;
  value.tail(origin_value(origin).text())
      .id(replaced.cluster)
      .u32(replaced.times)
      .string(replaced.place.host)
      .u16(replaced.place.client_port)
      .u16(replaced.place.peer_port);
  return value;
}

std::optional<ReplacedServer> read_replaced(ServerId server, std::string_view value) {
  Reader reader(value);
  ReplacedServer replaced;
  replaced.server = server;
  replaced.at = reader.seq();
  static_cast<void>(reader.position());
  replaced.cluster = reader.id<ClusterId>();
  replaced.times = reader.u32();
  replaced.place.host = reader.string();
  replaced.place.client_port = reader.u16();
  replaced.place.peer_port = reader.u16();
  if (!reader.complete()) return std::nullopt;
  return replaced;
}

Value server_key_value(const ServerKey& key, const Origin& origin) {
  Value value;
  value.tail(origin_value(origin).text())
      .id(key.cluster)
      .key(key.key)
      .key(key.before)
      .time(key.time);
  return value;
}

std::optional<ServerKey> read_server_key(ServerId server, std::string_view value) {
  Reader reader(value);
  ServerKey key;
  key.server = server;
  key.at = reader.seq();
  static_cast<void>(reader.position());
  key.cluster = reader.id<ClusterId>();
  key.key = reader.id<PublicKey>();
  key.before = reader.id<PublicKey>();
  key.time = reader.time();
  if (!reader.complete()) return std::nullopt;
  return key;
}

}  // namespace chat262::store::schema

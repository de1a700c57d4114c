#include "store/schema.hpp"

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

// The flag comes first: account_deleted() is asked for with every message.
Value account_value(const AccountRecord& record) {
  Value value;
  value.u8(record.deleted ? 1 : 0)
      .time(record.created)
      .string(record.name)
      .string(record.folded)
      .string(record.password_hash);
  return value;
}

std::optional<AccountRecord> read_account(const AccountId& id, std::string_view value) {
  Reader reader(value);
  AccountRecord record;
  record.id = id;
  record.deleted = reader.u8() != 0;
  record.created = reader.time();
  record.name = reader.string();
  record.folded = reader.string();
  record.password_hash = reader.string();
  if (!reader.complete()) return std::nullopt;
  return record;
}

bool account_deleted(std::string_view value) {
  return value.empty() || value.front() != 0;
}

Value session_value(const SessionRecord& record) {
  Value value;
  value.id(record.account).time(record.expires).time(record.created);
  return value;
}

std::optional<SessionRecord> read_session(std::string_view value) {
  Reader reader(value);
  SessionRecord record;
  record.account = reader.id<AccountId>();
  record.expires = reader.time();
  record.created = reader.time();
  if (!reader.complete()) return std::nullopt;
  return record;
}

Value room_value(const RoomRecord& record) {
  Value value;
  value.u64(record.members).string(record.name).string(record.folded);
  return value;
}

std::optional<RoomRecord> read_room(const RoomId& id, std::string_view value) {
  Reader reader(value);
  RoomRecord record;
  record.id = id;
  record.members = reader.u64();
  record.name = reader.string();
  record.folded = reader.string();
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

Value item_value(Tables::ItemKind kind, const AccountId& who) {
  Value value;
  value.u8(static_cast<std::uint8_t>(kind)).id(who);
  return value;
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

}  // namespace chat262::store::schema

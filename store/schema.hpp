// The tables' keys and values. SCHEMA.md is the description, byte by byte.
//
// A key is the table's letter and its fields; a value is fields too. No key is longer than
// key_bytes_max, which is far below LMDB's limit.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/entry.hpp"
#include "store/bytes.hpp"
#include "store/tables.hpp"

namespace chat262::store::schema {

inline constexpr std::size_t key_bytes_max = 128;
inline constexpr std::size_t value_bytes_max = 640;
inline constexpr std::size_t password_hash_bytes_max = 255;

using Key = FixedWriter<key_bytes_max>;
using Value = FixedWriter<value_bytes_max>;

enum class Table : std::uint8_t {
  accounts = 'a',
  account_names = 'n',
  sessions = 's',
  account_sessions = 't',
  rooms = 'r',
  room_names = 'q',
  members = 'm',
  conversations = 'c',
  timeline = 'l',
  authored = 'w',
  notices = 'x',
  requests = 'o',
  deletions = 'd',
  epochs = 'e',
  forks = 'f',
  former_names = 'p',
  departures = 'v',
  replaced = 'b',
  server_keys = 'k',
  invitations = 'i',
  resets = 'y'
};

[[nodiscard]] inline Key prefix(Table table) {
  Key key;
  key.u8(static_cast<std::uint8_t>(table));
  return key;
}
[[nodiscard]] inline Key account_key(const AccountId& id) {
  return prefix(Table::accounts).id(id);
}
[[nodiscard]] inline Key account_name_key(std::string_view folded) {
  return prefix(Table::account_names).tail(folded);
}
[[nodiscard]] inline Key session_key(const Hash& token) {
  return prefix(Table::sessions).hash(token);
}
[[nodiscard]] inline Key account_sessions_prefix(const AccountId& account) {
  return prefix(Table::account_sessions).id(account);
}
[[nodiscard]] inline Key room_key(const RoomId& id) {
  return prefix(Table::rooms).id(id);
}
[[nodiscard]] inline Key room_name_key(std::string_view folded) {
  return prefix(Table::room_names).tail(folded);
}
// No name holds a zero byte.
[[nodiscard]] inline Key former_name_prefix(std::string_view folded) {
  return prefix(Table::former_names).tail(folded).u8(0);
}
[[nodiscard]] inline Key departure_key(const RoomId& room, const AccountId& account) {
  return prefix(Table::departures).id(room).id(account);
}
[[nodiscard]] inline Key members_prefix(const RoomId& room) {
  return prefix(Table::members).id(room);
}
[[nodiscard]] inline Key conversations_prefix(const AccountId& account) {
  return prefix(Table::conversations).id(account);
}
[[nodiscard]] Key conversation_key(const AccountId& account,
                                   const std::variant<AccountId, RoomId>& with);
[[nodiscard]] inline Key timeline_prefix(const ConversationId& conversation) {
  return prefix(Table::timeline).id(conversation);
}
[[nodiscard]] inline Key authored_prefix(const AccountId& account) {
  return prefix(Table::authored).id(account);
}
[[nodiscard]] inline Key notices_prefix(const AccountId& account) {
  return prefix(Table::notices).id(account);
}
[[nodiscard]] inline Key request_key(const RequestId& request) {
  return prefix(Table::requests).request(request);
}
[[nodiscard]] inline Key deletion_key(const AccountId& account) {
  return prefix(Table::deletions).id(account);
}
[[nodiscard]] inline Key epoch_key(Seq at) {
  return prefix(Table::epochs).seq(at);
}
[[nodiscard]] inline Key fork_key(const Epoch& epoch) {
  return prefix(Table::forks).epoch(epoch);
}
[[nodiscard]] inline Key replaced_key(ServerId server) {
  return prefix(Table::replaced).u8(server.value);
}
[[nodiscard]] inline Key server_key_key(ServerId server) {
  return prefix(Table::server_keys).u8(server.value);
}
[[nodiscard]] inline Key invitation_key(const Hash& code) {
  return prefix(Table::invitations).hash(code);
}
[[nodiscard]] inline Key reset_key(const AccountId& account) {
  return prefix(Table::resets).id(account);
}

// ---- values

// Where an entry stands in this history, and where it was first written: in a history that was
// merged, or here.
struct Origin {
  Seq at{};
  Position from{};
};
[[nodiscard]] Value origin_value(const Origin& origin);
[[nodiscard]] Origin read_origin(std::string_view value);

// Of a name: whose it is, and since when.
template <class Id>
struct Holder {
  Id id{};
  Origin origin;
};
template <class Id>
[[nodiscard]] Value holder_value(const Holder<Id>& holder) {
  Value value;
  value.id(holder.id).tail(origin_value(holder.origin).text());
  return value;
}
template <class Id>
[[nodiscard]] Holder<Id> read_holder(std::string_view value) {
  return {Reader(value).id<Id>(), read_origin(value.substr(std::min(Id::size, value.size())))};
}

// What only apply reads of an account: what decides between two histories.
struct AccountPast {
  Origin password;            // its newest change; at 0: never changed
  TimeMs password_changed{};  // time of that
  TimeMs sessions_closed{};   // greatest time at which all were closed
  Origin suspension;          // its newest beginning; at 0: never
};
[[nodiscard]] AccountPast read_account_past(std::string_view value);

[[nodiscard]] Value account_value(const AccountRecord& record, const AccountPast& past);
[[nodiscard]] std::optional<AccountRecord> read_account(const AccountId& id,
                                                        std::string_view value);
[[nodiscard]] bool account_deleted(std::string_view value);

// Of a name of an account or room.
[[nodiscard]] bool sound_name(std::string_view shown, std::string_view folded);

[[nodiscard]] Value session_value(const SessionRecord& record);
[[nodiscard]] std::optional<SessionRecord> read_session(std::string_view value);

[[nodiscard]] Value invitation_value(const InvitationRecord& record);
[[nodiscard]] std::optional<InvitationRecord> read_invitation(std::string_view value);

struct Reset {  // of an account's password, by a code
  Origin origin;
  Hash code{};
  TimeMs expires{};
  Origin used;  // at 0: it was not
};
[[nodiscard]] Value reset_value(const Reset& reset);
[[nodiscard]] std::optional<Reset> read_reset(std::string_view value);

[[nodiscard]] Value room_value(const RoomRecord& record);
[[nodiscard]] std::optional<RoomRecord> read_room(const RoomId& id, std::string_view value);

struct Conversation {  // as one account sees it
  ConversationId id{};
  Position read_upto{};
  Seq since{};   // rooms: where it joined; direct ones: 0
  Seq notice{};  // its newest read marker's entry, 0: none
};
[[nodiscard]] Value conversation_value(const Conversation& conversation);
[[nodiscard]] std::optional<Conversation> read_conversation(std::string_view value);

// Of a timeline. A message may be undelivered: its receiver's account was deleted meanwhile.
struct Item {
  enum class Kind : std::uint8_t { message = 0, joined = 1, left = 2, undelivered = 3 };
  Kind kind = Kind::message;
  AccountId who{};
  std::optional<Position> from{};  // of the history that it was merged from
};
[[nodiscard]] Value item_value(const Item& item);
[[nodiscard]] Item read_item(std::string_view value);

enum class Notice : std::uint8_t { read = 0, left = 1, renamed = 2, undelivered = 3 };

struct Deletion {
  Seq texts_upto{};  // the last entry after which its texts must be erased
  Origin origin;
  std::vector<RoomId> rooms;  // that the account was in
};
[[nodiscard]] std::optional<Deletion> read_deletion(std::string_view value);
[[nodiscard]] std::string deletion_value(const Deletion& deletion);

[[nodiscard]] Value outcome_value(const Outcome& outcome);
[[nodiscard]] std::optional<Outcome> read_outcome(std::string_view value);

// The origin comes first: read_origin() reads it.
[[nodiscard]] Value replaced_value(const ReplacedServer& replaced, const Origin& origin);
[[nodiscard]] std::optional<ReplacedServer> read_replaced(ServerId server, std::string_view value);

// The origin comes first here too.
[[nodiscard]] Value server_key_value(const ServerKey& key, const Origin& origin);
[[nodiscard]] std::optional<ServerKey> read_server_key(ServerId server, std::string_view value);

// What stands behind the conversation's owner in its key.
[[nodiscard]] std::variant<AccountId, RoomId> read_with(std::string_view key_tail);

}  // namespace chat262::store::schema

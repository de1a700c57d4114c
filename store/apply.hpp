// What each entry does to the tables. Deterministic: it reads the entry and the tables, nothing
// else. Every rule stands in SCHEMA.md, "What an entry does".
#pragma once

#include "protocol/entry.hpp"
#include "store/records.hpp"
#include "store/schema.hpp"

namespace chat262::store {

// Where a cursor points in this history; see Tables::resolve.
[[nodiscard]] Seq resolve_cursor(const Records& records, const Position& cursor);

// The rooms that a deleted account was in.
[[nodiscard]] std::vector<RoomId> rooms_left(const Records& records, const AccountId& account);

class Applier {
 public:
  explicit Applier(Records& records) : records_(records) {}

  // Ends with the changes of `entry` in the records. If records.fault() is set afterwards they are
  // incomplete and must be undone.
  Outcome apply(const Entry& entry);
  [[nodiscard]] TimeMs time() const { return time_; }  // of the operation; 0: a view or malformed

 private:
  enum class Life { none, live, deleted };

  Outcome apply_operation(const Entry& entry);
  void record_fork(const MergeOrigin& origin);
  void note_text(const AccountId& author);
  void put_deletion(const AccountId& account, const std::vector<RoomId>& rooms);

  Status operator()(const op::Register& body);
  Status operator()(const op::OpenSession& body);
  Status operator()(const op::CloseSession& body);
  Status operator()(const op::CloseAllSessions& body);
  Status operator()(const op::ChangePassword& body);
  Status operator()(const op::DeleteAccount& body);
  Status operator()(const op::CreateRoom& body);
  Status operator()(const op::JoinRoom& body);
  Status operator()(const op::LeaveRoom& body);
  Status operator()(const op::SendMessage& body);
  Status operator()(const op::MarkRead& body);

  [[nodiscard]] Life life(const AccountId& account) const;
  [[nodiscard]] std::optional<AccountRecord> live_account(const AccountId& id) const;
  [[nodiscard]] std::optional<schema::Conversation> conversation(const schema::Key& key) const;
  void put_conversation(const schema::Key& key, const schema::Conversation& conversation);
  void add_item(const ConversationId& conversation, Tables::ItemKind kind, const AccountId& who);
  void put_notice(const AccountId& account, schema::Notice notice);
  [[nodiscard]] Epoch epoch_at(Seq at) const;
  void enter_room(const AccountRecord& account, RoomRecord room);
  void leave_room(const AccountRecord& account, const RoomId& room,
                  const schema::Conversation& seat);
  void remove_session(const AccountId& account, const Hash& token);
  [[nodiscard]] std::vector<Hash> sessions_of(const AccountId& account) const;
  Status send_to_user(const op::SendMessage& body, const AccountId& to);
  Status send_to_room(const op::SendMessage& body, const RoomId& to);
  // Keys (without the prefix) of a small range; small enough to be copied.
  [[nodiscard]] std::vector<std::string> tails(const schema::Key& prefix) const;

  Records& records_;
  Position at_{};  // of the entry being applied
  TimeMs time_{};  // of its operation
};

}  // namespace chat262::store

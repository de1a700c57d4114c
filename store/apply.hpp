// What each entry does to the tables. Deterministic: it reads the entry and the tables, nothing
// else. Every rule stands in SCHEMA.md, "What an entry does"; those for operations that come from
// another history in REPLICATION.md, "Merging".
#pragma once

#include "protocol/entry.hpp"
#include "store/records.hpp"
#include "store/schema.hpp"

namespace chat262::store {

// Where a cursor points in this history; see Tables::resolve.
[[nodiscard]] Seq resolve_cursor(const Records& records, const Position& cursor);

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
  void put_deletion(const AccountId& account, const schema::Deletion& deletion);
  // The server was given another key since it was replaced.
  [[nodiscard]] bool key_is_newer(const ReplacedServer& replaced) const;

  // ---- what the other history knew (apply_merged.cpp); false outside of a merge

  // The operation is merged, and its own history did not have what has this origin.
  [[nodiscard]] bool unknown_there(const schema::Origin& origin) const;
  [[nodiscard]] bool surely_unknown_there(const schema::Origin& origin) const;
  [[nodiscard]] bool deleted_unknown_there(const AccountId& account) const;
  [[nodiscard]] bool left_unknown_there(const RoomId& room, const AccountId& account) const;
  struct FreeName {
    std::string shown;
    std::string folded;
  };
  [[nodiscard]] std::optional<FreeName> free_name(schema::Table names, const FreeName& taken,
                                                  ByteView id) const;
  [[nodiscard]] Seq read_place(const schema::Conversation& conversation, const AccountId& account,
                               const Position& upto) const;
  void mark_undelivered(const AccountId& deleted, const AccountId& other);

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
  Status operator()(const op::ReplaceServer& body);
  Status operator()(const op::SetServerKey& body);
  Status operator()(const op::Rehash& body);
  Status operator()(const op::CreateInvitation& body);
  Status operator()(const op::SuspendAccount& body);
  Status operator()(const op::OfferReset& body);
  Status operator()(const op::ResetPassword& body);

  bool take_invitation(const Hash& code);
  Status set_password(AccountRecord account, const std::string& hash);

  [[nodiscard]] Life life(const AccountId& account) const;
  [[nodiscard]] std::optional<AccountRecord> live_account(const AccountId& id) const;
  [[nodiscard]] schema::AccountPast account_past(const AccountId& id) const;
  [[nodiscard]] std::optional<schema::Deletion> deletion(const AccountId& id) const;
  [[nodiscard]] std::optional<schema::Conversation> conversation(const schema::Key& key) const;
  void put_conversation(const schema::Key& key, const schema::Conversation& conversation);
  void add_item(const ConversationId& conversation, schema::Item::Kind kind, const AccountId& who);
  void put_notice(const AccountId& account, schema::Notice notice);
  [[nodiscard]] Epoch epoch_at(Seq at) const;
  void put_room(const RoomRecord& room);
  void put_departure(const RoomId& room, const AccountId& account, const schema::Origin& origin);
  void enter_room(const AccountRecord& account, RoomRecord room);
  void leave_room(const AccountRecord& account, const RoomId& room,
                  const schema::Conversation& seat);
  void remove_session(const AccountId& account, const Hash& token);
  [[nodiscard]] std::vector<Hash> sessions_of(const AccountId& account) const;
  Status send_to_user(const op::SendMessage& body, const AccountId& to);
  Status send_of_deleted(const op::SendMessage& body, const AccountId& to);
  Status send_to_room(const op::SendMessage& body, const RoomId& to);
  // Keys (without the prefix) of a small range; small enough to be copied.
  [[nodiscard]] std::vector<std::string> tails(const schema::Key& prefix) const;

  Records& records_;
  Position at_{};                      // of the entry being applied
  TimeMs time_{};                      // of its operation
  std::optional<MergeOrigin> merged_;  // if it comes from another history
  schema::Origin origin_;              // of its operation
};

}  // namespace chat262::store

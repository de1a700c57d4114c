// The chat once more, in plain maps: what PROTOCOL.md and SCHEMA.md say an operation does and a
// request is answered, written apart from `apply`, the tables and the service. Merged operations
// too, by REPLICATION.md, "Merging": every fact is kept with the seq of the entry that made it, and
// whether it was known where a merged operation comes from is asked of the log.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client_messages.hpp"
#include "protocol/entry.hpp"

namespace chat262::test {

class ReferenceChat {
 public:
  void apply(const Entry& entry);  // the next one

  struct Outcome {
    Position at{};
    Status status = Status::ok;
    std::uint64_t fingerprint = 0;
    TimeMs time{};
  };
  [[nodiscard]] const Outcome* outcome(const RequestId& request) const;
  [[nodiscard]] std::vector<AccountId> accounts() const;  // deleted ones too
  [[nodiscard]] const std::string& password_hash(const AccountId& account) const;
  [[nodiscard]] const AccountId* session(const Hash& token) const;  // nullptr: it is not open
  // The reply to a write that is in the log.
  [[nodiscard]] Reply reply_to_write(const Request& request) const;
  // The reply to a read now.
  [[nodiscard]] Reply reply_to_read(const Request& request) const;
  [[nodiscard]] Reply reply_to_read(const AccountId& asker, const RequestBody& body) const;
  // Why a write would be refused now without coming into the log; ok: it would not.
  [[nodiscard]] Status refusal(const Request& request) const;

 private:
  using With = std::variant<AccountId, RoomId>;
  // A Seq in these is the entry that made it so; 0: none did.
  struct Account {
    std::string name;
    std::string former;  // as registered, if a merge gave it another name
    std::string password_hash;
    Seq registered_at{};
    Seq password_at{};  // changed
    TimeMs password_time{};
    TimeMs all_closed_time{};  // the latest of all sessions' closings
    Seq deleted_at{};
    bool suspended = false;
    Seq suspended_at{};  // last
    [[nodiscard]] bool deleted() const { return deleted_at.value > 0; }
  };
  struct Session {
    AccountId account{};
    TimeMs opened{};
    TimeMs expires{};
    std::string address;
    std::string client;
  };
  struct Reset {  // a code for a new password
    Seq offered_at{};
    Hash code{};
    TimeMs expires{};
    Seq used_at{};
  };
  struct Invitation {
    std::uint32_t uses = 0;
    TimeMs expires{};
  };
  struct Room {
    std::string name;
    std::string former;
    Seq created_at{};
    std::map<std::string, AccountId> members;  // by name
  };
  struct Item {
    enum class Kind { message, joined, left } kind{};
    AccountId who{};
  };
  struct Seat {  // a conversation as one account has it
    ConversationId id{};
    Position read_upto{};
    Seq since{};
    Seq notice{};
  };
  struct Deletion {
    std::vector<RoomId> rooms;     // it was in
    std::vector<Seq> undelivered;  // messages to it that became so
  };
  using Timeline = std::map<Seq, Item>;

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
  void close_all(const AccountId& account, const Hash& keep);
  void enter(const AccountId& account, const RoomId& room);
  void leave(const AccountId& account, const RoomId& room);
  Status send_to_user(const AccountId& from, const AccountId& to);
  Status send_to_room(const AccountId& from, const RoomId& to);

  // ---- merging
  // False for all that is known where the entry at hand comes from, and if it is no merged one.
  [[nodiscard]] bool unknown_there(Seq fact) const;
  [[nodiscard]] bool password_unknown_there(const Account& account) const;
  [[nodiscard]] bool deleted_unknown_there(const AccountId& account) const;
  [[nodiscard]] bool left_unknown_there(const AccountId& account, const RoomId& room) const;
  template <class Names>
  static std::string free_name(const Names& names, const std::string& taken, ByteView id);
  void lose_messages_to(const AccountId& account);
  [[nodiscard]] Seq resolve(const Position& cursor) const;
  [[nodiscard]] Position read_place(const Seat& seat, const AccountId& account,
                                    const Position& upto) const;

  [[nodiscard]] bool live(const AccountId& account) const;
  [[nodiscard]] bool merged(Seq at) const;
  [[nodiscard]] const Operation& operation_at(Seq at) const { return operations_[at.value - 1]; }
  [[nodiscard]] const AccountId* account_named(const std::string& name) const;
  [[nodiscard]] std::vector<AccountId> known_as(const std::string& name) const;
  [[nodiscard]] const RoomId* room_named(const std::string& name) const;
  [[nodiscard]] const Seat* seat(const AccountId& account, const With& with) const;
  [[nodiscard]] const AccountId* signed_in(const Request& request) const;
  [[nodiscard]] Target shown(const With& with) const;
  [[nodiscard]] static std::size_t cost(const Message& message);
  [[nodiscard]] Message message(const AccountId& asker, Seq at) const;
  [[nodiscard]] Status target_refusal(const AccountId& account, const Target& target,
                                      bool deleted_too) const;

  [[nodiscard]] Reply history(const AccountId& asker, const request::History& request) const;
  [[nodiscard]] reply::Conversations conversations(const AccountId& asker) const;
  [[nodiscard]] reply::Sessions sessions(const AccountId& asker, const Bytes& token) const;
  [[nodiscard]] reply::Events events(const AccountId& asker, const request::Events& request) const;
  [[nodiscard]] Seq first_heard(const AccountId& asker, const op::SendMessage& sent) const;
  void add_events(const AccountId& asker, Seq at, reply::Events& events, std::size_t& bytes) const;

  std::vector<Entry> log_;
  std::vector<Operation> operations_;  // of log_; empty ones for views
  std::vector<Position> first_;        // of log_: where each was first written
  std::map<RequestId, Outcome> outcomes_;
  std::map<AccountId, Account> accounts_;
  std::map<std::string, AccountId> account_names_;
  std::map<Hash, Session> sessions_;
  std::map<AccountId, Reset> resets_;
  std::map<Hash, Invitation> invitations_;
  std::map<RoomId, Room> rooms_;
  std::map<std::string, RoomId> room_names_;
  std::map<AccountId, std::map<With, Seat>> seats_;
  std::map<std::pair<AccountId, RoomId>, Seq> departures_;  // of those who are not back
  std::map<ConversationId, Timeline> timelines_;
  std::set<Seq> undelivered_;  // messages
  std::map<AccountId, std::set<Seq>> notices_;
  std::map<AccountId, Deletion> deletions_;
  std::map<Epoch, std::pair<Seq, Seq>> epochs_;  // first and last entry here
  std::map<Epoch, Seq> forks_;                   // of epochs that were merged: the lowest

  // Of the entry at hand.
  Position at_{};
  TimeMs time_{};
  std::optional<MergeOrigin> merge_;
};

}  // namespace chat262::test

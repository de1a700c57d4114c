// The chat once more, in plain maps: what PROTOCOL.md and SCHEMA.md say an operation does and a
// request is answered, written apart from `apply`, the tables and the service. It knows one history
// without merged operations.
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
  // The reply to a write that is in the log.
  [[nodiscard]] Reply reply_to_write(const Request& request) const;
  // The reply to a read now.
  [[nodiscard]] Reply reply_to_read(const Request& request) const;
  // Why a write would be refused now without coming into the log; ok: it would not.
  [[nodiscard]] Status refusal(const Request& request) const;

 private:
  using With = std::variant<AccountId, RoomId>;
  struct Account {
    std::string name;
    std::string password_hash;
    bool deleted = false;
  };
  struct Room {
    std::string name;
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
  void enter(const AccountId& account, const RoomId& room);
  void leave(const AccountId& account, const RoomId& room);

  [[nodiscard]] bool live(const AccountId& account) const;
  [[nodiscard]] const AccountId* account_named(const std::string& name) const;
  [[nodiscard]] const RoomId* room_named(const std::string& name) const;
  [[nodiscard]] const Seat* seat(const AccountId& account, const With& with) const;
  [[nodiscard]] const AccountId* signed_in(const Request& request) const;
  [[nodiscard]] Target shown(const With& with) const;
  [[nodiscard]] Message message(const AccountId& asker, Seq at) const;
  [[nodiscard]] Status target_refusal(const AccountId& account, const Target& target,
                                      bool deleted_too) const;

  [[nodiscard]] Reply history(const AccountId& asker, const request::History& request) const;
  [[nodiscard]] reply::Conversations conversations(const AccountId& asker) const;
  [[nodiscard]] reply::Events events(const AccountId& asker, const request::Events& request) const;
  void add_events(const AccountId& asker, Seq at, reply::Events& events, std::size_t& bytes) const;

  std::vector<Entry> log_;
  std::vector<Operation> operations_;  // of log_; empty ones for views
  std::map<RequestId, Outcome> outcomes_;
  std::map<AccountId, Account> accounts_;
  std::map<std::string, AccountId> account_names_;
  std::map<Hash, AccountId> sessions_;
  std::map<RoomId, Room> rooms_;
  std::map<std::string, RoomId> room_names_;
  std::map<AccountId, std::map<With, Seat>> seats_;
  std::map<ConversationId, std::map<Seq, Item>> timelines_;
  std::map<AccountId, std::set<Seq>> notices_;
  std::map<AccountId, std::vector<RoomId>> left_by_deletion_;
  Position at_{};
};

}  // namespace chat262::test

// What clients ask. The normative text is protocol/PROTOCOL.md.
//
// A request is one frame: [version, op, client id, number, token, body].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"

namespace chat262 {

inline constexpr std::uint8_t client_protocol_version = 1;
inline constexpr std::uint8_t client_feature_level = 3;
// The operator's socket, in a server's data directory.
inline constexpr const char* control_socket_file = "control";

// A place in the log. Opaque to clients: bytes to keep and give back. Empty: "from the beginning".
using Cursor = Bytes;
[[nodiscard]] Cursor make_cursor(const Position& position);
// nullopt if the bytes are no cursor. An empty cursor is Position{}.
[[nodiscard]] std::optional<Position> read_cursor(ByteView cursor);

enum class TargetKind : std::uint8_t { user = 0, room = 1 };
struct Target {
  TargetKind kind = TargetKind::user;
  std::string name;
  bool operator==(const Target&) const = default;
};

struct Original {  // of an imported message
  std::string author;
  TimeMs time{};
  bool operator==(const Original&) const = default;
};

// ---- requests. Each has its code; `is_write` requests go through the log and carry a number > 0.

namespace request {

struct Hello {  // any server answers, without a session
  static constexpr std::uint8_t code = 0;
  bool operator==(const Hello&) const = default;
};
struct Status {  // any server answers, about itself
  static constexpr std::uint8_t code = 1;
  bool operator==(const Status&) const = default;
};
struct Register {
  static constexpr std::uint8_t code = 10;
  std::string name;
  std::string password;
  std::string invitation{};  // feature level 3: its code, where one is needed
  bool operator==(const Register&) const = default;
};
// The client makes the token (32 random bytes), so that a retry gives the same session.
struct LogIn {
  static constexpr std::uint8_t code = 11;
  std::string name;
  std::string password;
  Bytes token;
  std::string client{};  // feature level 3: a few words about program and machine; may be empty
  bool operator==(const LogIn&) const = default;
};
struct LogOut {
  static constexpr std::uint8_t code = 12;
  bool operator==(const LogOut&) const = default;
};
struct LogOutAll {
  static constexpr std::uint8_t code = 13;
  bool operator==(const LogOutAll&) const = default;
};
struct ChangePassword {  // ends every other session
  static constexpr std::uint8_t code = 14;
  std::string old_password;
  std::string new_password;
  bool operator==(const ChangePassword&) const = default;
};
struct DeleteAccount {
  static constexpr std::uint8_t code = 15;
  std::string password;
  bool operator==(const DeleteAccount&) const = default;
};
struct ListSessions {  // feature level 3: one's own
  static constexpr std::uint8_t code = 16;
  Bytes after;  // id that the last page ended with, empty for the first
  std::uint32_t limit = 100;
  bool operator==(const ListSessions&) const = default;
};
struct EndSession {  // feature level 3: one of one's own
  static constexpr std::uint8_t code = 17;
  SessionId session{};
  bool operator==(const EndSession&) const = default;
};
struct ResetPassword {  // feature level 3: with a code that an operator gave; ends all sessions
  static constexpr std::uint8_t code = 18;
  std::string name;
  std::string reset_code;
  std::string new_password;
  bool operator==(const ResetPassword&) const = default;
};
struct SearchAccounts {
  static constexpr std::uint8_t code = 20;
  std::string pattern;  // `*` stands for any run of characters; compared case-folded
  std::string after;    // name the last page ended with, "" for the first page
  std::uint32_t limit = 100;
  bool operator==(const SearchAccounts&) const = default;
};
struct ListConversations {
  static constexpr std::uint8_t code = 21;
  Bytes after;  // `next` of the last page, empty for the first
  std::uint32_t limit = 100;
  bool operator==(const ListConversations&) const = default;
};
struct CreateRoom {
  static constexpr std::uint8_t code = 30;
  std::string name;
  bool operator==(const CreateRoom&) const = default;
};
struct JoinRoom {
  static constexpr std::uint8_t code = 31;
  std::string name;
  bool operator==(const JoinRoom&) const = default;
};
struct LeaveRoom {
  static constexpr std::uint8_t code = 32;
  std::string name;
  bool operator==(const LeaveRoom&) const = default;
};
struct ListRooms {
  static constexpr std::uint8_t code = 33;
  std::string pattern;
  std::string after;
  std::uint32_t limit = 100;
  bool operator==(const ListRooms&) const = default;
};
struct ListMembers {
  static constexpr std::uint8_t code = 34;
  std::string room;
  std::string after;
  std::uint32_t limit = 100;
  bool operator==(const ListMembers&) const = default;
};
struct Send {
  static constexpr std::uint8_t code = 40;
  Target to;
  std::string text;
  std::optional<Original> original;
  bool operator==(const Send&) const = default;
};
struct History {
  static constexpr std::uint8_t code = 41;
  Target of;
  std::optional<Cursor> from;  // exclusive; none: the newest end (older) or the oldest (newer)
  bool newer = false;          // direction: false = towards older messages
  std::uint32_t limit = 50;
  bool operator==(const History&) const = default;
};
struct Events {
  static constexpr std::uint8_t code = 42;
  std::optional<Cursor> since;  // none: from now on
  std::uint32_t wait_ms = 0;    // at most limits::wait_ms_max
  std::uint32_t limit = 100;
  bool operator==(const Events&) const = default;
};
struct MarkRead {
  static constexpr std::uint8_t code = 43;
  Target conversation;
  Cursor upto;
  bool operator==(const MarkRead&) const = default;
};

// ---- of the operator: taken at a server's control socket only, no_permission elsewhere

inline constexpr std::uint8_t first_operator_code = 100;

struct Survey {  // what the server knows of all servers
  static constexpr std::uint8_t code = 100;
  bool operator==(const Survey&) const = default;
};
struct Handover {  // another server is to lead; answered when it does
  static constexpr std::uint8_t code = 101;
  std::optional<ServerId> to;  // none: the first fit one
  bool operator==(const Handover&) const = default;
};
struct ForceLead {  // this very server is to lead although the rules forbid it
  static constexpr std::uint8_t code = 102;
  bool operator==(const ForceLead&) const = default;
};
struct Scrub {  // a server is to read its log and tables now; or how far it is with that
  static constexpr std::uint8_t code = 103;
  std::optional<ServerId> server;  // none: the one that is asked
  bool begin = false;
  bool operator==(const Scrub&) const = default;
};

struct Replace {  // a new machine with an empty disk takes the number of a server that is lost
  static constexpr std::uint8_t code = 104;
  ServerId server{};
  std::string address;     // of the new machine
  bool confirmed = false;  // else: say only what would be done
  PublicKey key{};         // of the new machine, in a cluster with keys
  bool operator==(const Replace&) const = default;
};
struct Cluster {  // what the cluster file has to say
  static constexpr std::uint8_t code = 105;
  bool operator==(const Cluster&) const = default;
};
struct RotateKeys {  // a server is to have a new key
  static constexpr std::uint8_t code = 106;
  ServerId server{};
  PublicKey key{};  // from that server to the leader: the new one; of an operator: none
  bool operator==(const RotateKeys&) const = default;
};

// Accounts, as operators deal with them. `by` is who asks, to be written down; the server that is
// asked adds that it was asked.
struct ListAccounts {
  static constexpr std::uint8_t code = 110;
  std::string pattern;
  std::string after;  // name that the last page ended with; "" for the first
  std::uint32_t limit = 100;
  bool operator==(const ListAccounts&) const = default;
};
struct ShowAccount {
  static constexpr std::uint8_t code = 111;
  std::string name;
  bool operator==(const ShowAccount&) const = default;
};
struct SuspendAccount {
  static constexpr std::uint8_t code = 112;
  std::string name;
  bool suspended = true;  // false: ends the suspension
  std::string by;
  bool operator==(const SuspendAccount&) const = default;
};
struct OfferReset {  // the operator makes a code, and the servers are told its hash
  static constexpr std::uint8_t code = 113;
  std::string name;
  Hash code_hash{};
  std::string by;
  bool operator==(const OfferReset&) const = default;
};
struct LogOutAccount {  // everywhere
  static constexpr std::uint8_t code = 114;
  std::string name;
  std::string by;
  bool operator==(const LogOutAccount&) const = default;
};
struct RemoveAccount {
  static constexpr std::uint8_t code = 115;
  std::string name;
  std::string by;
  bool operator==(const RemoveAccount&) const = default;
};
struct Invite {  // the operator makes the code
  static constexpr std::uint8_t code = 116;
  Hash code_hash{};
  std::uint32_t uses = 1;
  std::uint32_t days = 7;
  std::string by;
  bool operator==(const Invite&) const = default;
};

}  // namespace request

using RequestBody = std::variant<
    request::Hello, request::Status, request::Register, request::LogIn, request::LogOut,
    request::LogOutAll, request::ChangePassword, request::DeleteAccount, request::SearchAccounts,
    request::ListConversations, request::CreateRoom, request::JoinRoom, request::LeaveRoom,
    request::ListRooms, request::ListMembers, request::Send, request::History, request::Events,
    request::MarkRead, request::Survey, request::Handover, request::ForceLead, request::Scrub,
    request::Replace, request::Cluster, request::RotateKeys, request::ListSessions,
    request::EndSession, request::ResetPassword, request::ListAccounts, request::ShowAccount,
    request::SuspendAccount, request::OfferReset, request::LogOutAccount, request::RemoveAccount,
    request::Invite>;

struct Request {
  ClientId client{};
  std::uint64_t number = 0;  // of writes: counted up from 1. Of reads: anything, echoed
  Bytes token;               // empty where no session is needed
  RequestBody body;
  // Not on the wire: the IP address that it came from, as the server's socket says; "" if unknown.
  std::string address;
  bool operator==(const Request&) const = default;
};

[[nodiscard]] bool is_write(const RequestBody& body);
[[nodiscard]] bool is_operator_request(const RequestBody& body);
// Of everything but secrets (passwords, tokens): equal for a retry.
[[nodiscard]] std::uint64_t fingerprint(const RequestBody& body);

}  // namespace chat262

// What the log is made of. The normative description is store/SCHEMA.md.
//
// An entry is a head, which `apply` needs and which is never changed, and a text, which may be
// erased later. Its hash covers the previous entry's hash, its position, its kind, its head and the
// hash of its text; so two logs whose hash at a seq is equal have equal histories up to it, and
// erasing a text changes no hash.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/place.hpp"
#include "protocol/result.hpp"

namespace chat262 {

enum class EntryKind : std::uint8_t {
  operation = 0,  // a client's operation
  view = 1,       // who leads, and who must have an entry on disk before it is committed
  merged = 2      // an operation taken over from a log that had diverged
};

struct Entry {
  Epoch epoch{};
  Seq seq{};
  EntryKind kind = EntryKind::operation;
  RequestId request{};  // zero for a view
  Bytes head;           // MessagePack; decode with decode_view / decode_operation
  Bytes text;           // the erasable part: a message's text, else empty
  Hash text_hash{};     // of `text` as it was first written
  bool erased = false;  // the text is gone; text_hash still stands
  Hash hash{};          // the chain: see entry_hash()

  [[nodiscard]] Position position() const { return {epoch, seq}; }
  [[nodiscard]] std::size_t size_bytes() const { return head.size() + text.size() + 160; }
  bool operator==(const Entry&) const = default;
};

// The chain hash `entry` must have after one whose hash is `previous` (all zero before seq 1).
// Reads epoch, seq, kind, request, head and text_hash. BLAKE2b-256.
[[nodiscard]] Hash entry_hash(const Hash& previous, const Entry& entry);

// BLAKE2b-256 of a text (of any bytes).
[[nodiscard]] Hash hash_of(ByteView bytes);

// True if hash and, unless erased, text_hash are what they must be after `previous`.
[[nodiscard]] bool entry_intact(const Hash& previous, const Entry& entry);

// ---- views

struct Member {
  ServerId server{};
  Incarnation incarnation{};  // the life of it that was admitted
  bool operator==(const Member&) const = default;
};

struct View {
  ServerId leader{};
  std::vector<Member> members;  // sorted by server; never empty
  bool forced = false;          // an operator overrode the rule of who may lead
  bool operator==(const View&) const = default;
  [[nodiscard]] bool has(ServerId server) const;
};

// ---- operations: pure data. All that is not deterministic was fixed at admission.

namespace op {

struct Register {
  AccountId account{};
  std::string name;           // as typed, NFC
  std::string folded;         // NFKC case folding of it: unique
  std::string password_hash;  // Argon2id, libsodium's string form
  Hash invitation{};          // hash of its code, of which a use is taken; zero: none was needed
  bool operator==(const Register&) const = default;
};
struct OpenSession {
  AccountId account{};
  Hash token_hash{};  // of the token; the token itself is in no log
  TimeMs expires{};
  std::string address{};  // the IP address that it was opened from; "" if that is not known
  std::string client{};   // the program, as it describes itself
  bool operator==(const OpenSession&) const = default;
};
struct CloseSession {
  AccountId account{};
  Hash token_hash{};
  bool operator==(const CloseSession&) const = default;
};
struct CloseAllSessions {
  AccountId account{};
  std::string by{};  // which operator, where; "": the account itself
  bool operator==(const CloseAllSessions&) const = default;
};
struct ChangePassword {  // closes all sessions but `keep`
  AccountId account{};
  std::string password_hash;
  Hash keep{};
  bool operator==(const ChangePassword&) const = default;
};
struct DeleteAccount {
  AccountId account{};
  std::string by{};  // as above
  bool operator==(const DeleteAccount&) const = default;
};
struct CreateRoom {  // the creator joins it
  AccountId account{};
  RoomId room{};
  std::string name;
  std::string folded;
  bool operator==(const CreateRoom&) const = default;
};
struct JoinRoom {
  AccountId account{};
  RoomId room{};
  bool operator==(const JoinRoom&) const = default;
};
struct LeaveRoom {
  AccountId account{};
  RoomId room{};
  bool operator==(const LeaveRoom&) const = default;
};
// For imported messages: who wrote it elsewhere, and when.
struct Original {
  std::string author;
  TimeMs time{};
  bool operator==(const Original&) const = default;
};
struct SendMessage {  // the text is Entry::text
  AccountId from{};
  MessageId message{};
  std::variant<AccountId, RoomId> to{};
  std::optional<Original> original;
  bool operator==(const SendMessage&) const = default;
};
struct MarkRead {
  AccountId account{};
  std::variant<AccountId, RoomId> conversation{};
  Position upto{};
  bool operator==(const MarkRead&) const = default;
};

// An operator gives a server's number to a new machine. Of the named cluster only: a backup that
// begins another one brings its log along.
struct ReplaceServer {
  ClusterId cluster{};
  ServerId server{};
  Place place;
  bool operator==(const ReplaceServer&) const = default;
};

// From here on a server proves with this key that it is this server. Of the named cluster only.
struct SetServerKey {
  ClusterId cluster{};
  ServerId server{};
  PublicKey key{};
  bool operator==(const SetServerKey&) const = default;
};

// The same password under costlier parameters. Sessions stay.
struct Rehash {
  AccountId account{};
  Hash before{};  // of the hash that it replaces: void if the password was changed meanwhile
  std::string password_hash;
  bool operator==(const Rehash&) const = default;
};
struct CreateInvitation {
  Hash code{};  // hash of it; the code itself is in no log
  std::uint32_t uses = 0;
  TimeMs expires{};
  std::string by;  // which operator, where
  bool operator==(const CreateInvitation&) const = default;
};
// Or ends the suspension. A suspended account has no sessions, and gets none.
struct SuspendAccount {
  AccountId account{};
  bool suspended = false;
  std::string by;
  bool operator==(const SuspendAccount&) const = default;
};
// Whoever has the code may set a new password, once. It replaces the code before.
struct OfferReset {
  AccountId account{};
  Hash code{};  // hash of it
  TimeMs expires{};
  std::string by;
  bool operator==(const OfferReset&) const = default;
};
struct ResetPassword {  // closes all sessions
  AccountId account{};
  Hash code{};
  std::string password_hash;
  bool operator==(const ResetPassword&) const = default;
};

}  // namespace op

// The order is the code on disk: append only.
using OperationBody =
    std::variant<op::Register, op::OpenSession, op::CloseSession, op::CloseAllSessions,
                 op::ChangePassword, op::DeleteAccount, op::CreateRoom, op::JoinRoom, op::LeaveRoom,
                 op::SendMessage, op::MarkRead, op::ReplaceServer, op::SetServerKey, op::Rehash,
                 op::CreateInvitation, op::SuspendAccount, op::OfferReset, op::ResetPassword>;

struct Operation {
  RequestId request{};
  TimeMs time{};  // given by the leader that admitted it; never below the entry before it
  std::uint64_t fingerprint = 0;  // of the client's request without secrets: tells a retry from
                                  // another request under the same id
  OperationBody body;
  bool operator==(const Operation&) const = default;
};

// An operation taken over from a log that had diverged after `fork`.
struct MergeOrigin {
  Position fork{};  // last entry that both logs share
  Position from{};  // where the operation stood first, as it was no merged one
  bool operator==(const MergeOrigin&) const = default;
};

// ---- heads

[[nodiscard]] Bytes encode_view(const View& view);
[[nodiscard]] Result<View> decode_view(const Entry& entry);  // kind must be view
[[nodiscard]] Bytes encode_operation(const Operation& operation);

struct DecodedOperation {
  Operation operation;
  std::optional<MergeOrigin> merged;  // present if the entry's kind is merged
};
[[nodiscard]] Result<DecodedOperation> decode_operation(const Entry& entry);

// An entry with kind, request, head, text and text_hash set; epoch, seq and hash are still zero.
[[nodiscard]] Entry make_view_entry(const View& view);
[[nodiscard]] Entry make_operation_entry(const Operation& operation, Bytes text);
// `offered` is an operation or merged entry of another log; keeps its request, operation and text.
// What was merged before keeps where it comes from, and the lower of the two forks.
// Malformed heads are refused.
[[nodiscard]] Result<Entry> make_merged_entry(const Entry& offered, const Position& fork);

// ---- derived ids (BLAKE2b-128 of a label and the request id): the same on both sides of a split

[[nodiscard]] AccountId account_id(const RequestId& request);
[[nodiscard]] RoomId room_id(const RequestId& request);
[[nodiscard]] MessageId message_id(const RequestId& request);
// Of what the servers do by themselves to a thing that has this hash: the same on all of them, so
// that it is done once. `number`: from 1.
[[nodiscard]] RequestId servers_own_request(std::string_view what, const Hash& about,
                                            std::uint64_t number);
[[nodiscard]] SessionId session_id(const Hash& token_hash);  // of that hash, not of a request
[[nodiscard]] ConversationId direct_conversation(const AccountId& a, const AccountId& b);
[[nodiscard]] ConversationId room_conversation(const RoomId& room);

}  // namespace chat262

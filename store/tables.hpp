// The tables: everything a client can ask for, derived from the log. LMDB environment `DIR/tables`
// under an in-memory overlay that every read looks through.
//
// apply(), revert_to() and all look-ups belong to one thread (the reactor). write_behind() runs on
// the tables thread; it takes a generation that the reactor sealed and makes it durable. `apply` is
// deterministic: the same entries give the same tables, byte for byte, on every server.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client_messages.hpp"
#include "protocol/entry.hpp"
#include "protocol/result.hpp"
#include "store/log.hpp"

namespace chat262::store {

// What an operation came to: what its client is told.
struct Outcome {
  Position at{};
  Status status = Status::ok;     // ok, or why it was refused when applied (name_taken, ...)
  std::uint64_t fingerprint = 0;  // of the request; see Operation::fingerprint
  TimeMs time{};                  // of the operation
  bool operator==(const Outcome&) const = default;
};

struct AccountRecord {
  AccountId id{};
  std::string name;
  std::string folded;
  std::string password_hash;
  std::string former_name;  // as it was registered, if a merge gave it another one; else ""
  TimeMs created{};
  bool deleted = false;
  bool suspended = false;
};
struct InvitationRecord {
  std::uint32_t uses = 0;  // left
  TimeMs expires{};
};
// A code that sets an account's password.
struct ResetRecord {
  Hash code{};  // hash of it
  TimeMs expires{};
  bool used = false;
};
struct SessionRecord {
  AccountId account{};
  TimeMs expires{};
  TimeMs created{};
  std::string address{};  // that it was opened from; "" if that is not known
  std::string client{};   // what the program said of itself
};
struct RoomRecord {
  RoomId id{};
  std::string name;
  std::string folded;
  std::string former_name;  // as it was created, if a merge gave it another one; else ""
  std::uint64_t members = 0;
};
struct ConversationRef {  // as one account sees it
  std::variant<AccountId, RoomId> with;
  ConversationId id{};
  Position read_upto{};
};
// A server whose number was given to another machine.
struct ReplacedServer {
  ServerId server{};
  ClusterId cluster{};      // in which that was
  std::uint32_t times = 0;  // how often, in that cluster
  Place place;              // of the last machine
  Seq at{};                 // of the entry that says so
  bool operator==(const ReplacedServer&) const = default;
};

// A server whose key was changed.
struct ServerKey {
  ServerId server{};
  ClusterId cluster{};  // in which that was
  PublicKey key{};
  PublicKey before{};  // the one that the log said before; zero: the cluster file's
  TimeMs time{};       // of the operation
  Seq at{};            // of the entry that says so
  bool operator==(const ServerKey&) const = default;
};

// Whom a committed entry concerns: whose waiting `events` requests are to be answered.
struct Concerned {
  std::vector<AccountId> accounts;  // directly
  std::optional<RoomId> room;       // and every member of this room
  std::vector<RoomId> more_rooms;   // and of these: an account that was in them was deleted
};

struct TablesOptions {
  std::filesystem::path directory;
  std::uint64_t map_bytes = 64ULL << 30;
};

class Tables {
 public:
  // Errors: io, system. Tables that are missing, of another format, of another history (hash at
  // `applied` differs from the log's) or with a bad checksum are started anew from seq 0: see
  // applied(); the caller then applies the log from there.
  static Result<std::unique_ptr<Tables>> open(const TablesOptions& options, const Log& log);
  virtual ~Tables() = default;

  // ---- changing

  // The seq that the next entry to apply follows.
  [[nodiscard]] virtual Seq applied() const = 0;
  [[nodiscard]] virtual TimeMs applied_time() const = 0;  // greatest time of an applied operation

  // Applies one entry; entry.seq must be applied().next(). A head that does not decode, or that
  // makes no sense, is an outcome (malformed), not an error: every server must do the same.
  // Errors: corrupt, io from a look-up.
  [[nodiscard]] virtual Result<Outcome> apply(const Entry& entry) = 0;

  // Undoes everything above `to`; entries up to min(to, durable()) may have to be applied again:
  // afterwards applied() <= to, and the caller applies the log from there. If `to` is below what
  // is durable, the tables are emptied and applied() is 0.
  [[nodiscard]] virtual Result<void> revert_to(Seq to) = 0;

  // A look-up met a damaged record or a read error (and answered as if nothing was there). Errc::
  // corrupt: call revert_to(Seq{}) and apply the log anew; io: the process must end.
  [[nodiscard]] virtual std::optional<Error> fault() const = 0;

  // Any thread: checks records from this key on ("" is the first), about `bytes_max`. Returns where
  // to go on, "" at the end. Errors: corrupt, which fault() then says too.
  [[nodiscard]] virtual Result<std::string> check(const std::string& from,
                                                  std::size_t bytes_max) = 0;

  // ---- write-behind

  // Reactor: everything applied up to `commit` may be written. Returns true if there is a
  // generation for write_behind() to take.
  virtual bool seal(Seq commit) = 0;
  // Tables thread: writes the sealed generation in one transaction (texts of deleted accounts are
  // erased from the log first). Errors: disk_full (kept; try again later), io.
  [[nodiscard]] virtual Result<void> write_behind(Log& log) = 0;
  // Reactor, after write_behind() returned: drops what is durable now from the overlay.
  virtual void settle() = 0;
  [[nodiscard]] virtual Seq durable() const = 0;  // `applied` on disk
  [[nodiscard]] virtual std::size_t overlay_bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t file_bytes() const = 0;

  // ---- look-ups, through the overlay; nullopt or empty where there is nothing

  [[nodiscard]] virtual std::optional<Outcome> request(const RequestId& id) const = 0;
  [[nodiscard]] virtual std::optional<AccountRecord> account(const AccountId& id) const = 0;
  // Deleted accounts are found too: their names stay taken.
  [[nodiscard]] virtual std::optional<AccountRecord> account_named(
      const std::string& folded) const = 0;
  // Accounts that were registered by this name, and were renamed by a merge; at most `limit`.
  [[nodiscard]] virtual std::vector<AccountRecord> accounts_once_named(const std::string& folded,
                                                                       unsigned limit) const = 0;
  [[nodiscard]] virtual std::optional<SessionRecord> session(const Hash& token_hash) const = 0;
  [[nodiscard]] virtual std::optional<InvitationRecord> invitation(const Hash& code) const = 0;
  [[nodiscard]] virtual std::optional<ResetRecord> reset_code(const AccountId& account) const = 0;
  // All of an account, by token's hash; those that have expired and were not closed too.
  struct OpenSession {
    Hash token_hash{};
    SessionRecord record;
  };
  [[nodiscard]] virtual std::vector<OpenSession> sessions(const AccountId& account) const = 0;
  [[nodiscard]] virtual std::optional<RoomRecord> room(const RoomId& id) const = 0;
  [[nodiscard]] virtual std::optional<RoomRecord> room_named(const std::string& folded) const = 0;
  [[nodiscard]] virtual bool is_member(const RoomId& room, const AccountId& account) const = 0;

  // Pages in order of the folded name, above `after` (folded, "" = from the start), matching
  // `pattern` (folded, `*` wildcard). Looks at no more than `scan_max` records, so a page may be
  // short: `next` is then where to go on.
  template <class T>
  struct Page {
    std::vector<T> items;
    std::string next;  // folded name to continue after; "" = nothing more
  };
  [[nodiscard]] virtual Page<AccountRecord> accounts(const std::string& pattern,
                                                     const std::string& after,
                                                     unsigned limit) const = 0;
  // As accounts(), and deleted ones too.
  [[nodiscard]] virtual Page<AccountRecord> all_accounts(const std::string& pattern,
                                                         const std::string& after,
                                                         unsigned limit) const = 0;
  [[nodiscard]] virtual Page<RoomRecord> rooms(const std::string& pattern, const std::string& after,
                                               unsigned limit) const = 0;
  [[nodiscard]] virtual Page<AccountRecord> members(const RoomId& room, const std::string& after,
                                                    unsigned limit) const = 0;

  // Conversations of an account (direct ones and rooms it is in), in a fixed order.
  struct ConversationPage {
    std::vector<ConversationRef> items;
    Bytes next;  // empty: nothing more
  };
  [[nodiscard]] virtual ConversationPage conversations(const AccountId& account, const Bytes& after,
                                                       unsigned limit) const = 0;
  [[nodiscard]] virtual std::optional<ConversationRef> conversation(
      const AccountId& account, const std::variant<AccountId, RoomId>& with) const = 0;

  // How many rooms an account is in; counts at most `max`.
  [[nodiscard]] virtual unsigned rooms_of(const AccountId& account, unsigned max) const = 0;

  // What happened in a conversation: messages, and in rooms joins and leaves.
  enum class ItemKind : std::uint8_t { message = 0, joined = 1, left = 2 };
  struct Item {
    Seq seq{};
    ItemKind kind = ItemKind::message;
    AccountId who{};
    bool undelivered = false;  // a message whose receiver's account was deleted before a merge
  };
  // Items strictly above / below `from`, in that direction, at most `limit`. `below` without a
  // `from` starts at the newest.
  [[nodiscard]] virtual std::vector<Item> items_above(const ConversationId& conversation, Seq from,
                                                      unsigned limit) const = 0;
  [[nodiscard]] virtual std::vector<Item> items_below(const ConversationId& conversation,
                                                      std::optional<Seq> from,
                                                      unsigned limit) const = 0;
  // Messages above `read` that others wrote; counts at most `max`.
  [[nodiscard]] virtual std::uint64_t unread(const ConversationId& conversation,
                                             const AccountId& account, Seq read,
                                             std::uint64_t max) const = 0;

  // What an account's events are made of, in log order, above `since`, at most `limit`: items of
  // its conversations (rooms: since it joined) and what only it is told (see schema::Notice).
  struct Happening {
    Seq seq{};
    enum class Kind : std::uint8_t {
      message,
      joined,
      left,
      read,
      renamed,
      undelivered
    } kind = Kind::message;
    bool undelivered_message = false;  // kind message, as Item::undelivered
  };
  [[nodiscard]] virtual std::vector<Happening> happenings(const AccountId& account, Seq since,
                                                          unsigned limit) const = 0;

  [[nodiscard]] virtual std::vector<ReplacedServer> replaced() const = 0;  // by server
  [[nodiscard]] virtual std::vector<ServerKey> server_keys() const = 0;    // by server

  // Where to resume for a cursor that may come from a history that was merged away.
  [[nodiscard]] virtual Seq resolve(const Position& cursor) const = 0;

  [[nodiscard]] virtual Concerned concerned(const Entry& entry) const = 0;

  // For tests: every record, overlay included, as "table/key=value" in order; equal on servers with
  // equal logs.
  [[nodiscard]] virtual Hash digest() const = 0;
};

}  // namespace chat262::store

// The chat262 client library.
//
// A Client talks to a cluster of servers. It finds the leader, moves on to the next server when one
// does not answer within a second, and repeats a request until it is answered or the caller's
// deadline has passed. A write is done at most once, however often it had to be repeated.
//
// Threads: a Client may be used by one thread at a time, and moved between threads. Different
// Clients are independent. The events thread started by subscribe() is the library's own; its
// callbacks run on that thread, one at a time, and must not call the Client they belong to.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace chat262 {
namespace client {

using Milliseconds = std::chrono::milliseconds;

// A server's place in the log, opaque; keep it to go on from there. Empty: from the beginning.
using Cursor = std::string;

// Sixteen bytes as 32 hexadecimal digits.
using IdText = std::string;

// Names one write for ever. Keep it to ask again what became of a write.
struct RequestId {
  std::string client;        // 16 bytes
  std::uint64_t number = 0;  // from 1
};

// As text: 32 hexadecimal digits, a colon, the number.
std::string to_text(const RequestId& request);
std::optional<RequestId> request_from_text(const std::string& text);  // nullopt: no request id

// Bytes (cursors, tokens) as hexadecimal digits, and back; nullopt if they are none.
std::string hex(const std::string& bytes);
std::optional<std::string> unhex(const std::string& text);

// The request was answered with a refusal. `code` is a status name of PROTOCOL.md, e.g.
// "name_taken"; or "no_answer" (a read that no server answered within the deadline).
struct Refused {
  std::string code;
  std::string text;                   // for people
  std::vector<unsigned> waiting_for;  // with "unavailable": servers that are waited for
  std::uint32_t retry_ms = 0;         // with "too_many": when to try again
};

// A write that got no answer within the deadline: it may or may not be done, or be done later.
// Calling again with `request` (see Client::with_request) gives its outcome and never does it
// twice.
struct Unknown {
  RequestId request;
  std::string text;
};

// What became of a call: done with a value, refused, or unknown (writes only).
template <class T>
class Outcome {
 public:
  Outcome(T value) : state_(std::move(value)) {}            // NOLINT(google-explicit-constructor)
  Outcome(Refused refused) : state_(std::move(refused)) {}  // NOLINT(google-explicit-constructor)
  Outcome(Unknown unknown) : state_(std::move(unknown)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool done() const { return state_.index() == 0; }
  explicit operator bool() const { return done(); }
  [[nodiscard]] const T& value() const { return std::get<0>(state_); }
  [[nodiscard]] T& value() { return std::get<0>(state_); }
  [[nodiscard]] const Refused* refused() const { return std::get_if<1>(&state_); }
  [[nodiscard]] const Unknown* unknown() const { return std::get_if<2>(&state_); }
  // Empty if done; else what to tell the user.
  [[nodiscard]] std::string error_text() const {
    if (const Refused* r = refused()) return r->text;
    if (const Unknown* u = unknown()) return u->text;
    return {};
  }

 private:
  std::variant<T, Refused, Unknown> state_;
};

struct Done {};

struct Address {
  unsigned server = 0;   // place in the leader order
  std::string endpoint;  // tcp://host:port
  std::string key{};     // its public key, 40 characters of Z85 (CURVE); empty: not encrypted
};

// What the connection is doing, for people to see.
struct Progress {
  enum class Kind {
    trying,     // a request goes to `server`
    no_answer,  // `server` did not answer in time, or its connection was refused
    moved,      // `server` says that another one leads
    answered,   // `server` answered after others had not
    waiting     // a full round failed: pausing before the next one
  } kind = Kind::trying;
  unsigned server = 0;
  std::string text;  // e.g. "server 0 (127.0.0.1) does not answer, trying server 1 (127.0.0.2)"
};

struct Options {
  std::vector<Address> servers;  // in leader order; see servers_from()
  Milliseconds poll{1000};       // without an answer for so long: the next server
  Milliseconds timeout{10'000};  // a call's deadline
  // A few words about program and machine, which the account's owner sees in its list of sessions.
  std::string description;
  std::function<void(const Progress&)> on_progress;  // called on the calling thread
};

// Addresses as on the command line (HOST, HOST:PORT, [V6]:PORT), or the path of a cluster file, or
// neither: the file that CHAT262_CLUSTER names. Throws std::invalid_argument with a text for
// people.
std::vector<Address> servers_from(const std::vector<std::string>& addresses,
                                  const std::string& cluster_file = {});

struct Target {
  enum class Kind { user, room } kind = Kind::user;
  std::string name;
  static Target user(std::string name) { return {Kind::user, std::move(name)}; }
  static Target room(std::string name) { return {Kind::room, std::move(name)}; }
};

struct Original {  // of an imported message
  std::string author;
  std::int64_t time_ms = 0;
};

struct Message {
  IdText id;
  Cursor at;
  std::int64_t time_ms = 0;  // since 1970, UTC
  Target conversation;
  std::string from;
  std::optional<Original> original;
  bool erased = false;  // its author's account was deleted; `text` is empty
  std::string text;
  // It was taken over from the other side of a network split, and stands behind what this side
  // wrote meanwhile; `time_ms` is when it was sent.
  bool late = false;
  bool undelivered = false;  // nobody got it: its receiver's account had been deleted there
};

struct Joined {
  Cursor at;
  std::int64_t time_ms = 0;
  std::string room, user;
};
struct Left {
  Cursor at;
  std::int64_t time_ms = 0;
  std::string room, user;
};
struct Read {
  Cursor at;
  Target conversation;
  Cursor upto;
};
// After a network split, two users or two rooms had one name: one of them got another. Either may
// be the one that was meant by the name until now.
struct Renamed {
  Cursor at;
  std::int64_t time_ms = 0;
  Target was;         // by its name until now
  std::string name;   // its name from now on
  bool self = false;  // it is this account's own name
};
// A message of this account was not delivered: see Message::undelivered.
struct Undelivered {
  Cursor at;
  std::int64_t time_ms = 0;
  IdText message;
  Target to;
};
using Event = std::variant<Message, Joined, Left, Read, Renamed, Undelivered>;

struct ServerInfo {
  std::string software;
  unsigned feature_level = 0;
  IdText cluster;
  unsigned server = 0;
  std::optional<unsigned> leader;
  std::vector<Address> servers;
  std::int64_t time_ms = 0;
  std::uint32_t text_bytes_max = 0;
};

struct ForcedView {  // an operator made a server lead, by the entry at `seq`
  std::uint64_t seq = 0, epoch_counter = 0;
  unsigned epoch_server = 0;
  std::vector<unsigned> without;  // servers that were not asked
};
struct ServerStatus {
  std::string software, role, health;
  IdText cluster;
  unsigned server = 0;
  std::optional<unsigned> leader;
  std::uint64_t epoch_counter = 0;
  unsigned epoch_server = 0;
  bool in_sync = false, lost_disk = false;
  std::vector<unsigned> view, heard, waiting_for;
  std::string waiting_why;
  std::uint64_t last = 0, commit = 0, applied = 0;
  std::string last_hash;  // 64 hexadecimal digits
  std::uint64_t log_bytes = 0, table_bytes = 0, uptime_ms = 0;
  std::uint32_t starts = 0;
  std::string policy;
  std::string settings;  // what its cluster file says otherwise, hashed; "" of an older server
  std::vector<ForcedView> forced;
  // Passes over the whole log that look for flipped bits, and what was found, in this life.
  std::uint64_t scrub_passes = 0, scrub_entries = 0;
  std::int64_t scrubbed_ms = 0;  // when the last pass ended; 0: none has
  std::uint64_t damage_found = 0, damage_repaired = 0;
  std::vector<std::uint64_t> damage;  // entries that no other server could repair yet
};

struct LoggedIn {
  IdText account;
  std::string name;
  std::int64_t expires_ms = 0;
  Cursor now;
  std::string token;  // 32 bytes; keep it secret; resume() takes it
};
struct Session {
  IdText id;
  std::int64_t created_ms = 0, expires_ms = 0;
  std::string address;   // that it was opened from; empty if that is not known
  std::string client;    // what the program said of itself
  bool current = false;  // it is this one
};
struct Sessions {
  std::vector<Session> sessions;
  bool more = false;
};
struct Account {
  IdText id;
  std::string name;
};
struct Accounts {
  std::vector<Account> accounts;
  bool more = false;
};
struct Room {
  IdText id;
  std::string name;
  std::uint64_t members = 0;
  bool joined = false;
};
struct Rooms {
  std::vector<Room> rooms;
  bool more = false;
};
struct Conversation {
  Target target;
  std::uint64_t unread = 0;
  std::optional<Message> last;
  Cursor read_upto;
};
struct Conversations {
  std::vector<Conversation> conversations;
  std::string next;     // empty: no more
  std::string account;  // this account's own name: see Renamed. Empty: the server does not say
};
struct Sent {
  IdText message;
  Cursor at;
  std::int64_t time_ms = 0;
};
struct History {
  std::vector<Message> messages;  // oldest first
  bool more = false;
};
struct Events {
  std::vector<Event> events;
  Cursor next;
};

class Client {
 public:
  explicit Client(Options options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // ---- about the servers (no session needed)
  Outcome<ServerInfo> hello();  // of whichever server answers
  Outcome<ServerInfo> hello(unsigned server);
  Outcome<ServerStatus> status(
      unsigned server);  // of this very server; one poll, no retry elsewhere

  // ---- accounts and sessions. Passwords: 8 to 128 bytes.
  // `invitation`: its code, where the cluster asks for one.
  Outcome<IdText> register_account(const std::string& name, const std::string& password,
                                   const std::string& invitation = {});
  Outcome<LoggedIn> log_in(const std::string& name, const std::string& password);
  void resume(const std::string& token);  // use a token of an earlier log_in
  Outcome<Done> log_out();
  Outcome<Done> log_out_everywhere();
  Outcome<Done> change_password(const std::string& old_password, const std::string& new_password);
  // With a code that an operator gave. Ends all sessions.
  Outcome<Done> reset_password(const std::string& name, const std::string& code,
                               const std::string& new_password);
  Outcome<Sessions> list_sessions(const IdText& after = {}, unsigned limit = 100);
  Outcome<Done> end_session(const IdText& session);
  Outcome<Done> delete_account(const std::string& password);
  Outcome<Accounts> search_accounts(const std::string& pattern, const std::string& after = {},
                                    unsigned limit = 100);

  // ---- rooms
  Outcome<IdText> create_room(const std::string& name);
  Outcome<IdText> join_room(const std::string& name);
  Outcome<Done> leave_room(const std::string& name);
  Outcome<Rooms> list_rooms(const std::string& pattern = "*", const std::string& after = {},
                            unsigned limit = 100);
  Outcome<Accounts> list_members(const std::string& room, const std::string& after = {},
                                 unsigned limit = 100);

  // ---- messages
  Outcome<Sent> send(const Target& to, const std::string& text,
                     const std::optional<Original>& original = std::nullopt);
  Outcome<Conversations> list_conversations(const std::string& after = {}, unsigned limit = 100);
  // Messages before `from` (newer = false; none: the newest) or after it (newer = true; none: the
  // oldest), oldest first.
  Outcome<History> history(const Target& of, const std::optional<Cursor>& from = std::nullopt,
                           bool newer = false, unsigned limit = 50);
  // Waits up to `wait` (cut to what the protocol allows) for events after `since`; none: from now.
  Outcome<Events> events(const std::optional<Cursor>& since, Milliseconds wait = Milliseconds{0},
                         unsigned limit = 100);
  Outcome<Done> mark_read(const Target& conversation, const Cursor& upto);

  // ---- exactly once
  // The next write of this Client uses this id instead of a fresh one.
  Client& with_request(RequestId request);
  // Every write gets ids of this client id, counted from `next_number`: for programs that resume
  // after being killed and must not do anything twice. Otherwise the client id is random.
  void use_client_id(const std::string& sixteen_bytes, std::uint64_t next_number);

  // ---- events as they come
  // Starts a thread with connections of its own that calls `on_event` for everything after `since`
  // (none: from now on) and `on_progress` for its connection. Throws std::logic_error if there is
  // no session. `on_end` is called once when the session is refused for good.
  void subscribe(std::optional<Cursor> since,
                 std::function<void(const Event&, const Cursor& next)> on_event,
                 std::function<void(const Progress&)> on_progress = {},
                 std::function<void(const Refused&)> on_end = {});
  void unsubscribe();  // waits for a running callback; also done by the destructor

  void set_timeout(Milliseconds timeout);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
}  // namespace chat262

// What servers answer. The normative text is protocol/PROTOCOL.md.
//
// A reply is one frame: [version, status, number, body].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client_requests.hpp"
#include "protocol/ids.hpp"
#include "protocol/place.hpp"

namespace chat262 {

enum class Status : std::uint8_t {
  ok = 0,
  // Ask elsewhere or later; nothing was done by this request (unless said otherwise).
  not_leader = 1,   // ErrorBody::server, if known, leads or should lead
  unavailable = 2,  // ErrorBody::servers: who is waited for
  busy = 3,         // the server has too much to do; ErrorBody::retry_ms
  too_many = 4,     // the client asks for too much; ErrorBody::retry_ms
  // The request is wrong; the same bytes will never succeed.
  wrong_version = 10,
  unknown_operation = 11,
  malformed = 12,
  too_large = 13,
  request_reused = 14,  // the request id was used for another request
  // The service refuses.
  not_signed_in = 20,
  wrong_credentials = 21,
  name_taken = 22,
  bad_name = 23,
  bad_password = 24,
  no_such_user = 25,
  no_such_room = 26,
  not_a_member = 27,
  already_a_member = 28,
  bad_text = 29,
  bad_cursor = 30,
  bad_argument = 31,
  no_permission = 32,
  suspended = 33  // feature level 3
};

// Name in the documents and in JSON, e.g. "not_leader".
[[nodiscard]] const char* status_name(Status status);
// Status of a code on the wire, nullopt if unknown to this version.
[[nodiscard]] std::optional<Status> status_from_code(std::uint8_t code);

struct Account {
  AccountId id{};
  std::string name;
  bool operator==(const Account&) const = default;
};
struct Room {
  RoomId id{};
  std::string name;
  std::uint64_t members = 0;
  bool joined = false;
  bool operator==(const Room&) const = default;
};
struct Message {
  MessageId id{};
  Cursor at;
  TimeMs time{};
  Target conversation;  // room, or the other party as the asker sees it
  std::string from;
  std::optional<Original> original;
  bool erased = false;  // its author's account was deleted; text is empty
  std::string text;
  // ---- feature level 2
  bool late = false;         // it was merged into the history after a network split
  bool undelivered = false;  // the receiver's account had been deleted on the other side of it
  bool operator==(const Message&) const = default;
};
struct Conversation {
  Target target;
  std::uint64_t unread = 0;
  std::optional<Message> last;
  Cursor read_upto;
  bool operator==(const Conversation&) const = default;
};

namespace event {
struct Joined {
  Cursor at;
  TimeMs time{};
  std::string room;
  std::string user;
  bool operator==(const Joined&) const = default;
};
struct Left {
  Cursor at;
  TimeMs time{};
  std::string room;
  std::string user;
  bool operator==(const Left&) const = default;
};
struct Read {  // another session of the same account marked a conversation read
  Cursor at;
  Target conversation;
  Cursor upto;
  bool operator==(const Read&) const = default;
};
// ---- feature level 2: what a merge after a network split came to
struct Renamed {
  Cursor at;
  TimeMs time{};
  Target was;         // the user or room as it was named
  std::string name;   // as it is named now
  bool self = false;  // it is the asker's own account
  bool operator==(const Renamed&) const = default;
};
struct Undelivered {  // a message of the asker's
  Cursor at;
  TimeMs time{};
  MessageId message{};
  Target to;
  bool operator==(const Undelivered&) const = default;
};
}  // namespace event
// On the wire: [code, ...]. The order is the code: 0 message, 1 joined, 2 left, 3 read, 4 renamed,
// 5 undelivered.
using Event = std::variant<Message, event::Joined, event::Left, event::Read, event::Renamed,
                           event::Undelivered>;

namespace reply {

struct ServerAddress {
  ServerId id{};
  std::string endpoint;  // of its client port, as zmq writes it: tcp://host:port
  PublicKey key{};       // CURVE; none: not encrypted. Feature level 3
  bool operator==(const ServerAddress&) const = default;
};
struct Hello {
  std::string software;  // "chat262 0.1.0"
  std::uint8_t feature_level = client_feature_level;
  ClusterId cluster{};
  ServerId server{};
  std::optional<ServerId> leader;
  std::vector<ServerAddress> servers;
  TimeMs time{};
  std::uint32_t text_bytes_max = 0;
  bool operator==(const Hello&) const = default;
};
struct ForcedView {  // an operator made a server lead
  Position at{};
  std::vector<ServerId> without;  // servers that were not asked
  bool operator==(const ForcedView&) const = default;
};
struct ServerStatus {
  std::string software;
  ClusterId cluster{};
  ServerId server{};
  std::string role;    // "leader", "follower", "candidate", "learner"
  std::string health;  // "able", "full", "stalled", "rebuilding"
  std::optional<ServerId> leader;
  Epoch epoch{};  // of the leader it follows, or its own
  Epoch promised{};
  bool in_sync = false;
  bool lost_disk = false;
  std::vector<ServerId> view;  // members of its latest view
  Position last{};
  Hash last_hash{};
  Seq commit{};
  Seq applied{};
  std::uint64_t log_bytes = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t uptime_ms = 0;
  std::uint32_t starts = 0;           // the incarnation's counter
  std::vector<ServerId> waiting_for;  // unavailable because of these
  std::string waiting_why;            // and why; "" if it waits for nobody
  std::vector<ServerId> heard;        // peers that it hears now
  std::string policy;                 // "continue", "proof", "majority"
  std::vector<ForcedView> forced;     // of its log, the newest forced_views_max
  std::uint64_t scrub_passes = 0;     // times that the whole log was read and checked, in this life
  TimeMs scrubbed{};                  // when the last of them ended; 0: none has
  std::uint64_t scrub_entries = 0;    // how many entries it checked
  std::uint64_t damage_found = 0;     // entries, in this life
  std::uint64_t damage_repaired = 0;  // of them
  std::vector<Seq> damage;            // what no other server could repair yet, the first 16
  Hash settings{};                    // of what Cluster has; zero: an older server
  bool operator==(const ServerStatus&) const = default;
};
struct Registered {
  AccountId account{};
  std::string name;  // feature level 2; "" of an older server
  bool operator==(const Registered&) const = default;
};
struct LoggedIn {
  AccountId account{};
  std::string name;  // as registered
  TimeMs expires{};
  Cursor now;  // events since here are new
  bool operator==(const LoggedIn&) const = default;
};
struct Done {  // log out, change password, delete account, leave room, mark read
  bool operator==(const Done&) const = default;
};
struct Accounts {
  std::vector<Account> accounts;
  bool more = false;
  bool operator==(const Accounts&) const = default;
};
struct Conversations {
  std::vector<Conversation> conversations;
  Bytes next;           // empty: no more
  std::string account;  // the asker's own name; feature level 2; "" of an older server
  bool operator==(const Conversations&) const = default;
};
struct Session {
  SessionId id{};
  TimeMs created{};
  TimeMs expires{};
  std::string address;   // that it was opened from; "" if that is not known
  std::string client;    // what the program said of itself
  bool current = false;  // it is the one that asks
  bool operator==(const Session&) const = default;
};
struct Sessions {
  std::vector<Session> sessions;  // by id
  bool more = false;
  bool operator==(const Sessions&) const = default;
};
struct AccountState {  // for operators
  AccountId id{};
  std::string name;
  TimeMs created{};
  bool suspended = false;
  bool deleted = false;
  std::uint64_t sessions = 0;  // open ones
  bool operator==(const AccountState&) const = default;
};
struct AccountStates {
  std::vector<AccountState> accounts;  // by name; deleted ones too
  bool more = false;
  bool operator==(const AccountStates&) const = default;
};
struct AccountShown {
  AccountState account;
  std::string former_name;            // as it was registered, if a merge gave it another one
  std::vector<Session> sessions;      // the first page_items_max
  std::optional<TimeMs> reset_until;  // a code for a new password has been given, and not used
  bool operator==(const AccountShown&) const = default;
};
struct CodeMade {
  TimeMs expires{};
  bool operator==(const CodeMade&) const = default;
};
struct RoomDone {  // create and join
  RoomId room{};
  std::string name;  // feature level 2; "" of an older server
  bool operator==(const RoomDone&) const = default;
};
struct Rooms {
  std::vector<Room> rooms;
  bool more = false;
  bool operator==(const Rooms&) const = default;
};
struct Members {
  std::vector<Account> members;
  bool more = false;
  bool operator==(const Members&) const = default;
};
struct Sent {
  MessageId message{};
  Cursor at;
  TimeMs time{};
  bool operator==(const Sent&) const = default;
};
struct History {
  std::vector<Message> messages;  // always oldest first
  bool more = false;              // there is more in the direction asked for
  bool operator==(const History&) const = default;
};
struct Events {
  std::vector<Event> events;  // in log order
  Cursor next;                // ask since here
  bool operator==(const Events&) const = default;
};
struct SurveyedServer {
  ServerId id{};
  std::string endpoint;  // of its client port
  bool heard = false;
  std::optional<std::uint64_t> silent_ms;  // none: not heard since the start of who was asked
  bool member = false;                     // of the latest view of who was asked
  bool in_sync = false;
  bool lost_disk = false;
  std::string health;
  std::optional<Position> last;  // of its log, as far as it is known
  Epoch promised{};              // zero: not known
  bool operator==(const SurveyedServer&) const = default;
};
struct Survey {
  ClusterId cluster{};
  ServerId server{};  // who was asked
  std::optional<ServerId> leader;
  std::vector<SurveyedServer> servers;  // all, by id, the one that was asked included
  bool operator==(const Survey&) const = default;
};
struct HandedOver {
  ServerId leader{};
  Epoch epoch{};
  bool operator==(const HandedOver&) const = default;
};
struct Scrub {  // the newest pass over log and tables that an operator asked for; and its damage
  ServerId server{};
  std::uint64_t pass = 0;  // counted from 1 in the server's present life; 0: none
  bool ended = false;
  std::uint64_t entries = 0;         // read in it
  std::uint64_t last = 0;            // of the log
  std::uint64_t found = 0;           // damaged entries: known at its begin, and found since
  std::uint64_t repaired = 0;        // of these
  bool tables_found = false;         // the tables were damaged
  std::uint64_t tables_rebuilt = 0;  // times since its begin
  bool tables_ready = true;          // false: they are behind the log, or being made anew
  bool operator==(const Scrub&) const = default;
};
struct ClusterServer {
  ServerId id{};
  Place place;
  std::uint32_t replaced = 0;  // how often its number was given to another machine
  PublicKey key{};             // none: not encrypted
  bool operator==(const ClusterServer&) const = default;
};
struct Cluster {
  ClusterId id{};
  std::string policy;
  std::vector<ClusterServer> servers;  // by id
  std::string settings;  // settings_to_toml() of its cluster file; "" of an older server, too
  bool operator==(const Cluster&) const = default;
};
struct Replaced {
  ServerId server{};
  Place before;
  Place place;
  std::optional<std::uint64_t> silent_ms;  // none: not heard since the start of who was asked
  std::optional<Position> last;            // of its log, as far as it is known
  Position log{};                          // where the leader's log ends
  std::optional<Position> at;              // of the entry; none: nothing was done yet
  Cluster cluster;                         // with the new place
  bool operator==(const Replaced&) const = default;
};
struct Rotated {
  ServerId server{};
  PublicKey key{};  // the new one
  Position at{};    // of the entry that says so
  bool operator==(const Rotated&) const = default;
};
struct ErrorBody {                 // of every status but ok
  std::string text;                // for people
  std::optional<ServerId> server;  // not_leader
  std::uint32_t retry_ms = 0;      // busy, too_many
  std::vector<ServerId> servers;   // unavailable: who is waited for
  bool operator==(const ErrorBody&) const = default;
};

}  // namespace reply

// An ok reply's kind follows from the request's: see PROTOCOL.md.
using ReplyBody =
    std::variant<reply::ErrorBody, reply::Hello, reply::ServerStatus, reply::Registered,
                 reply::LoggedIn, reply::Done, reply::Accounts, reply::Conversations,
                 reply::RoomDone, reply::Rooms, reply::Members, reply::Sent, reply::History,
                 reply::Events, reply::Survey, reply::HandedOver, reply::Scrub, reply::Replaced,
                 reply::Cluster, reply::Rotated, reply::Sessions, reply::AccountStates,
                 reply::AccountShown, reply::CodeMade>;

struct Reply {
  Status status = Status::ok;
  std::uint64_t number = 0;  // the request's
  ReplyBody body;
  bool operator==(const Reply&) const = default;
};

}  // namespace chat262

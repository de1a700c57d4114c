// What goes into the replication core and what comes out of it. All the core's contact with the
// world is here: it has no clock, no socket, no disk, no thread and no randomness of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/entry.hpp"
#include "protocol/ids.hpp"
#include "protocol/limits.hpp"
#include "protocol/peer_messages.hpp"
#include "protocol/policy.hpp"

namespace chat262::replica {

// Milliseconds of a monotonic clock that counts suspended time (CLOCK_BOOTTIME).
struct Clock : Number<struct ClockTag, std::int64_t> {
  constexpr auto operator<=>(const Clock&) const = default;
};
[[nodiscard]] constexpr Clock clock_ms(std::int64_t ms) {
  return Clock{{ms}};
}

struct Timers {  // milliseconds; the reasons are in REPLICATION.md
  std::int64_t heartbeat_every = 100;
  std::int64_t suspect_after = 400;
  std::int64_t lease = 300;
  std::int64_t ask_wait = 100;
  std::int64_t prepare_wait = 250;
  std::int64_t stalled_after = 2000;
  std::int64_t idle_takeover = 2000;
  std::int64_t idle_takeover_step = 500;  // times the server's id
  std::int64_t resend_after = 200;        // Append, Offer, Fetch, Prepare without an answer
  std::int64_t verdict_keeps = 500;       // an `unavailable` is judged anew after this
};

struct Config {
  ServerId self{};
  unsigned servers = 3;  // ids 0..servers-1
  Policy policy = Policy::continues;
  Timers timers;
  // What may be in flight to a follower; a learner that lacks no more is admitted.
  std::size_t batch_entries_max = limits::batch_entries_max;
  std::size_t inflight_batches_max = limits::inflight_batches_max;
  // For tests only: letters of rules in REPLICATION.md to leave out, to show what each is for.
  std::string without;
};

// A view entry and where it stands.
struct PlacedView {
  Position at{};
  View view;
};

// What the disk holds at start.
struct Durable {
  Epoch promised{};
  Incarnation incarnation{};  // this life's: already raised and on disk
  // A new directory, or an old copy of a disk: what its log lacks says nothing. It does not count
  // in a takeover until it has been in-sync, or until all servers have met while all were empty.
  bool lost_disk = false;
  Seq commit{};                   // the commit hint
  std::vector<PlacedView> views;  // every view entry of the log, in order
  // The end of the log, consecutive, ending with its last entry: at least everything above
  // `commit`, and more is welcome. Empty only if the log is empty.
  std::vector<Entry> tail;
};

// ---- inputs

struct Tick {};  // time has passed; call at next_wake() at the latest
struct Received {
  peer::Message message;  // decoded, of this cluster, `from` checked against the sender's key
};
struct Submission {
  std::uint64_t handle = 0;  // the caller's; comes back in Accepted or Refused
  Entry entry;               // made by make_operation_entry
};
struct Submit {  // one batch; only while routing() says serve
  std::vector<Submission> submissions;
};
struct ClientAsked {
};                  // a client wants this server to lead: starts a takeover where the rules allow
struct Persisted {  // writes complete in order
  std::uint64_t id = 0;  // every Persist up to this one
};
struct PersistFailed {   // this Persist and all later ones already issued: nothing of them is on
  std::uint64_t id = 0;  // disk. The caller saw "disk full"; EIO ends the process instead.
};
struct LogRead {
  std::uint64_t id = 0;
  std::vector<Entry> entries;  // consecutive from the Seq asked for; empty: could not be read
};
struct ProbeResult {
  ServerId peer{};
  bool refused = false;  // true: the kernel there refused; false: connected, or no answer
  Clock asked{};         // when the connect began
};
struct DiskRoom {
  bool full = false;  // set again to false when there is room
};
struct TablesReady {  // false while the tables are rebuilt: the server must not lead
  bool ready = true;
};
struct Handover {  // give up leadership, to this server if named and fit, else to the next fit one
  std::optional<ServerId> to;
};
// An operator's word: lead, although servers are missing that may have later messages. Ignored
// where a leader is heard or the disk is full; recorded by View::forced.
struct ForceLead {};
struct Stop {};  // clean stop: say goodbye

using Input = std::variant<Tick, Received, Submit, ClientAsked, Persisted, PersistFailed, LogRead,
                           ProbeResult, DiskRoom, TablesReady, Handover, ForceLead, Stop>;

// ---- actions, to be carried out in order

struct Send {
  ServerId to{};
  peer::Message message;
};
// One durable write, all of it or nothing. Answered by Persisted or PersistFailed.
struct Persist {
  std::uint64_t id = 0;
  std::optional<Epoch> promised;
  std::optional<std::pair<Incarnation, bool>> identity;  // incarnation and lost_disk
  std::optional<Seq> cut_after;                          // first remove every entry above this
  std::vector<Entry> entries;                            // then append these
  Seq commit{};                                          // the commit hint as known now
};
struct ReadLog {  // answered by LogRead
  std::uint64_t id = 0;
  Seq from{};
  Seq to{};                   // inclusive
  std::size_t bytes_max = 0;  // at least one entry is returned all the same
};
// Apply every entry of the log up to `to` that is not applied yet.
struct Apply {
  Seq to{};
};
// Entries above `to` were cut: what they did to the tables is undone. Comes before the Persist
// that cuts and before any Apply of what replaces them.
struct Revert {
  Seq to{};
};
// Entries up to `seq` are committed; replies and events that depend on them may leave.
struct Committed {
  Seq seq{};
};
struct Accepted {  // the submission stands at this place, or the first one of its request id does
  std::uint64_t handle = 0;
  Position at{};
  bool duplicate = false;
};
struct Refused {  // not the leader any more, or not serving
  std::uint64_t handle = 0;
};
// Leadership is lost: everything that waits for a commit is answered with not_leader.
struct Deposed {};
struct Probe {  // try a plain TCP connect to the peer port; answered by ProbeResult
  ServerId peer{};
};
enum class NoteLevel { debug, info, warning, error };
struct Note {  // a log line
  NoteLevel level = NoteLevel::info;
  std::string text;
};

using Action = std::variant<Send, Persist, ReadLog, Apply, Revert, Committed, Accepted, Refused,
                            Deposed, Probe, Note>;
using Actions = std::vector<Action>;

// ---- what a client's request should do now

struct Serve {
  bool writes = true;  // false: this server's disk is full and nobody else can lead; only reads
};
struct NotLeader {
  std::optional<ServerId> leader;  // who leads, or should be asked
};
struct Undecided {};  // hold the request: a takeover is under way or about to start, or the lease
                      // is being renewed; ask again after the next step
struct Unavailable {
  std::vector<ServerId> waiting_for;
  std::string why;
};
using Routing = std::variant<Serve, NotLeader, Undecided, Unavailable>;

// Tells whether an operation is in the part of the log that is applied (Apply was issued and
// carried out). Owned by the caller, read by the core.
class RequestIndex {
 public:
  virtual ~RequestIndex() = default;
  // Where the operation with this request id stands, if it is applied.
  [[nodiscard]] virtual std::optional<Position> find(const RequestId& request) const = 0;
};

}  // namespace chat262::replica

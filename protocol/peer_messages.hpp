// What servers say to each other, PUSH -> PULL. The normative text is
// broker/replica/REPLICATION.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/entry.hpp"
#include "protocol/ids.hpp"
#include "protocol/place.hpp"

namespace chat262::peer {

inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::uint8_t feature_level = 3;

enum class Role : std::uint8_t { follower = 0, candidate = 1, leader = 2 };
enum class Health : std::uint8_t {
  able = 0,
  full = 1,       // no room on its disk
  stalled = 2,    // no disk progress for stalled_after
  rebuilding = 3  // its tables are behind its log: it replicates, but cannot serve clients
};

// "I have started, or reconnected." The only message accepted from an incarnation not yet known.
struct Hello {
  Epoch promised{};
  Position last{};
  Hash last_hash{};
  Incarnation seen{};      // highest incarnation of the receiver that the sender knows
  bool lost_disk = false;  // the sender's disk is new and empty, or an old copy
  bool operator==(const Hello&) const = default;
};

// Sent to every peer every heartbeat_every.
struct Heartbeat {
  Epoch promised{};
  std::optional<ServerId> leader;  // whom the sender hears as leader, itself if it leads
  Epoch leader_epoch{};            // of that leader
  Position latest_view{};          // the sender's latest view entry
  Position last{};
  Seq commit{};
  Role role = Role::follower;
  Health health = Health::able;
  bool in_sync = false;
  std::int64_t sent_at_ms = 0;     // sender's own clock; echoed in the acknowledgement
  std::uint32_t disk_idle_ms = 0;  // age of the oldest unfinished disk write, 0 if none
  std::int64_t heard_ms = 0;       // sent_at_ms of the receiver's latest heartbeat here, 0 if none
  bool operator==(const Heartbeat&) const = default;
};

// Only sent to the leader one follows: extends its lease.
struct HeartbeatAck {
  Epoch epoch{};
  std::int64_t sent_at_ms = 0;
  bool operator==(const HeartbeatAck&) const = default;
};

struct Append {
  Epoch epoch{};        // the leader's
  Position previous{};  // the entry before the first one here
  Hash previous_hash{};
  std::vector<Entry> entries;
  Seq commit{};
  Position latest_view{};  // the leader's latest view entry
  bool operator==(const Append&) const = default;
};

struct Ack {
  Epoch epoch{};
  Seq durable{};   // equal to the leader's log up to here, and on disk
  Seq received{};  // >= durable; received up to here (staged, or its write is under way)
  bool operator==(const Ack&) const = default;
};

struct Nack {
  Epoch promised{};
  bool operator==(const Nack&) const = default;
};

struct Reject {
  Epoch epoch{};
  Position hint{};  // an entry of the sender's at or below which both logs may agree
  bool operator==(const Reject&) const = default;
};

// Operations of a suffix that the leader's log does not contain.
struct Offer {
  Epoch epoch{};
  Position fork{};
  std::vector<Entry> operations;
  bool operator==(const Offer&) const = default;
};

struct Ask {
  std::uint64_t round = 0;  // echoed
  bool operator==(const Ask&) const = default;
};
struct Answer {
  std::uint64_t round = 0;
  std::optional<ServerId> leader;  // a live leader that the sender hears, other than the asker
  Epoch leader_epoch{};
  bool operator==(const Answer&) const = default;
};

struct Prepare {
  Epoch epoch{};
  bool operator==(const Prepare&) const = default;
};
struct Promise {
  Epoch epoch{};
  Position last{};
  Hash last_hash{};
  Position view_at{};  // zero: no view yet (an empty log)
  View view;           // the latest in its log, committed or not; members empty if none
  Seq commit{};
  bool in_sync = false;
  bool lost_disk = false;
  Health health = Health::able;
  bool operator==(const Promise&) const = default;
};

// A candidate asks the server with the freshest log for entries after `previous`.
struct Fetch {
  Epoch epoch{};
  Position previous{};
  std::uint32_t bytes_max = 0;
  bool operator==(const Fetch&) const = default;
};
struct Entries {
  Epoch epoch{};
  Position previous{};   // if it differs from the one asked for: the sender does not hold that one;
                         // entries is empty and this is a place at or below which both may agree
  Hash previous_hash{};  // of the entry at `previous`, if there are entries
  std::vector<Entry> entries;
  bool operator==(const Entries&) const = default;
};

// "I still owe my leader a lease: prepare again after `ms`."
struct Wait {
  Epoch epoch{};
  std::uint32_t ms = 0;
  bool operator==(const Wait&) const = default;
};

enum class Farewell : std::uint8_t { stopping = 0, handover = 1 };
struct Goodbye {
  Farewell reason = Farewell::stopping;
  Epoch epoch{};                      // of the leadership given up; zero if the sender did not lead
  std::optional<ServerId> successor;  // who should take over at once
  bool operator==(const Goodbye&) const = default;
};

// ---- for the servers around the core; the core passes over these

// An operator's request that only the receiver can do, as it came, and its answer.
struct Relay {
  std::uint64_t ticket = 0;  // the sender's; comes back in Relayed
  Bytes request;             // a client request's frame
  bool operator==(const Relay&) const = default;
};
struct Relayed {
  std::uint64_t ticket = 0;
  Bytes reply;
  bool operator==(const Relayed&) const = default;
};

// "My records of these are damaged." About the log as it is; no part of any epoch.
struct RepairAsk {
  Seq from{};
  Seq to{};  // inclusive
  bool operator==(const RepairAsk&) const = default;
};
struct RepairAnswer {
  Seq from{};                  // as asked
  bool has_none = false;       // the sender leads, and its log ends before `from`
  Hash previous_hash{};        // of the entry before the first one here
  std::vector<Entry> entries;  // consecutive from `from`; empty: the sender cannot help
  bool operator==(const RepairAnswer&) const = default;
};

// "Another machine has your number now": to the place of one that was replaced.
struct Superseded {
  ServerId server{};           // whose number it is
  std::uint32_t replaced = 0;  // how often it was given to another machine
  Place place;                 // of the present one
  bool operator==(const Superseded&) const = default;
};

// Passwords that were wrong at the sender, which leads: whoever leads next is to know it. From
// feature level 3 on; may be lost.
struct FailedSignIn {
  std::uint64_t name = 0;  // made from it
  std::string address;     // that they came from
  std::uint32_t count = 0;
  bool operator==(const FailedSignIn&) const = default;
};
struct FailedSignIns {
  std::vector<FailedSignIn> failed;
  bool operator==(const FailedSignIns&) const = default;
};

// The order is the code on the wire: append only.
using Body = std::variant<Hello, Heartbeat, HeartbeatAck, Append, Ack, Nack, Reject, Offer, Ask,
                          Answer, Prepare, Promise, Fetch, Entries, Wait, Goodbye, Relay, Relayed,
                          RepairAsk, RepairAnswer, Superseded, FailedSignIns>;

struct Message {
  ServerId from{};
  Incarnation from_incarnation{};
  Incarnation to_incarnation{};  // as the sender knows it; in a Hello it may be unknown: zero
  Body body;
  bool operator==(const Message&) const = default;
};

// Of the process that sends: tells the machine that has a server's number from those that had it.
// From feature level 2 on; sent to servers that are known to have it.
struct Claim {
  std::uint32_t replaced = 0;  // how often the number was given to another machine, as it knows
  Place place;                 // where it listens
  PublicKey key{};             // that it proves there; none: not encrypted. From feature level 3 on
  bool operator==(const Claim&) const = default;
};
inline constexpr std::uint8_t claim_level = 2;
// The sender's wall clock stands behind the claim, in what is sent to servers of this level. They
// also know the operations on accounts, and FailedSignIns.
inline constexpr std::uint8_t accounts_level = 3;

}  // namespace chat262::peer

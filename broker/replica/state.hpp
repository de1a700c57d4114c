// The state of the replication core and the functions that change it, one source file a subject:
//
//   replica.cpp     the public face, dispatch of inputs, invariants
//   liveness.cpp    heartbeats, suspicion, Hello and incarnations, health
//   leader.cpp      submissions, streaming to followers, commit, views
//   follower.cpp    Append, acknowledgements, in-sync
//   divergence.cpp  a suffix that the leader's log contradicts: offered, staged, replaced
//   takeover.cpp    ask, prepare, may it lead?
//   sync.cpp        fetch from the freshest, new view
//   disk.cpp        durable writes and reads of the log
//   policy.cpp      may so few servers go on?
//   routing.cpp     what a client's request should do
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "broker/replica/check.hpp"
#include "broker/replica/memory_log.hpp"
#include "broker/replica/replica.hpp"
#include "protocol/limits.hpp"
#include "protocol/mutant.hpp"

namespace chat262::replica {

inline constexpr std::size_t memory_log_bytes = 8 * 1024 * 1024;
// Epoch counters above this are nonsense and refused, so that ours cannot overflow.
inline constexpr std::uint64_t epoch_counter_max = 1ULL << 60;
inline constexpr std::int64_t force_keeps = 5000;      // ms an operator's word waits for its moment
inline constexpr std::uint32_t starts_max = 1U << 30;  // the same for incarnations

struct Batch {  // an Append that was not answered yet
  Seq last{};
  std::size_t bytes = 0;
};

// What this server knows of another one.
struct Peer {
  Incarnation incarnation{};  // present life, from its Hello; unknown until then
  Incarnation floor{};        // highest life ever seen, also in views
  bool knows_me = false;      // it has addressed my present incarnation
  Clock since{};              // first heard in this life
  Clock heard{};              // last valid message
  bool ever_heard = false;
  bool refused = false;  // its process is dead or said goodbye; until heard again
  Clock refused_at{};
  Clock dead_at{};     // a probe that began then found its process dead; 0: none did
  Clock vouched_at{};  // see others_may_go_on()
  Clock late_until{};  // what it sent before its process was found dead may still arrive
  bool lost_disk = false;
  Epoch promised{};  // as its Hello said
  Position last{};   // of its log, as it said
  bool has_log = false;
  bool said_empty = false;  // to this very life of ours
  peer::Heartbeat beat{};   // its latest

  // While this server leads:
  bool matched = false;  // it has acknowledged something, so its log is known to agree up to match
  Seq match{};           // durable there and equal to ours
  Seq received{};
  Seq next = seq(1);  // first entry to send
  std::deque<Batch> inflight;
  Clock progress{};                 // when it last moved on
  bool reading = false;             // a cold range is being read for it
  bool announced = false;           // it has been sent the present commit (see commit_moved)
  std::int64_t lease_sent_ms = -1;  // sent_at of its newest acknowledged heartbeat
  Clock admit_after{};              // re-admission backs off
  Clock admitted{};                 // when it last became a member, or restarted
  std::int64_t backoff_ms = 0;
  bool restarted_since_drop = true;
};

// Something to do when a durable write is done.
struct AfterWrite {
  enum class What { promise, prepare, hello, found } what{};
  ServerId to{};
  Epoch epoch{};
};

// What a cut has changed in memory, for the case that its write fails.
struct Uncut {
  MemoryLog log;
  Seq commit{};
  Seq fork{};
};

struct PendingWrite {
  std::uint64_t id = 0;
  Seq last{};        // of the log on disk after it
  Seq still_ours{};  // how far that agrees with the log in memory (a later write may cut)
  Epoch promised{};
  Clock issued{};
  std::vector<AfterWrite> after;
  std::optional<Uncut> uncut;  // if the write cuts
};

// A range of the own log, collected from disk and memory.
struct SuffixLoad {
  Seq next{};
  Seq to{};
  std::vector<Entry> entries;
};

// The leader contradicts our log after `fork`: what it sends is kept aside until it contains every
// operation of our suffix.
struct Stage {
  Position fork{};
  Hash fork_hash{};
  std::vector<Entry> entries;  // the leader's, consecutive after fork
  SuffixLoad own;              // ours, after fork
  bool loaded = false;
  std::set<RequestId> missing;  // of ours, in none of `entries`
  std::set<RequestId> offered;  // the page that was offered last
  Clock offered_at{};
  [[nodiscard]] Position last() const { return entries.empty() ? fork : entries.back().position(); }
};

struct Takeover {
  enum class Phase { ask, promise, prepare, load_own, fetch } phase = Phase::ask;
  Clock started{};
  std::uint64_t round = 0;
  std::set<ServerId> answered;  // Ask
  bool forced = false;          // an operator wants it
  bool deposed_leader = false;  // rule r: this server led until now
  Epoch led{};                  // in this epoch
  Epoch epoch{};
  Clock prepare_started{};
  std::map<ServerId, peer::Promise> promises;
  std::map<ServerId, Clock> wait_until;  // answered Wait
  std::set<ServerId> nacked;
  Clock sent{};  // last Prepare or Fetch, to send again
  // Sync
  ServerId freshest{};
  bool third_rule_only = false;
  Position fetch_from{};
  bool fork_found = false;
  Hash fork_hash{};
  std::vector<Entry> fetched;
  SuffixLoad own;
  [[nodiscard]] Position fetched_to() const {
    return fetched.empty() ? fetch_from : fetched.back().position();
  }
};

struct Verdict {
  std::vector<ServerId> waiting_for;
  std::string why;
  Clock at{};
};

// A view of ours leaves out a server that may live and count itself in: nothing is committed until
// that one must have noticed. See policy.cpp.
struct Hold {
  Seq view{};
  std::optional<Clock> everywhere;  // since when all its members hold it
};

enum class ReadPurpose { stream, fetch, stage, takeover };
struct PendingRead {
  ReadPurpose purpose{};
  ServerId peer{};
  Epoch epoch{};
  Position previous{};
  std::size_t bytes_max = 0;
};

class Replica::State {
  friend struct StateAccess;

 public:
  State(Config config, Durable durable, const RequestIndex& requests, Clock now);

  void step(Input input, Clock now, Actions& actions);
  [[nodiscard]] Clock next_wake() const;
  [[nodiscard]] Routing routing(Clock now) const;
  [[nodiscard]] Summary summary(Clock now) const;
  [[nodiscard]] const Entry* find(Seq seq) const { return log_.find(seq); }

 private:
  // ---- replica.cpp
  void on(const Tick&) {}
  void on(Received& input);
  void on(Submit& input);
  void on(const ClientAsked&);
  void on(const Persisted& input);
  void on(const PersistFailed& input);
  void on(LogRead& input);
  void on(const ProbeResult& input);
  void on(const DiskRoom& input);
  void on(const TablesReady& input);
  void on(const Handover& input);
  void on(const ForceLead&);
  void on(const Stop&);
  void after_step();
  void check_invariants() const;
  void note(NoteLevel level, std::string text);
  // Entries a learner may lack when it is admitted: what may be in flight anyway.
  [[nodiscard]] std::uint64_t small_gap() const {
    return config_.inflight_batches_max * config_.batch_entries_max;
  }
  [[nodiscard]] bool rule(char letter) const {
    return config_.without.find(letter) == std::string::npos;
  }
  template <class F>
  void each_peer(F&& f) {
    for (unsigned i = 0; i < config_.servers; ++i) {
      if (server_id(i) != config_.self) f(server_id(i), peers_[i]);
    }
  }
  template <class F>
  void each_peer(F&& f) const {
    for (unsigned i = 0; i < config_.servers; ++i) {
      if (server_id(i) != config_.self) f(server_id(i), peers_[i]);
    }
  }
  Peer& peer(ServerId id) { return peers_[id.value]; }
  [[nodiscard]] const Peer& peer(ServerId id) const { return peers_[id.value]; }

  // ---- liveness.cpp
  void send(ServerId to, peer::Body body);
  bool admit_message(const peer::Message& message);  // incarnations; true: handle its body
  void on_message(ServerId from, peer::Hello& m, Incarnation incarnation);
  void on_message(ServerId from, peer::Heartbeat& m);
  void on_message(ServerId from, peer::HeartbeatAck& m);
  void on_message(ServerId from, peer::Goodbye& m);
  void on_message(ServerId, peer::Relay&) {}
  void on_message(ServerId, peer::Relayed&) {}
  void say_hello(ServerId to);
  void peer_restarted(ServerId id, Incarnation incarnation);
  void become_old_copy(Incarnation seen);
  void found_cluster();
  void heartbeat();
  void hear_all_anew();  // this process was paused: judge nobody by the silence
  [[nodiscard]] bool suspected(ServerId id) const;
  [[nodiscard]] bool alive(ServerId id) const { return !suspected(id); }
  [[nodiscard]] bool hears_leader() const;
  void follow(ServerId leader, Epoch epoch);
  void forget_leader();
  void observe_epoch(const Epoch& epoch);
  void raise_promised(const Epoch& epoch);
  [[nodiscard]] peer::Health health() const;
  [[nodiscard]] Clock lease_owed_until() const;

  [[nodiscard]] Unavailable waiting_with_lost_disk() const;
  [[nodiscard]] std::string why_needed() const;
  [[nodiscard]] PeerSummary summary_of(ServerId id, const Peer& p) const;

  // ---- leader.cpp
  void append_as_leader(std::vector<Entry> entries);
  void append_view(View view);
  [[nodiscard]] View view_of(const std::set<ServerId>& servers) const;
  void pump(ServerId to);
  void pump_all();
  void send_append(ServerId to, Position previous, const Hash& hash, std::vector<Entry> entries);
  void resend_if_silent(ServerId to);
  void on_message(ServerId from, peer::Ack& m);
  void on_message(ServerId from, peer::Nack& m);
  void on_message(ServerId from, peer::Reject& m);
  void on_message(ServerId from, peer::Offer& m);
  void rewind(ServerId to, const Position& common);
  void advance_commit();
  [[nodiscard]] bool blocked_for_long() const;
  void consider_view();
  void drop_members(const std::set<ServerId>& drop);
  void admit_learners();
  void depose(const std::string& why);
  void step_down(peer::Farewell reason, std::optional<ServerId> to);
  [[nodiscard]] std::optional<ServerId> successor(std::optional<ServerId> wanted) const;
  [[nodiscard]] bool leads() const { return role_ == peer::Role::leader; }
  [[nodiscard]] bool first_view_committed() const { return leads() && commit_ >= first_view_; }
  [[nodiscard]] bool lease_valid(Clock now) const;
  [[nodiscard]] std::vector<ServerId> blocked_by() const;  // members that keep commit from moving
  [[nodiscard]] bool member_failed(const Member& member) const;
  [[nodiscard]] std::optional<Position> find_request(const RequestId& request) const;
  void set_commit(Seq commit);

  // ---- follower.cpp
  void on_message(ServerId from, peer::Append& m);
  void accept(peer::Append& m);
  void append_from_leader(std::vector<Entry> entries);
  void update_in_sync(const Position& latest_view);
  [[nodiscard]] std::vector<AfterWrite> regain_disk(Persist& write) const;
  void leave_sync_if_dropped();
  void advance_follower();
  void acknowledge();

  // ---- policy.cpp
  [[nodiscard]] bool may_go_on(const std::set<ServerId>& members) const;
  [[nodiscard]] bool may_take_over(const std::set<ServerId>& promised) const;
  [[nodiscard]] bool proved_dead(ServerId id) const;
  [[nodiscard]] bool others_may_go_on() const;
  void leave_sync_if_others_may_go_on();
  void hold_commit(const std::set<ServerId>& left_out);
  [[nodiscard]] bool commit_held();

  // ---- divergence.cpp
  void begin_stage(const Position& fork, const Hash& fork_hash, std::vector<Entry> entries);
  void extend_stage(std::vector<Entry> entries);
  void stage_loaded();
  void offer_missing();
  void try_replace();

  // ---- takeover.cpp
  [[nodiscard]] bool may_start_takeover(bool ignore_order) const;
  [[nodiscard]] bool may_force() const;
  enum class Reason { nobody_leads, deposed, forced };
  void start_takeover(Reason reason);
  void abandon_takeover(const std::string& why);
  void drive_takeover();
  void on_message(ServerId from, peer::Ask& m);
  void on_message(ServerId from, peer::Answer& m);
  void on_message(ServerId from, peer::Prepare& m);
  void on_message(ServerId from, peer::Promise& m);
  void on_message(ServerId from, peer::Fetch& m);
  void on_message(ServerId from, peer::Entries& m);
  void on_message(ServerId from, peer::Wait& m);
  void give_promise(ServerId to, Epoch epoch);
  void send_promise(ServerId to);
  void give_promise_put_off();
  [[nodiscard]] peer::Promise own_promise() const;
  void begin_prepare();
  void send_prepare();
  [[nodiscard]] bool settled(ServerId id) const;
  [[nodiscard]] bool failed_in_takeover(ServerId id) const;
  void judge();
  [[nodiscard]] std::map<ServerId, peer::Promise> counted() const;  // R, without lost disks
  void begin_sync();
  void send_fetch();
  void serve_fetch(const PendingRead& fetch, std::vector<Entry> from_previous);
  void fetch_done();
  void take_lead();
  [[nodiscard]] std::set<ServerId> new_members() const;
  [[nodiscard]] std::set<ServerId> left_out(const std::set<ServerId>& members,
                                            const Takeover& takeover) const;
  void give_verdict(std::vector<ServerId> waiting_for, std::string why);

  // ---- disk.cpp
  std::uint64_t persist(Persist write, std::vector<AfterWrite> after = {});
  // Cuts the log in memory. persist_cut() with what replaces it must follow.
  void cut_log(const Position& fork, const Hash& hash);
  void persist_cut(Persist write, std::vector<AfterWrite> after = {});
  void write_done(PendingWrite& write);
  void carry_out(const AfterWrite& after);
  void persist_hint();
  void read(Seq from, Seq to, std::size_t bytes_max, PendingRead purpose);
  // Continues a load from memory if it can, else from disk; true when all is there.
  bool load(SuffixLoad& load, ReadPurpose purpose);

  // ---- durable, or on its way to the disk
  Config config_;
  const RequestIndex& requests_;
  MemoryLog log_;
  Epoch promised_{};
  Epoch promised_durable_{};
  Incarnation incarnation_{};
  bool lost_disk_ = false;
  Seq durable_{};               // <= last: the log in memory is on disk up to here
  Seq disk_last_{};             // last entry on disk, also where a cut is under way
  std::optional<Uncut> uncut_;  // between cut_log() and persist_cut()
  std::deque<PendingWrite> writes_;
  std::uint64_t next_write_ = 1;
  Seq hint_{};  // the commit hint written last
  std::map<std::uint64_t, PendingRead> reads_;
  std::uint64_t next_read_ = 1;

  // ---- volatile
  Clock now_{};
  Clock started_{};
  Actions* actions_ = nullptr;
  std::vector<Peer> peers_;  // by server; own place unused
  peer::Role role_ = peer::Role::follower;
  std::optional<ServerId> leader_;  // whom it follows; itself if it leads
  Epoch leader_epoch_{};
  Clock leader_heard_{};            // when a leader was last heard, or start
  std::optional<ServerId> hinted_;  // somebody else hears this leader
  Clock hinted_at_{};
  Clock next_heartbeat_{};
  Seq commit_{};
  Seq leader_commit_{};  // the leader's, as it said
  Seq proved_{};         // our log equals the leader's up to here
  bool in_sync_ = false;
  Position leader_view_{};      // the leader's latest view, as it said
  std::optional<Clock> acked_;  // last heartbeat acknowledged, to acked_leader_
  std::optional<ServerId> acked_leader_;
  bool disk_full_ = false;
  bool tables_ready_ = true;
  bool stopped_ = false;
  std::uint64_t counter_seen_ = 0;  // greatest epoch counter heard of
  std::optional<Stage> stage_;
  std::optional<Takeover> takeover_;
  std::optional<Verdict> verdict_;
  bool founding_ = false;
  std::optional<Clock> wanted_;  // a client asked this server to lead
  bool chosen_ = false;          // a leader handed over to this server
  std::optional<Clock> forced_;  // an operator wants this server to lead
  // Asked for a promise while the leader was owed a lease; answered at once when that one goes.
  std::optional<std::pair<ServerId, Epoch>> put_off_;
  Clock quiet_until_{};  // no takeover before: another candidate was ahead
  std::uint64_t round_ = 0;
  // as leader
  Seq first_view_{};       // of this leadership
  Clock leading_since_{};  // or since this process was paused
  std::map<RequestId, Position> uncommitted_;
  bool leads_by_force_ = false;
  std::optional<Hold> hold_;
};

}  // namespace chat262::replica

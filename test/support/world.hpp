// A whole cluster in one thread. Of every server the node (core and tables) and the service are
// real; what is around them is simulated: clocks, network, the log's disk, password workers, the
// reactor's turns, clients, faults. The same calls with the same seed give the same run, event for
// event.
//
// After every event the checkers look at what happened and throw Violation. What they check in
// which fault model stands at Checks and in checks.cpp.
//
// Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/replica/replica.hpp"
#include "broker/service.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/cluster_file.hpp"
#include "test/support/disk.hpp"
#include "test/support/network.hpp"
#include "test/support/random.hpp"
#include "test/support/scratch.hpp"
#include "test/support/violation.hpp"

namespace chat262::test {

// What holds depends on the fault model; what holds always is always checked.
struct Checks {
  bool one_history = true;  // I1, I3, I6, reads: off where both sides of a split may go on
  bool keeps_all = true;    // I4: off where disks are lost while both sides go on
};

struct Settings {
  unsigned servers = 3;
  Policy policy = Policy::continues;
  std::string without;  // letters of rules that are switched off
  replica::Timers timers;
  Checks checks;
  std::uint64_t seed = 1;
  bool random_shell = false;  // what the shell is free to do is drawn, not fixed
};

// mending: its log must be repaired before it takes part.
enum class Life { dead, alive, paused, mending };

struct Crash {
  bool lose_sent = false;    // what it sent and is not there yet
  bool write_lands = false;  // the write that was under way, though nobody hears of it
};

// One write of one client, through all its retries.
struct Write {
  RequestId id{};
  Entry entry;
  ServerId target{};
  bool follows = true;       // goes on to other servers until it is acknowledged
  bool asking = false;       // handed to `target`, which has not answered
  std::uint64_t handle = 0;  // of the present attempt; an answer to an older one comes too late
  Time wakes = never;        // next attempt, or the time-out of the present one
  std::optional<Position> acknowledged;
  ServerId by{};
  Time began = 0;
  std::string answer;  // the last one: "done", "not-leader ask 1", "unavailable waiting for 0 1"
};

class World {
 public:
  explicit World(Settings settings);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- time
  [[nodiscard]] Time now() const { return now_; }
  // Does the next thing that is due. False: nothing is due before `limit`; it is `limit` then.
  bool step(Time limit);
  void run_until(Time limit) {
    while (step(limit)) continue;
  }

  // ---- servers
  void start(ServerId server);  // also again, after a crash: a new life on the same disk
  void crash(ServerId server, Crash how = {});
  void crash_at_action(ServerId server, unsigned count);  // before its count-th action from now
  // EIO at the `write`-th write from now: the process ends, and whether it is written is unknown.
  void disk_error(ServerId server, unsigned write, bool lands);
  void jump_clock(ServerId server, std::int64_t ms);  // the wall clock
  void set_drift(ServerId server, std::int64_t ppm);  // before its first start
  void stop(ServerId server);  // clean: tells the core, lets its messages out, ends
  void pause(ServerId server);
  void resume(ServerId server);
  void handover(ServerId server, std::optional<ServerId> to);
  void force_lead(ServerId server);  // the operator's word
  void set_full(ServerId server, bool full);
  void thaw(ServerId server);
  void lose_disk(ServerId server);  // dead ones only
  // Flips bits at rest in a few entries of its log that another server holds whole; `n` says in
  // which. False: there are none, or nothing comes of it.
  bool rot(ServerId server, std::uint64_t n);
  void set_tables_ready(ServerId server, bool ready);
  [[nodiscard]] Life life(ServerId server) const;
  [[nodiscard]] Disk& disk(ServerId server);
  [[nodiscard]] const EntryLog& log(ServerId server) const;  // what its core issued
  [[nodiscard]] const store::Tables& tables(ServerId server) const;
  [[nodiscard]] bool serves(ServerId server) const;
  [[nodiscard]] std::optional<replica::Routing> routing(ServerId server) const;
  [[nodiscard]] std::optional<replica::Summary> summary(ServerId server) const;
  [[nodiscard]] Seq committed(ServerId server) const;

  // ---- network
  [[nodiscard]] Network& network() { return network_; }
  void reset(ServerId a, ServerId b, bool comes_late = false);  // both ways; both shells notice
  void cut_clients(ServerId server, bool cut);
  void set_clients_delay(ServerId server, Time delay);
  [[nodiscard]] unsigned servers() const { return settings_.servers; }

  // ---- clients
  // `text_bytes`: how long its text is at least.
  std::size_t ask(const RequestId& id, ServerId target, bool follows, std::size_t text_bytes = 0);
  [[nodiscard]] const Write& request(std::size_t index) const { return requests_[index]; }
  [[nodiscard]] std::size_t requests() const { return requests_.size(); }
  void give_up(std::size_t index);

  // ---- clients of the services. `ticket` names one try; it is answered by `hears` at most once,
  // with a frame, or nullptr if the connection was refused or broke.
  std::function<bool(const ClientId&, ServerId)> unreachable;  // may be empty
  void ask_service(ServerId to, std::uint64_t ticket, const Request& request);
  std::function<void(std::uint64_t ticket, ServerId from, const Bytes* frame)> hears;

  // ---- the whole
  [[nodiscard]] bool logs_equal() const;   // of all servers, on disk
  [[nodiscard]] bool all_in_sync() const;  // all alive, one serves, all are in its view and know it
  [[nodiscard]] bool settled() const;      // both, and all tables stand at the end of the log
  [[nodiscard]] bool whole() const;        // no disk holds a damaged entry
  void check_final();  // after settled(): I4, I7, and tables equal to fresh ones
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }
  [[nodiscard]] std::size_t acknowledged() const { return acknowledged_.size(); }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] std::string state_text() const;  // for people, when something went wrong

  // ---- watching. `told` gets a line for every event; the flag is true for the few that make a
  // story. Returns of `stop_before`: true crashes the server before it carries out the action.
  std::function<void(const std::string&, bool)> told;
  std::function<bool(ServerId, const std::string&)> crash_before;
  std::function<bool(ServerId, const std::string&)> crash_after;
  std::function<void(peer::Message&)> tamper;  // changes what arrives

 private:
  struct Waiting {
    std::size_t request = 0;
    std::uint64_t handle = 0;
    Position at{};
  };
  struct PeerAsks {  // another server wants entries to repair its log with
    ServerId to{};
    peer::RepairAsk ask;
  };
  struct WriteRepair {
    Hash previous{};
    std::vector<Entry> entries;
  };
  struct Scrub {};
  struct Answer {  // what a thread of the server does and will be done with
    Time due = never;
    std::variant<replica::ReadLog, replica::Probe, PeerAsks, WriteRepair, Scrub> what;
    replica::Clock asked{};
  };
  struct Wire {  // something under way between a client and a server
    enum class What : std::uint8_t { request, reply, broken };
    ServerId server{};
    std::uint64_t ticket = 0;
    What what{};
    Bytes frame;
  };
  struct HashDone {
    std::uint64_t job = 0;
    bool verified = false;
    std::string hash;
  };
  struct Asked {  // a client's request has arrived
    std::uint64_t ticket = 0;
    Bytes frame;
  };
  using Occasion = std::variant<replica::Input, HashDone, Asked>;
  struct Server;
  friend struct Server;

  [[nodiscard]] Server& at(ServerId server);
  [[nodiscard]] const Server& at(ServerId server) const;
  [[nodiscard]] replica::Clock clock_of(const Server& server) const;
  [[nodiscard]] broker::Now now_of(const Server& server) const;
  [[nodiscard]] Time time_of(const Server& server, replica::Clock clock) const;
  [[nodiscard]] std::string name_of(const Server& server) const;

  // world.cpp: time
  bool run_due(Server& server, Time due);
  void finish_writes(Server& server);
  void answer_due(Server& server, Time due);
  void finish_hash(Server& server);
  void deliver(ServerId from, ServerId to);
  void notice_gone(ServerId gone);

  // turns.cpp: a server's reactor
  void turn(Server& server, const std::function<void()>& what);
  void finish_turn(Server& server);
  void give(Server& server, Occasion occasion);  // a turn with it, or puts it aside while paused
  void gather(Server& server, Asked asked);      // or gives it
  void take_gathered(Server& server);
  void take(Server& server, Occasion& occasion);
  [[nodiscard]] static bool is_message(const Occasion& occasion);
  void wake(Server& server);
  void keep_tables(Server& server);
  void open(Server& server);
  void close(Server& server);

  // rot.cpp
  [[nodiscard]] Seq held_by_all() const;
  [[nodiscard]] bool whole_elsewhere(const Server& server, Seq from, Seq to) const;
  bool flip(Server& server, Seq place, std::uint64_t bit);
  void plan_scrub(Server& server);
  void scrub(Server& server);
  bool take_repair_message(Server& server, peer::Message& message);
  void answer_peer(Server& server, const PeerAsks& asks);
  bool answer_of_repair(Server& server, Answer& answer);
  void keep_log(Server& server);
  void in_any_life(Server& server, const std::function<void()>& what);
  void open_log(Server& server);
  void mend(Server& server);
  void set_damage_aside(Server& server);
  void take_while_mending(Server& server, Occasion& occasion);
  void check_whole(const Server& server, const peer::Message& message) const;

  // actions.cpp: what the node wants done
  template <class Text, class Do>
  void act(Server& server, unsigned kind, const Text& text, const Do& what);
  void send(Server& server, ServerId to, const peer::Message& message);
  void persist(Server& server, replica::Persist write);

  // clients.cpp
  [[nodiscard]] Time clients_due() const;
  void set_wake(std::size_t index, Time when);
  void next_attempt(std::size_t index, ServerId target, Time after);
  void wake_client(std::size_t index);
  void attempt(std::size_t index);
  void serve_held(Server& server);
  void acknowledge(Server& server, const Waiting& waiting);
  void acknowledge_committed(Server& server);
  void answer(std::size_t index, std::uint64_t handle, ServerId by, const std::string& text,
              std::optional<ServerId> hint);
  void drop_waiting(Server& server);

  // wires.cpp
  [[nodiscard]] Time wire_delay(const Server& server);
  void put_on_wire(Time delay, Wire wire);
  void arrive();
  void reply(Server& server, std::uint64_t ticket, const Reply& reply);
  void break_tickets(Server& server);

  // checks.cpp
  void check_send(Server& server, const peer::Message& message);
  void check_entries(Server& server, const std::vector<Entry>& entries);
  void check_committed(Server& server, Seq from, Seq to);
  void check_acknowledged(Server& server, const Write& request, const Position& at);
  void check_serving(Server& server);
  void check_others_serving();
  void check_cut(Server& server, Seq to);
  void check_applied(Server& server);
  void check_tables();

  void tell(bool story, const std::string& line);
  [[nodiscard]] bool telling() const { return static_cast<bool>(told); }
  void mix(std::uint64_t value);

  Settings settings_;
  ClusterConfig cluster_;
  Random random_;
  Time now_ = 0;
  Network network_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<Write> requests_;
  std::map<std::uint64_t, std::size_t> handles_;         // of attempts, to requests
  std::set<std::pair<Time, std::size_t>> client_wakes_;  // Write::wakes, sorted
  std::uint64_t next_handle_ = 1;
  std::map<std::pair<Time, std::uint64_t>, Wire> wires_;  // by arrival
  std::uint64_t next_wire_ = 0;
  std::int64_t wall_clock_ = 1'700'000'000'000;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325;
  bool rotted_ = false;  // at least once

  // What the checkers remember.
  struct Acknowledged {
    RequestId id{};
    ServerId by{};
    bool raw = false;  // its client writes one after the other
  };
  std::vector<Acknowledged> acknowledged_;  // in that order
  std::vector<Hash> history_;               // committed anywhere, seq 1 first
  std::map<Position, Hash> seen_entries_;   // every entry ever written anywhere
};

// The password hash of the simulated workers: Argon2 would take longer than the rest of a run.
[[nodiscard]] std::string cheap_hash(const std::string& password);

// ClientId that shows as `name` in a trace; at most 16 characters.
[[nodiscard]] ClientId client_named(const std::string& name);

}  // namespace chat262::test

// The decisions of the lazy pirate: which server is asked next, when, and when to stop.
//
// Deterministic: no clock, no random device, no sockets, no threads. The caller tells what happened
// and when, gives a random number where one is needed, and does what the returned step says. So the
// same code runs against real servers and in a simulated cluster.
//
// The rules (times are the defaults of Rules):
//  - A call starts at the server that answered last, at first at server 0.
//  - No answer within `poll_ms`, or a refused or reset connection: the next server in the leader
//    order, at once.
//  - not_leader(hint): the server hinted at, at once. If that one has failed in this round, the
//    server that gave the hint is asked again every `hint_retry_ms`: it will notice soon. If it
//    still insists after `hint_patience` times, it hears the other one and is believed.
//  - Two servers that point at each other are asked in turn every `hint_retry_ms`.
//  - busy: the same server again, after the time it asked for.
//  - Every server has failed: a pause that doubles from round to round, up to `backoff_ms_max`,
//    half of it random, then the next round.
//  - No step reaches beyond the deadline.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace chat262::client {

class Retry {
 public:
  // Milliseconds of any monotonic clock.
  using Instant = std::int64_t;

  struct Rules {
    unsigned servers = 1;
    std::int64_t poll_ms = 1000;
    std::int64_t hint_retry_ms = 50;
    unsigned hint_patience = 8;  // times hint_retry_ms: as long as a server takes to suspect one
    std::int64_t busy_ms_max = 5000;
    std::int64_t backoff_ms_min = 50;
    std::int64_t backoff_ms_max = 1000;
    unsigned redirects_max = 24;  // in one round; more of them count as a round that failed
  };

  // ---- what happened
  struct NoAnswer {};  // poll ran out, or the connection was refused or reset
  struct NotLeader {
    std::optional<unsigned> hint;
  };
  struct Unavailable {};
  struct Busy {
    std::uint32_t retry_ms = 0;
  };
  struct Answered {};  // done or refused for good: the call is over
  struct Paused {};    // the pause of the last step is over
  using Event = std::variant<NoAnswer, NotLeader, Unavailable, Busy, Answered, Paused>;

  // ---- what to do
  struct Ask {  // ask `server`, wait for its answer until `until`
    unsigned server = 0;
    Instant until = 0;
    bool operator==(const Ask&) const = default;
  };
  struct Pause {  // then report Paused; `server` is asked after it
    Instant until = 0;
    unsigned server = 0;
    bool round_failed = false;  // no server helped: worth telling the user
    bool operator==(const Pause&) const = default;
  };
  struct Finished {
    bool operator==(const Finished&) const = default;
  };
  struct GiveUp {  // the deadline leaves no time for another try
    bool operator==(const GiveUp&) const = default;
  };
  using Step = std::variant<Ask, Pause, Finished, GiveUp>;

  // Requires at least one server.
  explicit Retry(const Rules& rules);

  // Starts a call; an earlier one that is not finished is forgotten.
  [[nodiscard]] Step begin(Instant now, Instant deadline);

  // `jitter` is a random number of 0..65535; used only for pauses.
  [[nodiscard]] Step after(const Event& event, Instant now, std::uint32_t jitter);

  // The server that answered last.
  [[nodiscard]] unsigned preferred() const { return preferred_; }
  // The server that the current step is about.
  [[nodiscard]] unsigned current() const { return current_; }

 private:
  Step ask(unsigned server, Instant now);
  Step pause(std::int64_t ms, unsigned then, bool round_failed, Instant now);
  Step failed(Instant now, std::uint32_t jitter);
  Step redirected(const NotLeader& event, Instant now, std::uint32_t jitter);
  Step end_round(unsigned then, Instant now, std::uint32_t jitter);
  void clear_round();
  [[nodiscard]] std::optional<unsigned> next_in_order() const;

  Rules rules_;
  unsigned preferred_ = 0;
  unsigned current_ = 0;
  Instant deadline_ = 0;
  unsigned rounds_ = 0;             // failed rounds of this call
  std::vector<bool> failed_;        // in this round
  std::vector<bool> pointed_away_;  // answered not_leader with a hint in this round
  unsigned redirects_ = 0;          // in this round
  unsigned patience_ = 0;           // hints to failed servers in this round
};

}  // namespace chat262::client

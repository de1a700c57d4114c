// Whole states of the replication core: copied, brought into a canonical form, fingerprinted.
//
// Time. The exploration has no time line: what a clock could do are events of their own. Between
// steps every state stands at the same moment, `now`, and its clocks are reduced to what a later
// step can tell apart: most to "just now", the others to one of a few ages. A step is taken one
// millisecond later. Each function below that lets time pass says which timers it stands for.
#pragma once

#include "broker/replica/state.hpp"
#include "test/model/digest.hpp"

namespace chat262::replica {

struct StateAccess {
  using State = Replica::State;

  static constexpr std::int64_t now_ms = 1'000'000;
  static constexpr std::int64_t old_ms = 0;               // past every timer
  static constexpr std::int64_t quiet_ms = now_ms - 300;  // past prepare_wait, before suspect_after

  // The same state as far as any later step can tell.
  static void canonical(State& state);
  // Every field counts; a new one does not compile until it is named there.
  static void digest(const State& state, model::Digest& to);

  // ---- time passes: the next step will find
  static void heartbeat_due(State& state);  // a heartbeat, with all that is sent again
  static void ask_wait_over(State& state);  // the end of ask_wait
  static void silent_in_prepare(State& state, ServerId peer);  // the end of prepare_wait
  static void silent(State& state, ServerId peer);             // the end of suspect_after
  static void lease_over(State& state, ServerId member);       // of the leader, as to one member
  static void owes_nothing(State& state);  // to the leader whose heartbeat it acknowledged

  // ---- looking
  [[nodiscard]] static const Peer& peer(const State& state, ServerId id) { return state.peer(id); }
  [[nodiscard]] static const Takeover* takeover(const State& state) {
    return state.takeover_ ? &*state.takeover_ : nullptr;
  }
  [[nodiscard]] static std::optional<ServerId> owes(const State& state) {
    return state.acked_ ? state.acked_leader_ : std::nullopt;
  }
  // `peer` was found dead, and that counts in the takeover under way, if there is any.
  [[nodiscard]] static bool knows_dead(const State& state, ServerId peer);
  [[nodiscard]] static bool unsettled(const State& state, ServerId peer);
  [[nodiscard]] static bool waits_for_offer(const State& state) { return state.stage_.has_value(); }
};

}  // namespace chat262::replica

// Which events are possible within the bounds, what they do, what must hold.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "test/model/cluster.hpp"

namespace chat262::model {

// How much may happen in one exploration, beyond what always may: messages arrive, writes end,
// what a dead process had sent is lost, a crash is noticed.
struct Bounds {
  unsigned operations = 1;  // of clients
  unsigned retries = 0;     // an operation handed in once more
  unsigned crashes = 0;
  unsigned restarts = 0;
  unsigned takeovers = 2;   // begun because a client asked
  unsigned heartbeats = 2;  // beyond those that a new leader sends
  unsigned cuts = 0;        // one server away from both others, losing what flies; each may heal
  unsigned ask_waits = 0;   // takeovers that go on without an answer of a living peer
  unsigned late = 0;        // suspicions of a peer that is alive and not cut off
  unsigned epochs = 9;      // the greatest counter; what would go beyond is not followed
  // If set, not every order: messages, writes and notices go one after the other in a fixed order,
  // but so many times one of the ways or disks is held, for as long as one likes; what clients,
  // timers and operators do comes when nothing else moves. Crashes come at any time.
  std::optional<unsigned> holds;
  // If set, crashes, starts, cuts and what clients want come in this order alone, but at any time.
  std::vector<Event> plan;
};

template <class F>
void each_other(unsigned self, F&& f) {
  for (unsigned i = 0; i < servers; ++i) {
    if (i != self) f(i);
  }
}

class Rules {
 public:
  // `one_history`: at no time may two sides go on.
  Rules(Servers& all, Bounds bounds, bool one_history)
      : all_(all), bounds_(bounds), one_history_(one_history) {}

  // Operations of the plan are those after the first `submitted`.
  void number_plan(std::uint8_t submitted);
  // Everything that may happen next.
  void events(const Cluster& cluster, std::vector<Event>& to) const;
  // Empty: it happened. Otherwise what it broke.
  [[nodiscard]] std::string apply(Cluster& cluster, const Event& event);
  // It would lead beyond Bounds::epochs.
  [[nodiscard]] bool beyond(const Cluster& cluster) const;
  [[nodiscard]] std::string text_of(const Cluster& before, const Event& event) const;
  [[nodiscard]] std::string text_of(const Cluster& cluster) const;

  // Faults end, everybody is started, time passes in rounds: true once all logs are equal, all are
  // in the view of one leader that serves, and what was acknowledged is there (I4, I5).
  // `why`: what is wrong otherwise.
  [[nodiscard]] bool settles(Cluster& cluster, std::string& why);

  // Messages arrive and writes end until there is none, in one fixed order.
  [[nodiscard]] bool runs_dry(Cluster& cluster, std::string& why);

  [[nodiscard]] const Face& face(const Cluster& cluster, unsigned server) const {
    return all_.face(cluster.server[server]);
  }
  Servers& all() { return all_; }
  unsigned telling = 0;  // so many more events of settles() are printed

 private:
  void progress(const Cluster& cluster, std::vector<Event>& to) const;
  void crashes(const Cluster& cluster, std::vector<Event>& to) const;
  void keep_to_plan(const Cluster& cluster, std::vector<Event>& to) const;
  void wishes(const Cluster& cluster, std::vector<Event>& to) const;
  void one_at_a_time(const Cluster& cluster, std::vector<Event>& to) const;
  [[nodiscard]] bool happens(Cluster& cluster, const Event& event, std::string& why);
  [[nodiscard]] std::string take(Cluster& cluster, unsigned server, const Input& input);
  [[nodiscard]] std::string deliver_meaningless(Cluster& cluster);
  [[nodiscard]] bool heartbeat_helps(const Cluster& cluster, unsigned server) const;
  void suspicions(const Cluster& cluster, unsigned server, std::vector<Event>& to) const;
  void forget_lease(Cluster& cluster, unsigned leader, unsigned member);
  [[nodiscard]] std::string check(Cluster& cluster, unsigned server, const Step& step);
  [[nodiscard]] std::string check_committed(Cluster& cluster, unsigned server);
  [[nodiscard]] bool let_time_pass(Cluster& cluster, unsigned round, std::string& why);
  [[nodiscard]] bool settled(const Cluster& cluster) const;

  Servers& all_;
  Bounds bounds_;
  bool one_history_;
  std::vector<std::vector<std::uint64_t>> histories_{{}};
  std::map<std::vector<std::uint64_t>, std::uint32_t> known_histories_{{{}, 0}};
  std::set<std::array<std::uint32_t, servers + 1>> known_to_settle_;
};

}  // namespace chat262::model

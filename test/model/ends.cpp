// When all is well again.
#include <cstdio>

#include "test/model/rules.hpp"

namespace chat262::model {

bool Rules::settled(const Cluster& cluster) const {
  const Face& first = face(cluster, 0);
  bool serves = false;
  for (unsigned i = 0; i < servers; ++i) {
    const Face& face = this->face(cluster, i);
    if (!face.alive || face.writes_pending || !face.in_sync || face.log != first.log ||
        face.disk != face.log || face.members != (1U << servers) - 1) {
      return false;
    }
    serves = serves || face.serves;
  }
  return serves;
}

bool Rules::happens(Cluster& cluster, const Event& event, std::string& why) {
  if (telling > 0) {
    --telling;
    std::printf("  %s\n", text_of(cluster, event).c_str());
  }
  why = apply(cluster, event);
  return why.empty();
}

bool Rules::runs_dry(Cluster& cluster, std::string& why) {
  constexpr unsigned events_max = 10'000;
  std::vector<Event> next;
  for (unsigned i = 0; i < events_max; ++i) {
    next.clear();
    progress(cluster, next);
    if (next.empty()) return true;
    if (!happens(cluster, next.front(), why)) return false;
  }
  why = "messages never end";
  return false;
}

bool Rules::settles(Cluster& cluster, std::string& why) {
  constexpr unsigned rounds_max = 60;
  std::vector<std::array<std::uint32_t, servers + 1>> met;
  cluster.held = 0;
  if (cluster.cut_off != Cluster::none &&
      !happens(cluster, {Kind::deliver, 0, 0, Event::Net::heal}, why)) {
    return false;
  }
  for (std::uint8_t i = 0; i < servers; ++i) {
    if (!face(cluster, i).alive && !happens(cluster, {Kind::start, i, 0}, why)) return false;
  }
  for (unsigned round = 0; round < rounds_max; ++round) {
    if (!runs_dry(cluster, why)) return false;
    met.push_back({cluster.server[0], cluster.server[1], cluster.server[2], cluster.acknowledged});
    const bool end = settled(cluster);
    if (end && (cluster.acknowledged & ~face(cluster, 0).operations) != 0) {
      why = "in the end an acknowledged operation is lost (I4)";
      return false;
    }
    if (end || known_to_settle_.contains(met.back())) {
      known_to_settle_.insert(met.begin(), met.end());
      return true;
    }
    if (!let_time_pass(cluster, round, why)) return false;
  }
  why = "faults have ended, and there is no leader with equal logs (I4, I5)";
  return false;
}

// A heartbeat of each; and one of them is asked when nobody leads, each in its turn.
bool Rules::let_time_pass(Cluster& cluster, unsigned round, std::string& why) {
  bool led = false;
  for (std::uint8_t i = 0; i < servers; ++i) {
    const Face& face = this->face(cluster, i);
    led = led || face.leads;
    const bool owes_none = face.owes < servers && !this->face(cluster, face.owes).leads;
    if (owes_none && !happens(cluster, {Kind::owes_none, i, 0}, why)) return false;
    const Kind due = face.stuck_in_ask ? Kind::ask_over : Kind::heartbeat;
    if (!happens(cluster, {due, i, i}, why)) return false;
  }
  const auto asked = static_cast<std::uint8_t>((round - 2) % servers);
  if (led || round < 2 || face(cluster, asked).candidate) return true;
  return happens(cluster, {Kind::asked, asked, 0}, why);
}

}  // namespace chat262::model

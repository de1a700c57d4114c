// What may happen next to a cluster.
#include <algorithm>

#include "test/model/rules.hpp"

namespace chat262::model {

void Rules::events(const Cluster& cluster, std::vector<Event>& to) const {
  to.clear();
  if (bounds_.holds) {
    one_at_a_time(cluster, to);
  } else {
    progress(cluster, to);
    wishes(cluster, to);
    crashes(cluster, to);
    for (std::uint8_t i = 0; i < servers; ++i) {
      if (face(cluster, i).alive) continue;
      for (std::uint8_t j = 0; j < servers; ++j) {
        if (!cluster.way(i, j).empty()) to.push_back({Kind::deliver, j, i, Event::Net::lose});
      }
    }
  }
  if (!bounds_.plan.empty()) keep_to_plan(cluster, to);
}

void Rules::number_plan(std::uint8_t submitted) {
  bounds_.operations += submitted;
  for (Event& event : bounds_.plan) {
    if (event.kind == Kind::submit) event.other = submitted++;
  }
}

void Rules::keep_to_plan(const Cluster& cluster, std::vector<Event>& to) const {
  std::erase_if(to, [&](const Event& event) {
    return event.is_planned() &&
           (cluster.planned == bounds_.plan.size() || event != bounds_.plan[cluster.planned]);
  });
}

void Rules::crashes(const Cluster& cluster, std::vector<Event>& to) const {
  for (std::uint8_t i = 0; i < servers && cluster.crashes < bounds_.crashes; ++i) {
    if (face(cluster, i).alive) to.push_back({Kind::crash, i, 0});
  }
}

// The first of what moves by itself, unless it is held or its server crashes just before; all else
// when nothing moves.
void Rules::one_at_a_time(const Cluster& cluster, std::vector<Event>& to) const {
  progress(cluster, to);
  const auto source = [](const Event& event) {
    return static_cast<std::uint16_t>(1U << (event.other * servers + event.server));
  };
  const auto first = std::find_if(to.begin(), to.end(), [&](const Event& event) {
    return (cluster.held & source(event)) == 0;
  });
  if (first == to.end()) {
    to.clear();
    wishes(cluster, to);
    crashes(cluster, to);
  } else {
    const Event next = *first;
    to.assign(1, next);
    if (cluster.holds < *bounds_.holds) {
      to.push_back({Kind::deliver, next.server, next.other, Event::Net::hold});
    }
    if (cluster.crashes < bounds_.crashes) to.push_back({Kind::crash, next.server, 0});
    if (next.kind == Kind::deliver && !face(cluster, next.other).alive) {
      to.push_back({Kind::deliver, next.server, next.other, Event::Net::lose});
    }
  }
  for (std::uint8_t from = 0; from < servers; ++from) {
    for (std::uint8_t i = 0; i < servers; ++i) {
      const Event release{Kind::deliver, i, from, Event::Net::release};
      if ((cluster.held & source(release)) != 0) to.push_back(release);
    }
  }
}

// What moves by itself: writes, messages, the notice that a process is dead. Event::other is the
// server itself for its disk.
void Rules::progress(const Cluster& cluster, std::vector<Event>& to) const {
  for (std::uint8_t i = 0; i < servers; ++i) {
    if (face(cluster, i).writes_pending) to.push_back({Kind::write, i, i});
  }
  for (std::uint8_t i = 0; i < servers; ++i) {
    const Face& face = this->face(cluster, i);
    if (!face.alive) continue;
    for (std::uint8_t j = 0; j < servers; ++j) {
      if (j == i) continue;
      const Face::Other& other = face.other[j];
      const bool may_notice = other.heard_of || other.unsettled;
      if (!cluster.way(j, i).empty()) to.push_back({Kind::deliver, i, j});
      if (!this->face(cluster, j).alive && may_notice && !other.dead && cluster.connected(i, j) &&
          (!bounds_.holds || cluster.way(j, i).empty())) {
        to.push_back({Kind::refused, i, j});
      }
    }
  }
}

// What clients want, what timers do, and operators.
void Rules::wishes(const Cluster& cluster, std::vector<Event>& to) const {
  for (std::uint8_t i = 0; i < servers; ++i) {
    const Face& face = this->face(cluster, i);
    if (!face.alive) {
      if (cluster.restarts < bounds_.restarts) to.push_back({Kind::start, i, 0});
      if (!bounds_.plan.empty()) to.push_back({Kind::robbed, i, 0});  // if the plan has it
      continue;
    }
    if (!face.leads && !face.candidate && cluster.takeovers < bounds_.takeovers) {
      to.push_back({Kind::asked, i, 0});
    }
    if (face.serves) {
      if (cluster.submitted < bounds_.operations) {
        to.push_back({Kind::submit, i, cluster.submitted});
      }
      for (std::uint8_t k = 0; k < cluster.submitted && cluster.retries < bounds_.retries; ++k) {
        to.push_back({Kind::submit, i, k});
      }
    }
    if (cluster.heartbeats < bounds_.heartbeats && heartbeat_helps(cluster, i)) {
      to.push_back({Kind::heartbeat, i, 0});
    }
    suspicions(cluster, i, to);
    if (cluster.cut_off == Cluster::none && cluster.cuts < bounds_.cuts) {
      to.push_back({Kind::deliver, i, 0, Event::Net::cut});
    }
  }
  if (cluster.cut_off != Cluster::none) {
    to.push_back({Kind::deliver, cluster.cut_off, 0, Event::Net::heal});
  }
}

// Heartbeats are many; one is an event of its own only when a peer lacks something that it brings,
// and nothing is under way between the two: see README.md.
bool Rules::heartbeat_helps(const Cluster& cluster, unsigned server) const {
  const Face& face = this->face(cluster, server);
  bool helps = false;
  each_other(server, [&](unsigned other) {
    const Face& there = this->face(cluster, other);
    if (!there.alive || !cluster.connected(server, other)) return;
    if (!cluster.way(server, other).empty() || !cluster.way(other, server).empty()) return;
    const Face::Other& known = face.other[other];
    const Face::Other& self = there.other[server];
    const bool met = known.life == there.life && self.life == face.life && self.knows_me;
    const bool member = (face.members >> other & 1) != 0;
    const bool asks = known.unsettled && !face.stuck_in_ask && !there.writes_pending;
    helps = helps || !met || self.suspected || asks || face.retries ||
            (face.leads && (known.inflight || (member && !known.lease)));
  });
  return helps;
}

void Rules::suspicions(const Cluster& cluster, unsigned i, std::vector<Event>& to) const {
  const Face& face = this->face(cluster, i);
  const auto event = [&](Kind kind, unsigned other) {
    to.push_back({kind, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(other)});
  };
  each_other(i, [&](unsigned j) {
    const Face& there = this->face(cluster, j);
    const Face::Other& other = face.other[j];
    const bool cut = !cluster.connected(i, j);
    if (!there.alive && !cut) return;  // it refuses connections, and this will be noticed
    if (other.unsettled && face.stuck_in_ask) {
      if (cut || cluster.ask_waits < bounds_.ask_waits) event(Kind::ask_over, j);
      return;
    }
    if (!cut && cluster.late >= bounds_.late) return;
    if (!other.suspected) event(Kind::suspects, j);
    if (other.unsettled) event(Kind::unheard, j);
  });
  // The leader to whom it owes does not lead any more, or its lease is over.
  if (face.owes < servers) {
    const Face& leader = this->face(cluster, face.owes);
    if (!leader.alive || !leader.leads || !leader.other[i].lease) event(Kind::owes_none, 0);
  }
}

}  // namespace chat262::model

// What happens, and what must hold then.
#include "test/model/rules.hpp"

#include <algorithm>

#include "test/support/text.hpp"

namespace chat262::model {

namespace {

const auto kind_of_ack = static_cast<std::uint8_t>(peer::Body{peer::HeartbeatAck{}}.index());

}  // namespace

std::string Rules::take(Cluster& cluster, unsigned server, const Input& input) {
  const Step& step = all_.step(cluster.server[server], input);
  if (!step.broken.empty()) return step.broken;
  cluster.server[server] = step.to;
  for (const Sent& sent : step.sent) {
    // A process that is not there, or not to be reached, will never know.
    if (!face(cluster, sent.to).alive || !cluster.connected(server, sent.to)) continue;
    cluster.way(server, sent.to).push(sent.message);
  }
  return check(cluster, server, step);
}

std::string Rules::apply(Cluster& cluster, const Event& event) {
  const unsigned i = event.server;
  const bool moves = event.net == Event::Net::none;
  if (moves && ((event.kind == Kind::deliver && cluster.way(event.other, i).empty()) ||
                (event.kind == Kind::write && !face(cluster, i).writes_pending) ||
                starts(event.kind) == face(cluster, i).alive)) {
    return "there is nothing like that to happen";
  }
  if (event.is_planned()) ++cluster.planned;
  Input input{event.kind, event.other, 0};
  switch (event.net) {
    case Event::Net::none:
      break;
    case Event::Net::lose:
      cluster.way(event.other, i).clear();
      return {};
    case Event::Net::cut:
      cluster.cut_off = event.server;
      ++cluster.cuts;
      each_other(i, [&](unsigned j) {
        cluster.way(i, j).clear();
        cluster.way(j, i).clear();
      });
      return {};
    case Event::Net::heal:
      cluster.cut_off = Cluster::none;
      return {};
    case Event::Net::hold:
      ++cluster.holds;
      [[fallthrough]];
    case Event::Net::release:
      cluster.held = static_cast<std::uint16_t>(cluster.held ^ 1U << (event.other * servers + i));
      return {};
  }
  switch (event.kind) {
    case Kind::deliver: {
      auto& way = cluster.way(event.other, i);
      input.message = way.front();
      input.arg = 0;
      way.pop();
      break;
    }
    case Kind::crash:
      ++cluster.crashes;
      for (unsigned j = 0; j < servers; ++j) {
        cluster.way(j, i).clear();
        cluster.held = static_cast<std::uint16_t>(cluster.held & ~(1U << (j * servers + i)));
      }
      break;
    case Kind::start:
    case Kind::robbed:
      ++cluster.restarts;
      // A server that starts keeps no promise to a leader before suspect_after has passed; by then
      // a lease that rests on its earlier life is over.
      each_other(i, [&](unsigned j) { forget_lease(cluster, j, i); });
      break;
    case Kind::refused:
      cluster.way(event.other, i).clear();
      break;
    case Kind::asked:
      ++cluster.takeovers;
      break;
    case Kind::submit:
      if (event.other == cluster.submitted) {
        ++cluster.submitted;
      } else {
        ++cluster.retries;
      }
      break;
    case Kind::heartbeat:
      ++cluster.heartbeats;
      break;
    case Kind::suspects:
      forget_lease(cluster, event.other, i);
      [[fallthrough]];
    case Kind::unheard:
      if (cluster.connected(i, event.other)) ++cluster.late;
      break;
    case Kind::ask_over:
      if (cluster.connected(i, event.other)) ++cluster.ask_waits;
      break;
    case Kind::write:
    case Kind::lease_over:
    case Kind::owes_none:
      break;
  }
  std::string broken = take(cluster, i, input);
  if (broken.empty()) broken = deliver_meaningless(cluster);
  return broken;
}

// `leader` holds no lease from `member` any more, whatever is still under way.
void Rules::forget_lease(Cluster& cluster, unsigned leader, unsigned member) {
  for (MessageNumber& message : cluster.way(leader, member)) message = all_.aged(message);
  for (MessageNumber& message : cluster.way(member, leader)) message = all_.aged(message);
  const Face& face = this->face(cluster, leader);
  if (!face.alive || !face.other[member].lease) return;
  cluster.server[leader] =
      all_.step(cluster.server[leader], {Kind::lease_over, static_cast<std::uint8_t>(member), 0})
          .to;
}

// Messages whose place in the order makes no difference arrive at once; README.md says why.
std::string Rules::deliver_meaningless(Cluster& cluster) {
  for (bool again = true; again;) {
    again = false;
    for (unsigned from = 0; from < servers; ++from) {
      for (unsigned to = 0; to < servers; ++to) {
        auto& way = cluster.way(from, to);
        if (way.empty()) continue;
        const Servers::Envelope& head = all_.envelope(way.front());
        const Face& face = this->face(cluster, to);
        const Input input{Kind::deliver, 0, way.front()};
        if (head.kind == kind_of_ack) {
          way.pop();
          std::string broken = take(cluster, to, input);
          if (!broken.empty()) return broken;
          again = true;
        } else if (head.epoch < face.promised && head.to == face.life) {
          const Step& step = all_.step(cluster.server[to], input);
          if (step.to != cluster.server[to] || !step.sent.empty() || !step.broken.empty()) continue;
          way.pop();
          again = true;
        }
      }
    }
  }
  return {};
}

bool Rules::beyond(const Cluster& cluster) const {
  for (unsigned i = 0; i < servers; ++i) {
    if (face(cluster, i).promised.counter > bounds_.epochs) return true;
  }
  return false;
}

// ---- what must hold

std::string Rules::check(Cluster& cluster, unsigned server, const Step& step) {
  cluster.acknowledged |= static_cast<std::uint8_t>(step.acknowledged);
  if (!one_history_) return {};
  if (step.committed != 0) {
    std::string broken = check_committed(cluster, server);
    if (!broken.empty()) return broken;
  }
  unsigned serving = 0;
  for (unsigned i = 0; i < servers; ++i) {
    const Face& face = this->face(cluster, i);
    if (!face.serves) continue;
    ++serving;
    const std::string name = "server " + std::to_string(i);
    if (face.last_epoch.server.value != i) return name + " serves in an epoch of another";
    if ((cluster.acknowledged & ~face.operations) != 0) {
      return name + " serves without what was acknowledged (I1)";
    }
  }
  if (serving > 1) return "two leaders serve";
  // Two entries of one epoch and seq are the same entry.
  const Face& changed = face(cluster, server);
  std::string broken;
  each_other(server, [&](unsigned other) {
    const Face& there = face(cluster, other);
    for (const auto* mine : {&changed.log, &changed.disk}) {
      for (const auto* theirs : {&there.log, &there.disk}) {
        const std::size_t both = std::min(mine->size(), theirs->size());
        for (std::size_t k = 0; k < both; ++k) {
          if ((*mine)[k].at == (*theirs)[k].at && (*mine)[k].hash != (*theirs)[k].hash) {
            broken = "two entries stand at " + test::text_of((*mine)[k].at);
          }
        }
      }
    }
  });
  return broken;
}

std::string Rules::check_committed(Cluster& cluster, unsigned server) {
  const Face& face = this->face(cluster, server);
  const std::string name = "server " + std::to_string(server);
  std::vector<std::uint64_t> history = histories_[cluster.history];
  for (std::uint64_t k = 0; k < face.committed; ++k) {
    if (k == history.size()) {
      history.push_back(face.log[k].hash);
    } else if (history[k] != face.log[k].hash) {
      return name + " commits another history than somebody before (I3), at " +
             test::text_of(face.log[k].at);
    }
  }
  const auto [known, added] =
      known_histories_.emplace(history, static_cast<std::uint32_t>(histories_.size()));
  if (added) histories_.push_back(history);
  cluster.history = known->second;
  if (!face.leads) return {};
  for (unsigned i = 0; i < servers; ++i) {
    if ((face.members >> i & 1) == 0) continue;
    const Face& member = this->face(cluster, i);
    const bool has = member.disk.size() >= face.committed &&
                     member.disk[face.committed - 1].hash == face.log[face.committed - 1].hash;
    if (!has) {
      return name + " commits " + std::to_string(face.committed) + ", which member " +
             std::to_string(i) + " has not on its disk";
    }
  }
  return {};
}

}  // namespace chat262::model

#include "test/simulation/faults.hpp"

#include <algorithm>

namespace chat262::test {

Faults::Faults(World& world, const Regime& regime, unsigned servers)
    : regime_(regime), servers_(servers), last_reset_(servers * servers, -1000 * milliseconds) {
  Random& random = world.random();
  pause_max_ = random.between(1, 40) * random.between(1, 100) * milliseconds;
  down_max_ = random.between(1, 60) * random.between(1, 100) * milliseconds;
  for (unsigned i = 0; i < servers; ++i) {
    const Time delay = random.between(100, 10 * milliseconds);
    for (unsigned j = 0; j < servers; ++j) {
      world.network().channel(server_id(i), server_id(j)).delay = delay;
    }
    world.disk(server_id(i)).delay = random.between(200, 30 * milliseconds);
    if (random.chance(60)) {
      world.start(server_id(i));
    } else {
      later_.push_back(
          {random.between(0, 3000) * milliseconds, Later::What::start, server_id(i), server_id(i)});
    }
  }
  next_ = random.between(0, 2000) * milliseconds;
}

Time Faults::due() const {
  Time due = next_;
  for (const Later& later : later_) due = std::min(due, later.due);
  return due;
}

void Faults::run(World& world) {
  for (std::size_t i = 0; i < later_.size();) {
    if (later_[i].due > world.now()) {
      ++i;
      continue;
    }
    const Later later = later_[i];
    later_.erase(later_.begin() + static_cast<std::ptrdiff_t>(i));
    switch (later.what) {
      case Later::What::start:
        world.start(later.a);
        break;
      case Later::What::resume:
        world.resume(later.a);
        break;
      case Later::What::heal:
        world.network().channel(later.a, later.b).cut = false;
        world.network().release(later.a, later.b, world.now());
        break;
      case Later::What::thaw:
        world.thaw(later.a);
        break;
      case Later::What::room:
        world.set_full(later.a, false);
        break;
    }
  }
  if (next_ > world.now()) return;
  next_ = world.now() + world.random().between(0, pause_max_);
  if (!regime_.single) {
    draw(world);
  } else if (later_.empty() && world.all_in_sync()) {
    draw_single(world);
  }
}

void Faults::draw_single(World& world) {
  Random& random = world.random();
  const ServerId server = pick(world);
  const Time end = world.now() + random.between(1, down_max_);
  switch (random.below(5)) {
    case 0:
      world.crash(server, random.chance(50));
      later_.push_back({end, Later::What::start, server, server});
      break;
    case 1:
      world.pause(server);
      later_.push_back({end, Later::What::resume, server, server});
      break;
    case 2:
      world.disk(server).frozen = true;
      later_.push_back({end, Later::What::thaw, server, server});
      break;
    case 3:
      world.set_full(server, true);
      later_.push_back({end, Later::What::room, server, server});
      break;
    default:
      world.handover(server, std::nullopt);
  }
}

ServerId Faults::pick(World& world) const {
  return server_id(static_cast<unsigned>(world.random().below(servers_)));
}

void Faults::draw(World& world) {
  Random& random = world.random();
  const ServerId server = pick(world);
  const auto kind = random.below(100);
  if (kind < 45) {
    crash_or_start(world, server);
  } else if (kind < 75) {
    link(world, server, pick(world));
  } else if (kind < 90) {
    disk(world, server);
  } else if (regime_.losses) {
    lose(world, server);
  } else if (regime_.suspicion && world.life(server) == Life::alive) {
    world.pause(server);
    later_.push_back(
        {world.now() + random.between(1, down_max_), Later::What::resume, server, server});
  } else if (random.chance(50)) {
    world.handover(server, std::nullopt);
  } else if (may_crash(world, server)) {
    world.stop(server);
    later_.push_back(
        {world.now() + random.between(1, down_max_), Later::What::start, server, server});
  }
}

bool Faults::may_crash(World& world, ServerId server) {
  if (robbed_) {
    const auto now = world.summary(*robbed_);
    if (now && !now->lost_disk && (now->in_sync || world.serves(*robbed_))) {
      robbed_.reset();
      keeper_.reset();
    }
  }
  return !keeper_ || *keeper_ != server;
}

void Faults::crash_or_start(World& world, ServerId server) {
  Random& random = world.random();
  if (world.life(server) == Life::dead) {
    world.start(server);
    return;
  }
  if (!may_crash(world, server)) return;
  if (random.chance(15) && !keeper_) {  // all at once
    for (unsigned i = 0; i < servers_; ++i) {
      world.crash(server_id(i), random.chance(50));
      later_.push_back({world.now() + random.between(1, 2 * down_max_), Later::What::start,
                        server_id(i), server_id(i)});
    }
    return;
  }
  if (random.chance(60)) {  // in the middle of what it does, perhaps
    world.crash_at_action(server, static_cast<unsigned>(random.between(1, 12)));
  } else {
    world.crash(server, random.chance(50));
  }
  later_.push_back(
      {world.now() + random.between(1, down_max_), Later::What::start, server, server});
}

void Faults::link(World& world, ServerId a, ServerId b) {
  if (a == b) return;
  Random& random = world.random();
  Channel& way = world.network().channel(a, b);
  if (!regime_.suspicion) {
    // Few enough that silence never lasts until somebody is suspected.
    Time& last = last_reset_[std::min(a, b).value * servers_ + std::max(a, b).value];
    if (random.chance(50)) {
      way.delay = random.between(100, 30 * milliseconds);
    } else if (world.now() - last > 600 * milliseconds) {
      last = world.now();
      world.reset(a, b);
    }
    return;
  }
  const Time end = world.now() + random.between(1, down_max_);
  switch (random.below(5)) {
    case 0:
      way.delay = random.between(100, random.chance(20) ? 700 * milliseconds : 30 * milliseconds);
      break;
    case 1:
      world.reset(a, b);
      break;
    case 2:
      way.held = true;
      later_.push_back({end, Later::What::heal, a, b});
      break;
    case 3:
      world.network().cut(a, b);
      later_.push_back({end, Later::What::heal, a, b});
      break;
    default:  // one server away from all others
      for (unsigned i = 0; i < servers_; ++i) {
        for (const auto& [from, to] : {std::pair(a, server_id(i)), std::pair(server_id(i), a)}) {
          world.network().cut(from, to);
          later_.push_back({end, Later::What::heal, from, to});
        }
      }
  }
}

void Faults::disk(World& world, ServerId server) {
  Random& random = world.random();
  Disk& disk = world.disk(server);
  if (!regime_.disks || random.chance(50)) {
    disk.delay = random.between(200, random.chance(30) ? 400 * milliseconds : 20 * milliseconds);
    return;
  }
  const Time end = world.now() + random.between(1, 2 * down_max_);
  if (random.chance(50)) {
    disk.frozen = true;
    later_.push_back({end, Later::What::thaw, server, server});
  } else {
    world.set_full(server, true);
    later_.push_back({end, Later::What::room, server, server});
  }
}

// A lost disk counts as a crash that lasts until its server is in-sync again; so one other server
// must live on that has everything.
void Faults::lose(World& world, ServerId server) {
  Random& random = world.random();
  if (random.chance(50)) {
    if (world.life(server) == Life::alive) copies_[server] = world.disk(server).content;
    return;
  }
  if (!may_crash(world, server) || keeper_) return;
  std::optional<ServerId> keeper;
  for (unsigned i = 0; i < servers_; ++i) {
    if (server_id(i) != server && world.serves(server_id(i))) keeper = server_id(i);
  }
  if (!keeper) return;
  const auto copy = copies_.find(server);
  const DiskContent& present = world.disk(server).content;
  // An older copy can be told from the present disk only if peers know a later life.
  const bool old =
      copy != copies_.end() && copy->second.incarnation.counter < present.incarnation.counter;
  const DiskContent content = old ? copy->second : DiskContent{};
  if (world.life(server) != Life::alive) return;
  const auto now = world.summary(server);
  if (!now || !now->in_sync) return;  // its peers know its present life
  world.crash(server);
  world.crash_at_action(*keeper, 0);
  world.lose_disk(server);
  world.disk(server).content = content;
  robbed_ = server;
  keeper_ = keeper;
  later_.push_back(
      {world.now() + random.between(1, down_max_), Later::What::start, server, server});
}

}  // namespace chat262::test

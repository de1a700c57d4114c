#include "test/simulation/faults.hpp"

#include <algorithm>

namespace chat262::test {

Faults::Faults(World& world, const Regime& regime, std::uint64_t seed,
               std::optional<std::vector<Fault>> given)
    : world_(world),
      regime_(regime),
      random_(seed ^ 0xfa17),
      servers_(world.servers()),
      drawn_(!given),
      last_reset_(servers_ * servers_, -1000 * milliseconds) {
  between_max_ = random_.between(1, 40) * random_.between(1, 100) * milliseconds;
  lasting_max_ = random_.between(1, 60) * random_.between(1, 100) * milliseconds;
  // Else hardly a split lasts long enough for both sides to serve.
  if (regime_.parts) between_max_ = random_.between(300, 4000) * milliseconds;
  if (given) given_ = std::move(*given);
  for (unsigned i = 0; i < servers_; ++i) {
    if (!drawn_ || random_.chance(60)) continue;
    given_.push_back({.kind = FaultKind::late, .a = server_id(i), .lasts = draw_lasting(3000)});
  }
  for (unsigned i = 0; i < servers_; ++i) {
    const auto late = std::find_if(given_.begin(), given_.end(), [i](const Fault& fault) {
      return fault.kind == FaultKind::late && fault.a == server_id(i);
    });
    if (late == given_.end()) {
      world_.start(server_id(i));
    } else {
      injected_.push_back(*late);
      end_later(*late);
    }
  }
  std::erase_if(given_, [](const Fault& fault) { return fault.kind == FaultKind::late; });
  std::stable_sort(given_.begin(), given_.end(),
                   [](const Fault& a, const Fault& b) { return a.at < b.at; });
  next_ = random_.between(0, 2000) * milliseconds;
}

Time Faults::due() const {
  Time due = drawn_ ? next_ : next_given_ < given_.size() ? given_[next_given_].at : never;
  for (const Fault& fault : lasting_) due = std::min(due, fault.at + fault.lasts);
  return due;
}

void Faults::run() {
  for (std::size_t i = 0; i < lasting_.size();) {
    if (lasting_[i].at + lasting_[i].lasts > world_.now()) {
      ++i;
      continue;
    }
    const Fault fault = lasting_[i];
    lasting_.erase(lasting_.begin() + static_cast<std::ptrdiff_t>(i));
    end_one(fault);
  }
  // One at a time, as they are drawn: what else is due comes between two of one moment.
  if (next_given_ < given_.size() && given_[next_given_].at <= world_.now()) {
    const Fault& fault = given_[next_given_++];
    if (inject(fault)) injected_.push_back(fault);
  }
  if (!drawn_ || next_ > world_.now()) return;
  Fault fault = regime_.single ? draw_single() : draw();
  fault.at = world_.now();
  if (inject(fault)) injected_.push_back(fault);
  next_ = world_.now() + random_.between(0, between_max_ / milliseconds) * milliseconds;
}

void Faults::end() {
  drawn_ = false;
  given_.clear();
  next_given_ = 0;
  for (const Fault& fault : std::exchange(lasting_, {})) end_one(fault);
  world_.network().heal();
  for (unsigned i = 0; i < servers_; ++i) {
    const ServerId server = server_id(i);
    for (unsigned j = 0; j < servers_; ++j) {
      world_.network().channel(server, server_id(j)).delay = 1 * milliseconds;
    }
    world_.disk(server).delay = 2 * milliseconds;
    world_.crash_at_action(server, 0);
    world_.disk_error(server, 0, false);
    world_.start(server);
  }
}

bool Faults::inject(const Fault& fault) {
  if (fault.a.value >= servers_ || fault.b.value >= servers_) return false;
  if (regime_.single && (!lasting_.empty() || !world_.all_in_sync())) return false;
  switch (fault.kind) {
    case FaultKind::late:
      return false;
    case FaultKind::crash:
    case FaultKind::crash_in:
    case FaultKind::error:
    case FaultKind::stop:
    case FaultKind::pause:
    case FaultKind::handover:
    case FaultKind::clock:
    case FaultKind::deaf:
      return inject_on_process(fault);
    case FaultKind::freeze:
    case FaultKind::full:
    case FaultKind::slow:
    case FaultKind::lose:
    case FaultKind::copy:
    case FaultKind::older:
    case FaultKind::rot:
      return inject_on_disk(fault);
    case FaultKind::cut:
    case FaultKind::isolate:
    case FaultKind::hold:
    case FaultKind::lossy:
    case FaultKind::delay:
    case FaultKind::reset:
      return inject_on_network(fault);
    case FaultKind::part:
      return part(fault);
  }
  return false;
}

bool Faults::inject_on_process(const Fault& fault) {
  const bool alive = world_.life(fault.a) == Life::alive;
  if (fault.kind == FaultKind::clock) {
    world_.jump_clock(fault.a, fault.n);
    return true;
  }
  if (fault.kind == FaultKind::deaf) {
    world_.cut_clients(fault.a, true);
    end_later(fault);
    return true;
  }
  if (fault.kind == FaultKind::handover) {
    if (alive) world_.handover(fault.a, std::nullopt);
    return alive;
  }
  if (fault.kind == FaultKind::pause) {
    if (alive) world_.pause(fault.a);
    if (alive) end_later(fault);
    return alive;
  }
  const bool everybody = fault.n >= 100;
  if (!everybody && !alive) return false;
  for (unsigned i = 0; i < servers_; ++i) {
    const ServerId server = server_id(i);
    if (server != fault.a && !everybody) continue;
    if (!may_crash(server)) return false;
  }
  const auto n = static_cast<unsigned>(fault.n % 100);
  for (unsigned i = 0; i < servers_; ++i) {
    const ServerId server = server_id(i);
    if (server != fault.a && !everybody) continue;
    if (fault.kind == FaultKind::stop) world_.stop(server);
    if (fault.kind == FaultKind::crash) {
      world_.crash(server, {.lose_sent = (n & 1) != 0, .write_lands = (n & 2) != 0});
    }
    if (fault.kind == FaultKind::crash_in) world_.crash_at_action(server, n);
    if (fault.kind == FaultKind::error) world_.disk_error(server, n / 2, n % 2 == 1);
    Fault its_own = fault;
    its_own.a = server;
    its_own.lasts += i * (fault.lasts / 3);
    end_later(its_own);
  }
  return true;
}

bool Faults::inject_on_disk(const Fault& fault) {
  Disk& disk = world_.disk(fault.a);
  if (fault.kind == FaultKind::slow) {
    disk.delay = fault.n;
    return true;
  }
  if (fault.kind == FaultKind::freeze) {
    disk.frozen = true;
    end_later(fault);
    return true;
  }
  if (fault.kind == FaultKind::full) {
    world_.set_full(fault.a, true);
    end_later(fault);
    return true;
  }
  if (fault.kind == FaultKind::copy) {
    if (world_.life(fault.a) != Life::alive) return false;
    copies_[fault.a] = disk.content;
    return true;
  }
  // What rots must stay whole elsewhere: no disk is lost before it is repaired.
  if (fault.kind == FaultKind::rot) {
    static_cast<void>(may_crash(fault.a));  // looks whether the last loss is over
    return !keeper_ && world_.rot(fault.a, static_cast<std::uint64_t>(fault.n));
  }
  return world_.whole() && replace_disk(fault);
}

bool Faults::inject_on_network(const Fault& fault) {
  Network& network = world_.network();
  if (fault.kind == FaultKind::isolate) {
    for (unsigned i = 0; i < servers_; ++i) {
      if (server_id(i) == fault.a) continue;
      network.cut(fault.a, server_id(i));
      network.cut(server_id(i), fault.a);
    }
    end_later(fault);
    return true;
  }
  if (fault.a == fault.b) return false;
  Channel& way = network.channel(fault.a, fault.b);
  if (fault.kind == FaultKind::delay) {
    way.delay = fault.n;
    return true;
  }
  if (fault.kind == FaultKind::reset) {
    // Without suspicion so few that silence never lasts until somebody is suspected.
    Time& last =
        last_reset_[std::min(fault.a, fault.b).value * servers_ + std::max(fault.a, fault.b).value];
    if (!regime_.suspicion && world_.now() - last <= 600 * milliseconds) return false;
    last = world_.now();
    world_.reset(fault.a, fault.b, fault.n != 0);
    return true;
  }
  if (fault.kind == FaultKind::hold) way.held = true;
  if (fault.kind == FaultKind::cut) network.cut(fault.a, fault.b);
  if (fault.kind == FaultKind::lossy) way.loss_percent = static_cast<unsigned>(fault.n);
  end_later(fault);
  return true;
}

bool Faults::part(const Fault& fault) {
  if (sides_) return false;
  sides_ = fault.n;
  for (unsigned i = 0; i < servers_; ++i) {
    for (unsigned j = 0; j < servers_; ++j) {
      if ((fault.n >> i & 1) == (fault.n >> j & 1)) continue;
      world_.network().cut(server_id(i), server_id(j));
    }
  }
  end_later(fault);
  return true;
}

bool Faults::parted(const ClientId& client, ServerId server) const {
  if (!sides_) return false;
  const unsigned index = client.bytes[1] & 7U;  // of c0, c1, ...
  return (*sides_ >> server.value & 1) != (*sides_ >> (8 + index) & 1);
}

void Faults::end_one(const Fault& fault) {
  Network& network = world_.network();
  switch (fault.kind) {
    case FaultKind::crash_in:
    case FaultKind::error:
      world_.crash_at_action(fault.a, 0);  // if it did not come to it
      world_.disk_error(fault.a, 0, false);
      world_.start(fault.a);
      break;
    case FaultKind::late:
    case FaultKind::crash:
    case FaultKind::stop:
    case FaultKind::lose:
    case FaultKind::older:
      world_.start(fault.a);
      break;
    case FaultKind::pause:
      world_.resume(fault.a);
      break;
    case FaultKind::freeze:
      world_.thaw(fault.a);
      break;
    case FaultKind::full:
      world_.set_full(fault.a, false);
      break;
    case FaultKind::deaf:
      world_.cut_clients(fault.a, false);
      break;
    case FaultKind::cut:
      network.channel(fault.a, fault.b).cut = false;
      break;
    case FaultKind::part:
      sides_.reset();
      for (unsigned i = 0; i < servers_; ++i) {
        for (unsigned j = 0; j < servers_; ++j) {
          network.channel(server_id(i), server_id(j)).cut = false;
        }
      }
      break;
    case FaultKind::hold:
      network.release(fault.a, fault.b, world_.now());
      break;
    case FaultKind::lossy:
      network.channel(fault.a, fault.b).loss_percent = 0;
      break;
    case FaultKind::isolate:
      for (unsigned i = 0; i < servers_; ++i) {
        network.channel(fault.a, server_id(i)).cut = false;
        network.channel(server_id(i), fault.a).cut = false;
      }
      break;
    default:
      break;
  }
}

// ---- disks that are lost
//
// A lost disk counts as a crash that lasts until its server is in-sync again; so one other server
// must live on that has everything.

bool Faults::may_crash(ServerId server) {
  if (robbed_) {
    const auto now = world_.summary(*robbed_);
    if (now && !now->lost_disk && (now->in_sync || world_.serves(*robbed_))) {
      robbed_.reset();
      keeper_.reset();
    }
  }
  return !keeper_ || *keeper_ != server;
}

bool Faults::replace_disk(const Fault& fault) {
  const ServerId server = fault.a;
  if (!may_crash(server) || keeper_ || world_.life(server) != Life::alive) return false;
  std::optional<ServerId> keeper;
  for (unsigned i = 0; i < servers_; ++i) {
    if (server_id(i) != server && world_.serves(server_id(i))) keeper = server_id(i);
  }
  const auto now = world_.summary(server);
  if (!keeper || !now || !now->in_sync) return false;  // its peers know its present life
  DiskContent content;
  if (fault.kind == FaultKind::older) {
    // An older copy can be told from the present disk only if peers know a later life.
    const auto copy = copies_.find(server);
    const auto counter = world_.disk(server).content.incarnation.counter;
    if (copy == copies_.end() || copy->second.incarnation.counter >= counter) return false;
    content = copy->second;
  }
  world_.crash(server);
  world_.crash_at_action(*keeper, 0);
  world_.disk_error(*keeper, 0, false);
  world_.lose_disk(server);
  world_.disk(server).content = std::move(content);
  robbed_ = server;
  keeper_ = keeper;
  end_later(fault);
  return true;
}

}  // namespace chat262::test

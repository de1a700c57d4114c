// What faults a run has, drawn from its seed.
#include <algorithm>

#include "test/simulation/faults.hpp"

namespace chat262::test {

namespace {

inline constexpr Time pause_max = 10'000 * milliseconds;
inline constexpr Time hour_ms = 3'600'000;

}  // namespace

Time Faults::draw_lasting(Time most_ms) {
  return random_.between(1, std::max<Time>(most_ms, 1)) * milliseconds;
}

ServerId Faults::pick() {
  return server_id(static_cast<unsigned>(random_.below(servers_)));
}

Fault Faults::draw_single() {
  static constexpr std::array kinds = {FaultKind::crash, FaultKind::pause, FaultKind::freeze,
                                       FaultKind::full, FaultKind::handover};
  Fault fault{.kind = kinds.at(random_.below(kinds.size())), .a = pick()};
  fault.lasts = draw_lasting(lasting_max_ / milliseconds);
  if (fault.kind == FaultKind::crash) fault.n = random_.between(0, 3);
  if (fault.kind == FaultKind::handover) fault.lasts = 0;
  return fault;
}

Fault Faults::draw() {
  if (regime_.parts && !sides_ && random_.chance(50)) return draw_part();
  const ServerId server = pick();
  const auto kind = random_.below(100);
  if (kind < 45) return draw_crash(server);
  if (kind < 75) return draw_link(server);
  if (kind < 88) return draw_disk(server);
  const Time lasts = draw_lasting(lasting_max_ / milliseconds);
  const bool some = random_.chance(50);
  if (kind < 90) {
    return {.kind = FaultKind::clock,
            .a = server,
            .n = random_.between(-hour_ms, hour_ms) * random_.between(1, 12)};
  }
  if (kind < 92) return {.kind = FaultKind::deaf, .a = server, .lasts = lasts};
  if (regime_.losses && kind < 96) {
    if (some) return {.kind = FaultKind::copy, .a = server};
    const FaultKind how = random_.chance(50) ? FaultKind::older : FaultKind::lose;
    return {.kind = how, .a = server, .lasts = lasts};
  }
  if (regime_.suspicion && some) {
    return {.kind = FaultKind::pause, .a = server, .lasts = std::min(lasts, pause_max)};
  }
  if (random_.chance(50)) return {.kind = FaultKind::handover, .a = server};
  return {.kind = FaultKind::stop, .a = server, .lasts = lasts};
}

Fault Faults::draw_crash(ServerId server) {
  Fault fault{.kind = FaultKind::crash, .a = server};
  fault.lasts = draw_lasting(lasting_max_ / milliseconds);
  const auto how = random_.below(100);
  if (how < 50) {  // in the middle of what it does, perhaps
    fault.kind = FaultKind::crash_in;
    fault.n = random_.between(1, 12);
  } else if (how < 60) {
    fault.kind = FaultKind::error;
    fault.n = random_.between(2, 13);
  } else {
    fault.n = random_.between(0, 3);
  }
  if (random_.chance(8)) fault.n += 100;  // all at once
  return fault;
}

Fault Faults::draw_link(ServerId server) {
  Fault fault{.a = server, .b = pick()};
  fault.lasts = draw_lasting(lasting_max_ / milliseconds);
  static constexpr std::array quiet = {FaultKind::delay, FaultKind::reset};
  static constexpr std::array all = {FaultKind::delay, FaultKind::reset, FaultKind::hold,
                                     FaultKind::cut,   FaultKind::lossy, FaultKind::isolate};
  fault.kind =
      regime_.suspicion ? all.at(random_.below(all.size())) : quiet.at(random_.below(quiet.size()));
  if (fault.kind == FaultKind::delay) {
    const bool long_one = regime_.suspicion && random_.chance(20);
    fault.n = random_.between(100, (long_one ? 700 : 30) * milliseconds);
    fault.lasts = 0;
  } else if (fault.kind == FaultKind::reset) {
    fault.n = random_.between(0, 1);
    fault.lasts = 0;
  } else if (fault.kind == FaultKind::lossy) {
    fault.n = random_.between(1, 60);
  }
  return fault;
}

Fault Faults::draw_disk(ServerId server) {
  if (regime_.rot && random_.chance(30)) {
    return {.kind = FaultKind::rot, .a = server, .n = random_.between(1, 1 << 20)};
  }
  if (!regime_.disks || random_.chance(50)) {
    const Time most = random_.chance(30) ? 400 * milliseconds : 20 * milliseconds;
    return {.kind = FaultKind::slow, .a = server, .n = random_.between(200, most)};
  }
  const FaultKind kind = random_.chance(50) ? FaultKind::freeze : FaultKind::full;
  return {.kind = kind, .a = server, .lasts = draw_lasting(2 * lasting_max_ / milliseconds)};
}

Fault Faults::draw_part() {
  Fault fault{.kind = FaultKind::part};
  fault.lasts = random_.between(500, 8000) * milliseconds;
  fault.n = random_.between(1, (1 << servers_) - 2) + (random_.between(0, 255) << 8);
  return fault;
}

}  // namespace chat262::test

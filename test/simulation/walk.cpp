#include "test/simulation/walk.hpp"

#include <algorithm>
#include <optional>

#include "test/simulation/clients.hpp"
#include "test/simulation/faults.hpp"
#include "test/simulation/tamper.hpp"

namespace chat262::test {

namespace {

inline constexpr Time second = 1000 * milliseconds;
inline constexpr Time calm_limit = 120 * second;  // far above what any recovery needs

Settings settings_for(std::uint64_t seed, const Regime& regime, const std::string& without) {
  Random random(seed ^ 0x5bd1e995);
  Settings settings;
  settings.seed = seed;
  settings.servers = random.chance(80) ? 3 : static_cast<unsigned>(random.between(1, 5));
  settings.policy = regime.policy;
  settings.without = without;
  settings.checks.one_history = regime.one_history;
  settings.random_shell = true;
  return settings;
}

// Once faults stop, all servers become one cluster with one log, and it serves (I4, I5).
void calm(World& world, WalkClients& clients, const Settings& settings) {
  world.network().heal();
  for (unsigned i = 0; i < settings.servers; ++i) {
    const ServerId server = server_id(i);
    for (unsigned j = 0; j < settings.servers; ++j) {
      world.network().channel(server, server_id(j)).delay = 1 * milliseconds;
    }
    world.disk(server).delay = 2 * milliseconds;
    if (world.disk(server).full) world.set_full(server, false);
    if (world.disk(server).frozen) world.thaw(server);
    world.crash_at_action(server, 0);
    world.resume(server);
    world.start(server);
  }
  clients.stop();
  const Time limit = world.now() + calm_limit;
  const std::size_t last = clients.one_more(world);
  while (!world.request(last).acknowledged && world.step(limit)) continue;
  if (!world.request(last).acknowledged) {
    throw Violation("no request is answered after all faults have stopped (I5): " +
                    world.request(last).answer);
  }
  const Time later = world.now() + calm_limit;
  while (!(world.logs_equal() && world.all_in_sync()) && world.now() < later) {
    world.run_until(world.now() + 20 * milliseconds);
  }
  if (!world.logs_equal()) throw Violation("logs differ after all faults have stopped (I4)");
  if (!world.all_in_sync()) throw Violation("not all are in-sync after all faults stopped (I5)");
  world.check_final();
}

}  // namespace

WalkResult walk(std::uint64_t seed, const Regime& regime, const std::string& without,
                const std::function<void(const std::string&)>& told) {
  const Settings settings = settings_for(seed, regime, without);
  World world(settings);
  if (told) {
    world.told = [&world, &told](const std::string& line, bool story) {
      std::string stamp = std::to_string(world.now() / 1000);
      stamp.insert(0, 8 - std::min<std::size_t>(stamp.size(), 8), ' ');
      told(stamp + (story ? " * " : "   ") + line);
    };
  }
  if (regime.nonsense) {
    world.tamper = [&world](peer::Message& message) {
      if (world.random().below(100) == 0) tamper(message, world.random());
    };
  }
  WalkResult result;
  try {
    Faults faults(world, regime, settings.servers);
    WalkClients clients(world);
    const Time end = world.random().between(3, 30) * second;
    while (world.now() < end) {
      const Time next = std::min({faults.due(), clients.due(), end});
      if (world.step(next)) {
        clients.look(world);
        continue;
      }
      faults.run(world);
      clients.run(world);
    }
    if (!regime.nonsense) calm(world, clients, settings);
  } catch (const Violation& violation) {
    result.failed = !regime.nonsense;
    result.why = violation.what();
    if (told) told(world.state_text());
  }
  result.trace_hash = world.trace_hash();
  result.acknowledged = world.acknowledged();
  result.virtual_time = world.now();
  return result;
}

}  // namespace chat262::test

#include "test/simulation/run.hpp"

#include <algorithm>

#include "test/simulation/answers.hpp"
#include "test/simulation/clients.hpp"
#include "test/simulation/falsify.hpp"
#include "test/simulation/faults.hpp"
#include "test/simulation/final_reads.hpp"
#include "test/simulation/tamper.hpp"

namespace chat262::test {

namespace {

inline constexpr Time second = 1000 * milliseconds;
inline constexpr Time calm_limit = 120 * second;  // far above what any recovery needs

Settings settings_for(const Options& options) {
  Random random(options.seed ^ 0x5bd1e995);
  Settings settings;
  settings.seed = options.seed;
  settings.servers = random.chance(80) ? 3 : static_cast<unsigned>(random.between(1, 5));
  settings.policy = options.regime->policy;
  settings.without = options.without;
  settings.checks.one_history = options.regime->one_history;
  settings.checks.keeps_all = options.regime->keeps_all;
  settings.random_shell = true;
  return settings;
}

void draw_surroundings(World& world) {
  Random& random = world.random();
  for (unsigned i = 0; i < world.servers(); ++i) {
    const ServerId server = server_id(i);
    const Time delay = random.between(100, 10 * milliseconds);
    for (unsigned j = 0; j < world.servers(); ++j) {
      world.network().channel(server, server_id(j)).delay = delay;
    }
    world.disk(server).delay = random.between(200, 30 * milliseconds);
    world.set_clients_delay(server, random.between(50, 5 * milliseconds));
    world.set_drift(server, random.between(-200, 200));
  }
}

void serve_until_settled(World& world, Clients& clients) {
  const Time limit = world.now() + calm_limit;
  while (world.now() < limit && !(clients.finished() && world.settled() && world.whole())) {
    const Time next = std::min({clients.due(), world.now() + 20 * milliseconds, limit});
    world.run_until(next);
    clients.run();
  }
  if (!clients.finished()) throw Violation("a client is not served after all faults stopped (I5)");
  if (!world.logs_equal()) throw Violation("logs differ after all faults have stopped (I4)");
  if (!world.all_in_sync()) throw Violation("not all are in-sync after all faults stopped (I5)");
  if (!world.settled()) throw Violation("not all tables follow after all faults stopped (I5)");
  if (!world.whole()) throw Violation("damaged entries are left after all faults stopped");
}

// Once faults stop, every client is served, and all servers become one cluster with one log (I4,
// I5). Where both sides of a split went on clients then ask once more: by then there is one history
// that explains what they are told.
OneHistory calm(World& world, Faults& faults, Clients& clients, const Regime& regime) {
  faults.end();
  clients.finish();
  serve_until_settled(world, clients);
  if (regime.one_history) return {};
  const OneHistory from{world.now(), world.log(server_id(0)).last()};
  clients.finish_again();
  serve_until_settled(world, clients);
  return from;
}

void work(World& world, Faults& faults, Clients& clients, Time end) {
  while (world.now() < end) {
    if (world.step(std::min({faults.due(), clients.due(), end}))) continue;
    faults.run();
    clients.run();
  }
}

void count(const History& history, RunResult& result) {
  for (const Call& call : history) {
    if (call.reply) {
      ++result.calls[kind_of(call.request.body)];
    } else {
      ++result.unknown;
    }
  }
}

}  // namespace

std::string command_of(const Options& options) {
  std::string text = "--seed " + std::to_string(options.seed) + " --regime " + options.regime->name;
  if (!options.without.empty()) text += " --without " + options.without;
  if (options.clients != ~0U) {
    text += " --clients ";
    std::string list;
    for (unsigned i = 0; i < clients_max; ++i) {
      if ((options.clients >> i & 1U) != 0) list += (list.empty() ? "" : ",") + std::to_string(i);
    }
    text += list.empty() ? "none" : list;
  }
  if (!options.falsehood.empty()) text += " --falsify " + options.falsehood;
  if (options.until) text += " --until " + std::to_string(*options.until / milliseconds);
  if (options.faults) text += " --faults '" + text_of(*options.faults) + "'";
  return text;
}

RunResult run(const Options& options, const std::function<void(const std::string&)>& told) {
  const Regime& regime = *options.regime;
  World world(settings_for(options));
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
  RunResult result;
  Clients clients(world, options.seed, options.clients, world.servers(), regime.parts);
  world.hears = [&clients](std::uint64_t ticket, ServerId, const Bytes* frame) {
    clients.hear(ticket, frame);
  };
  std::optional<Faults> faults;
  try {
    draw_surroundings(world);
    faults.emplace(world, regime, options.seed, options.faults);
    world.unreachable = [&faults](const ClientId& client, ServerId server) {
      return faults->parted(client, server);
    };
    Random random(options.seed ^ 0xe4d);
    const Time drawn = random.between(3, 30) * second;
    work(world, *faults, clients, options.until.value_or(drawn));
    result.worked_until = world.now();
    if (!regime.nonsense) {
      const OneHistory explained = calm(world, *faults, clients, regime);
      world.check_final();
      check_final_reads(world.tables(server_id(0)), world.log(server_id(0)).entries());
      History history = clients.history();
      if (!options.falsehood.empty()) falsify(history, options.falsehood);
      check_answers(history, world.log(server_id(0)).entries(), regime, explained);
    }
  } catch (const Violation& violation) {
    if (!regime.nonsense) result.why = violation.what();
    if (told) told(world.state_text());
  }
  if (result.worked_until == 0) result.worked_until = world.now();
  result.trace_hash = world.trace_hash();
  result.virtual_time = world.now();
  if (faults) result.faults = faults->injected();
  result.clients = clients.count();
  count(clients.history(), result);
  return result;
}

}  // namespace chat262::test

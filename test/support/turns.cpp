// A server's reactor: its turns, its tables, the start and the end of a life.
#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"
#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr std::size_t aside_max = 256;  // what a stopped process's sockets hold
inline constexpr Time write_behind_every = broker::limits::write_behind_every_ms * milliseconds;

}  // namespace

broker::Now World::now_of(const Server& server) const {
  return {clock_of(server), TimeMs{{wall_clock_ + now_ / milliseconds + server.wall_jump_ms}}};
}

// Nothing of a server runs outside of a turn.
void World::turn(Server& server, const std::function<void()>& what) {
  if (server.life != Life::alive || server.in_turn) return;
  server.in_turn = true;
  try {
    what();
    finish_turn(server);
  } catch (const Crashed&) {
    crash(server.id);
    return;
  }
  server.in_turn = false;
  check_applied(server);
  if (server.node->fault()) {
    throw Violation(name_of(server) + " is at fault: " + server.node->fault()->text);
  }
  check_serving(server);
}

void World::finish_turn(Server& server) {
  broker::Node& node = *server.node;
  keep_log(server);
  serve_held(server);
  server.service->finish_turn(now_of(server));
  node.look_after_tables(clock_of(server));
  do {
    if (node.catching_up()) node.catch_up(clock_of(server));
  } while (node.catching_up() && !node.waits_for_repair() && !settings_.random_shell);
  auto wakes = node.next_wake();
  if (const auto deadline = server.service->next_deadline()) wakes = std::min(wakes, *deadline);
  if (const auto deadline = server.repair->next_deadline()) wakes = std::min(wakes, *deadline);
  server.wakes = std::max(time_of(server, wakes), server.ticked + milliseconds);
  if (node.catching_up() && !node.waits_for_repair()) server.wakes = now_ + milliseconds;
}

// A reactor that was busy finds several requests at once.
void World::gather(Server& server, Asked asked) {
  const bool first = server.gathered.empty();
  if (server.life != Life::alive || (first && !random_.chance(20))) {
    give(server, std::move(asked));
    return;
  }
  server.gathered.emplace_back(std::move(asked));
  if (first) server.gathered_due = now_ + random_.between(1, 5 * milliseconds);
}

void World::take_gathered(Server& server) {
  server.gathered_due = never;
  std::deque<Occasion> all = std::exchange(server.gathered, {});
  if (server.life == Life::paused) {
    for (Occasion& occasion : all) give(server, std::move(occasion));
    return;
  }
  turn(server, [&] {
    for (Occasion& occasion : all) take(server, occasion);
  });
}

void World::give(Server& server, Occasion occasion) {
  if (server.life == Life::alive) {
    turn(server, [&] { take(server, occasion); });
  } else if (server.life == Life::paused) {
    // The sockets of a stopped process hold so much; what its own threads say is not lost.
    const bool wire = std::holds_alternative<Asked>(occasion) || is_message(occasion);
    if (!wire || server.aside.size() < aside_max) server.aside.push_back(std::move(occasion));
  } else if (server.life == Life::mending) {
    take_while_mending(server, occasion);
  }
}

bool World::is_message(const Occasion& occasion) {
  const auto* input = std::get_if<replica::Input>(&occasion);
  return input != nullptr && std::holds_alternative<replica::Received>(*input);
}

void World::take(Server& server, Occasion& occasion) {
  if (auto* input = std::get_if<replica::Input>(&occasion)) {
    if (std::holds_alternative<replica::PersistFailed>(*input)) {
      server.disk.failure_known();
      server.log = server.disk.content.log;
      server.acks_seen = 0;
    }
    auto* received = std::get_if<replica::Received>(input);
    if (received != nullptr && take_repair_message(server, received->message)) return;
    server.node->step(std::move(*input), clock_of(server));
  } else if (const auto* done = std::get_if<HashDone>(&occasion)) {
    server.service->password_done(done->job, done->verified, done->hash, now_of(server));
  } else {
    const auto& asked = std::get<Asked>(occasion);
    auto request = decode_request(asked.frame);
    if (!request) throw Violation("a client's request does not decode: " + request.error().text);
    server.service->request(broker::ReplyTo{{asked.ticket}}, std::move(*request), now_of(server));
  }
}

void World::wake(Server& server) {
  turn(server, [&] {
    server.ticked = now_;
    server.node->step(replica::Tick{}, clock_of(server));
  });
}

// ---- tables

// One generation at a time: it is sealed now, written a while later, settled then.
void World::keep_tables(Server& server) {
  store::Tables& tables = *server.tables;
  if (server.sealed) {
    const auto written = tables.write_behind(*server.store);
    if (!written && written.error().code != Errc::disk_full) {
      throw Violation(name_of(server) + " cannot write its tables: " + written.error().text);
    }
    tables.settle();
    server.sealed = false;
    server.tables_due = now_ + random_.between(1, 10) * write_behind_every;
  } else {
    server.sealed = tables.seal(std::min(server.node->committed(), tables.applied()));
    server.tables_due =
        now_ + (server.sealed ? random_.between(0, 30) * milliseconds : write_behind_every);
  }
}

// ---- a life

void World::open(Server& server) {
  auto tables = store::Tables::open({.directory = server.directory.path()}, *server.store);
  if (!tables) throw Violation(name_of(server) + " cannot open its tables: " + tables.error().text);
  server.tables = std::move(*tables);
  server.tables_at = std::max(server.tables->applied(), server.disk.content.commit);
  replica::Config config;
  config.self = server.id;
  config.servers = settings_.servers;
  config.policy = settings_.policy;
  config.timers = settings_.timers;
  config.without = settings_.without;
  server.node = std::make_unique<broker::Node>(config, *server.store, *server.tables, server,
                                               clock_of(server));
  server.service = std::make_unique<broker::Service>(cluster_, server.id, *server.node,
                                                     *server.tables, server, server);
  server.node->listen(&server);
  server.tables_due = settings_.random_shell ? now_ + write_behind_every : never;
}

void World::close(Server& server) {
  server.service.reset();
  server.node.reset();
  server.tables.reset();
  server.repair.reset();
  server.held_reads = {};
  server.store.reset();
  server.aside.clear();
  server.gathered.clear();
  server.gathered_due = never;
  server.answers.clear();
  server.held.clear();
  server.waiting.clear();
  server.hashing.clear();
  server.sealed = false;
  server.in_turn = false;
  server.applied_now.clear();
  server.crash_at = 0;
  server.disk_error_at = 0;
  server.wakes = never;
  server.tables_due = never;
}

}  // namespace chat262::test

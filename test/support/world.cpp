// Time, and the life and death of servers.
#include "test/support/world.hpp"

#include <algorithm>

#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr std::size_t aside_max = 256;  // what a stopped process's sockets hold
inline constexpr Time probe_time = 1 * milliseconds;
inline constexpr Time probe_timeout = 300 * milliseconds;
inline constexpr Time room_told = 500 * milliseconds;

// Config::without is there for these tests alone.
template <class Config>
void switch_off(Config& config, const std::string& without) {
  if constexpr (requires { config.without; }) config.without = without;
}

}  // namespace

World::World(Settings settings)
    : settings_(std::move(settings)), random_(settings_.seed), network_(settings_.servers) {
  for (unsigned i = 0; i < settings_.servers; ++i) {
    servers_.push_back(std::make_unique<Server>(server_id(i), 1000 + 100'000 * (i + 1)));
  }
}

World::~World() = default;

World::Server& World::at(ServerId server) {
  return *servers_.at(server.value);
}
const World::Server& World::at(ServerId server) const {
  return *servers_.at(server.value);
}

std::string World::name_of(const Server& server) const {
  return "server " + text_of(server.id);
}

replica::Clock World::clock_of(const Server& server) const {
  return replica::clock_ms(server.offset_ms + now_ / milliseconds);
}

void World::tell(bool story, const std::string& line) {
  if (told) told(line, story);
}

void World::mix(std::uint64_t value) {
  trace_hash_ = (trace_hash_ ^ value) * 0x100000001b3;
}

// ---- time

bool World::step(Time limit) {
  Time due = clients_due();
  for (const auto& server : servers_) {
    if (server->life == Life::alive) due = std::min(due, server->wakes);
    if (server->life == Life::dead) continue;
    due = std::min({due, server->disk.due(), server->full_tell});
    for (const Answer& answer : server->answers) due = std::min(due, answer.due);
  }
  for (const auto& from : servers_) {
    for (const auto& to : servers_) due = std::min(due, network_.channel(from->id, to->id).due());
  }
  if (due > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  now_ = std::max(now_, due);
  mix(static_cast<std::uint64_t>(now_));
  for (const auto& server : servers_) {
    if (run_due(*server, due)) return true;
  }
  for (const auto& from : servers_) {
    for (const auto& to : servers_) {
      if (network_.channel(from->id, to->id).due() > due) continue;
      deliver(from->id, to->id);
      return true;
    }
  }
  wake_client(client_wakes_.begin()->second);
  return true;
}

bool World::run_due(Server& server, Time due) {
  if (server.life == Life::dead) return false;
  if (server.disk.due() <= due) {
    finish_writes(server);
    return true;
  }
  if (server.full_tell <= due) {
    server.full_tell = never;
    give(server, replica::DiskRoom{server.disk.full});
    return true;
  }
  for (const Answer& answer : server.answers) {
    if (answer.due > due) continue;
    answer_due(server, due);
    return true;
  }
  if (server.life == Life::alive && server.wakes <= due) {
    wake(server);
    return true;
  }
  return false;
}

void World::wake(Server& server) {
  server.ticked = now_;
  step_core(server, replica::Tick{});
}

void World::finish_writes(Server& server) {
  const DiskEvents events = server.disk.complete(now_, name_of(server));
  mix(events.persisted.value_or(0));
  if (events.persisted) {
    if (telling()) {
      const DiskContent& content = server.disk.content;
      tell(false, text_of(server.id) + " wrote " + std::to_string(content.log.last().value) +
                      " promised " + text_of(content.promised));
    }
    give(server, replica::Persisted{*events.persisted});
  }
  if (events.failed && server.life != Life::dead) {
    tell(true, text_of(server.id) + " disk full");
    server.full_tell = never;
    give(server, replica::PersistFailed{*events.failed});
    if (server.life != Life::dead) give(server, replica::DiskRoom{true});
  }
}

void World::answer_due(Server& server, Time due) {
  const auto found = std::find_if(server.answers.begin(), server.answers.end(),
                                  [due](const Answer& answer) { return answer.due <= due; });
  const Answer answer = *found;
  server.answers.erase(found);
  if (const auto* read = std::get_if<replica::ReadLog>(&answer.what)) {
    replica::LogRead result{read->id, {}};
    std::size_t bytes = 0;
    for (Seq place = read->from; place <= read->to; place = place.next()) {
      const Entry* entry = server.disk.content.log.at(place);
      if (entry == nullptr) break;
      bytes += entry->size_bytes();
      if (!result.entries.empty() && bytes > read->bytes_max) break;
      result.entries.push_back(*entry);
    }
    give(server, std::move(result));
    return;
  }
  const ServerId peer = std::get<replica::Probe>(answer.what).peer;
  const bool refused = network_.connects(server.id, peer) && at(peer).life == Life::dead;
  give(server, replica::ProbeResult{peer, refused});
}

void World::deliver(ServerId from, ServerId to) {
  Channel& way = network_.channel(from, to);
  peer::Message message = std::move(way.flying.front().message);
  way.flying.pop_front();
  if (tamper) tamper(message);
  Server& server = at(to);
  mix(message.body.index() * 64 + from.value * 8 + to.value);
  if (server.life == Life::dead) return;
  if (telling()) {
    tell(false, text_of(to) + " gets " + kind_of(message.body) + " from " + text_of(from) + " " +
                    detail_of(message.body));
  }
  give(server, replica::Received{message});
}

void World::give(Server& server, replica::Input input) {
  if (server.life == Life::dead) return;
  if (server.life == Life::alive) {
    step_core(server, std::move(input));
  } else if (!std::holds_alternative<replica::Received>(input) || server.aside.size() < aside_max) {
    server.aside.push_back(std::move(input));
  }
}

void World::step_core(Server& server, replica::Input input) {
  replica::Actions actions;
  const std::uint64_t life = server.lives;
  if (std::holds_alternative<replica::PersistFailed>(input)) {
    server.disk.failure_known();
    server.log = server.disk.content.log;
    server.acks_seen = 0;
  }
  server.core->step(std::move(input), clock_of(server), actions);
  const Time wakes = (server.core->next_wake().value - server.offset_ms) * milliseconds;
  server.wakes = std::max(wakes, server.ticked + milliseconds);
  carry_out(server, std::move(actions));
  if (server.in_step || server.lives != life || server.life == Life::dead) return;
  server.in_step = true;
  serve_held(server);
  server.in_step = false;
  if (server.lives == life && server.life == Life::alive) check_serving(server);
}

// ---- lives

void World::start(ServerId id) {
  Server& server = at(id);
  if (server.life != Life::dead) return;
  DiskContent& content = server.disk.content;
  content.incarnation.counter += 1;
  content.incarnation.nonce = server.next_nonce++ * 16 + id.value;
  ++server.lives;
  mix(server.lives);
  tell(true, text_of(id) + " starts");

  server.model = std::make_unique<Model>();
  for (Seq place = seq(1); place <= content.tables; place = place.next()) {
    server.model->apply(*content.log.at(place), name_of(server));
  }
  server.log = content.log;
  server.acks_seen = 0;
  server.served = {};
  server.unavailable.clear();
  server.committed = {};
  server.found = content.tables;
  server.led = false;
  server.disk.frozen = false;
  server.full_tell = server.disk.full ? now_ : never;
  server.ticked = now_;
  server.life = Life::alive;

  replica::Config config;
  config.self = id;
  config.servers = settings_.servers;
  config.min_in_sync = settings_.min_in_sync;
  config.timers = settings_.timers;
  switch_off(config, settings_.without);
  const std::uint64_t more = settings_.random_shell ? random_.below(4) : 0;
  server.core = std::make_unique<replica::Replica>(config, content.durable(more), *server.model,
                                                   clock_of(server));
  step_core(server, replica::Tick{});
}

void World::crash(ServerId id, bool lose_sent) {
  Server& server = at(id);
  if (server.life == Life::dead) return;
  tell(true, text_of(id) + " crashes");
  mix(id.value);
  DiskContent& content = server.disk.content;
  // Tables are written behind the log, never beyond what was committed.
  const Seq most = std::min({server.model->applied(), content.commit, content.log.last()});
  if (content.tables < most) {
    const auto more = static_cast<std::int64_t>(most.value - content.tables.value);
    content.tables.value +=
        static_cast<std::uint64_t>(settings_.random_shell ? random_.between(0, more) : more);
  }
  ++server.lives;
  server.life = Life::dead;
  server.core.reset();
  server.disk.forget_queue();
  server.aside.clear();
  server.answers.clear();
  server.held.clear();
  server.waiting.clear();
  server.in_step = false;
  server.crash_at = 0;
  server.wakes = never;
  for (const auto& to : servers_) {
    if (lose_sent) network_.channel(id, to->id).flying.clear();
  }
  notice_gone(id);
}

void World::crash_at_action(ServerId server, unsigned count) {
  if (at(server).life != Life::dead) at(server).crash_at = count;
}

void World::stop(ServerId id) {
  Server& server = at(id);
  if (server.life != Life::alive) return;
  tell(true, text_of(id) + " stops");
  give(server, replica::Stop{});
  while (server.life == Life::alive && server.disk.due() != never) finish_writes(server);
  crash(id);
}

void World::pause(ServerId id) {
  if (at(id).life != Life::alive) return;
  tell(true, text_of(id) + " pauses");
  at(id).life = Life::paused;
}

void World::resume(ServerId id) {
  Server& server = at(id);
  if (server.life != Life::paused) return;
  tell(true, text_of(id) + " resumes");
  server.life = Life::alive;
  const std::uint64_t life = server.lives;
  // Whether the timer or the sockets are looked at first is the event loop's affair.
  if (settings_.random_shell && random_.chance(50)) wake(server);
  while (server.life == Life::alive && server.lives == life && !server.aside.empty()) {
    replica::Input input = std::move(server.aside.front());
    server.aside.pop_front();
    step_core(server, std::move(input));
  }
  if (server.life == Life::alive && server.lives == life) wake(server);
}

void World::handover(ServerId id, std::optional<ServerId> to) {
  if (at(id).life == Life::alive) give(at(id), replica::Handover{to});
}

void World::set_full(ServerId id, bool full) {
  at(id).disk.full = full;
  at(id).full_tell = now_ + room_told;
}

void World::thaw(ServerId id) {
  at(id).disk.thaw(now_);
}

void World::lose_disk(ServerId id) {
  Server& server = at(id);
  if (server.life != Life::dead) return;
  tell(true, text_of(id) + " loses its disk");
  server.disk.content = {};
  server.lost_once = true;
}

void World::set_tables_ready(ServerId id, bool ready) {
  if (at(id).life == Life::alive) give(at(id), replica::TablesReady{ready});
}

// Who was connected to it notices, and tries a connection of its own.
void World::notice_gone(ServerId gone) {
  for (const auto& other : servers_) {
    if (other->id == gone || other->life == Life::dead) continue;
    if (settings_.random_shell && random_.chance(10)) continue;
    other->answers.push_back({now_ + probe_time, replica::Probe{gone}});
  }
}

void World::reset(ServerId a, ServerId b) {
  network_.reset(a, b);
  network_.reset(b, a);
  tell(false, "connection " + text_of(a) + "-" + text_of(b) + " resets");
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    if (at(from).life == Life::dead) continue;
    const Time time = network_.connects(a, b) ? probe_time : probe_timeout;
    at(from).answers.push_back({now_ + time, replica::Probe{to}});
  }
}

// ---- looking

Life World::life(ServerId server) const {
  return at(server).life;
}

Disk& World::disk(ServerId server) {
  return at(server).disk;
}

const EntryLog& World::log(ServerId server) const {
  return at(server).life == Life::dead ? at(server).disk.content.log : at(server).log;
}

Seq World::committed(ServerId server) const {
  return at(server).committed;
}

std::optional<replica::Routing> World::routing(ServerId id) const {
  const Server& server = at(id);
  if (server.life != Life::alive) return std::nullopt;
  return server.core->routing(clock_of(server));
}

std::optional<replica::Summary> World::summary(ServerId id) const {
  const Server& server = at(id);
  if (server.life != Life::alive) return std::nullopt;
  return server.core->summary(clock_of(server));
}

bool World::serves(ServerId id) const {
  const auto now = routing(id);
  return now && std::holds_alternative<replica::Serve>(*now);
}

}  // namespace chat262::test

// Time, and the life and death of servers.
#include "test/support/world.hpp"

#include <algorithm>

#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time probe_time = 1 * milliseconds;
inline constexpr Time probe_timeout = 300 * milliseconds;
inline constexpr Time million = 1'000'000;
inline constexpr Time room_told = 500 * milliseconds;

}  // namespace

World::World(Settings settings)
    : settings_(std::move(settings)), random_(settings_.seed), network_(settings_.servers) {
  for (unsigned i = 0; i < settings_.servers; ++i) {
    servers_.push_back(std::make_unique<Server>(*this, server_id(i), 1000 + 100'000 * (i + 1)));
    cluster_.servers.push_back({server_id(i), "server-" + std::to_string(i)});
  }
  cluster_.id.bytes[0] = 1;
  cluster_.policy = settings_.policy;
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
  return replica::clock_ms(server.offset_ms +
                           (now_ + now_ * server.drift_ppm / million) / milliseconds);
}

// The first moment at which the server's clock shows it.
Time World::time_of(const Server& server, replica::Clock clock) const {
  const Time shown = (clock.value - server.offset_ms) * milliseconds;
  if (server.drift_ppm == 0) return shown;
  Time when = shown - shown * server.drift_ppm / million;
  while (when + when * server.drift_ppm / million < shown) ++when;
  return when;
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
  if (!wires_.empty()) due = std::min(due, wires_.begin()->first.first);
  for (const auto& server : servers_) {
    if (server->life == Life::alive) due = std::min({due, server->wakes, server->tables_due});
    if (server->life == Life::mending) due = std::min(due, server->wakes);
    if (server->life == Life::dead) continue;
    due = std::min({due, server->disk.due(), server->full_tell, server->gathered_due});
    for (const Answer& answer : server->answers) due = std::min(due, answer.due);
    if (!server->hashing.empty()) due = std::min(due, server->hashing.front().first);
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
  if (!wires_.empty() && wires_.begin()->first.first <= due) {
    arrive();
  } else {
    wake_client(client_wakes_.begin()->second);
  }
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
    give(server, replica::Input{replica::DiskRoom{server.disk.full}});
    return true;
  }
  for (const Answer& answer : server.answers) {
    if (answer.due > due) continue;
    answer_due(server, due);
    return true;
  }
  if (server.gathered_due <= due) {
    take_gathered(server);
    return true;
  }
  if (!server.hashing.empty() && server.hashing.front().first <= due) {
    finish_hash(server);
    return true;
  }
  if (server.life == Life::mending && server.wakes <= due) {
    in_any_life(server, [] {});
    return true;
  }
  if (server.life != Life::alive) return false;
  if (server.wakes <= due) {
    wake(server);
    return true;
  }
  if (server.tables_due > due) return false;
  keep_tables(server);
  return true;
}

void World::finish_writes(Server& server) {
  if (server.disk_error_at > 0 && --server.disk_error_at == 0) {
    tell(true, text_of(server.id) + " meets a disk error");
    crash(server.id, {.write_lands = server.disk_error_lands});
    return;
  }
  const DiskEvents events = server.disk.complete(now_, name_of(server));
  mix(events.persisted.value_or(0));
  if (events.persisted) {
    if (telling()) {
      const DiskContent& content = server.disk.content;
      tell(false, text_of(server.id) + " wrote " + std::to_string(content.log.last().value) +
                      " promised " + text_of(content.promised));
    }
    give(server, replica::Input{replica::Persisted{*events.persisted}});
  }
  if (events.failed && server.life != Life::dead) {
    tell(true, text_of(server.id) + " disk full");
    server.full_tell = never;
    give(server, replica::Input{replica::PersistFailed{*events.failed}});
    if (server.life != Life::dead) give(server, replica::Input{replica::DiskRoom{true}});
  }
}

void World::answer_due(Server& server, Time due) {
  const auto found = std::find_if(server.answers.begin(), server.answers.end(),
                                  [due](const Answer& answer) { return answer.due <= due; });
  Answer answer = std::move(*found);
  server.answers.erase(found);
  if (answer_of_repair(server, answer)) return;
  if (const auto* range = std::get_if<replica::ReadLog>(&answer.what)) {
    auto entries = server.store->read(range->from, range->to, range->bytes_max);
    give(server, replica::Input{replica::LogRead{
                     range->id, entries ? std::move(*entries) : std::vector<Entry>()}});
    return;
  }
  const ServerId peer = std::get<replica::Probe>(answer.what).peer;
  const bool refused = network_.connects(server.id, peer) && at(peer).life == Life::dead;
  give(server, replica::Input{replica::ProbeResult{peer, refused, answer.asked}});
}

void World::finish_hash(Server& server) {
  const broker::PasswordJob job = std::move(server.hashing.front().second);
  server.hashing.pop_front();
  const bool verified = !job.verify || cheap_hash(job.password) == job.hash;
  std::string made;
  if (verified && job.make) made = cheap_hash(job.new_password);
  give(server, HashDone{job.id, verified, std::move(made)});
}

void World::deliver(ServerId from, ServerId to) {
  Channel& way = network_.channel(from, to);
  peer::Message message = way.take();
  if (tamper) tamper(message);
  Server& server = at(to);
  mix(message.body.index() * 64 + from.value * 8 + to.value);
  if (server.life == Life::dead) {
    if (way.queues_for_next && way.queued.size() < queue_max)
      way.queued.push_back(std::move(message));
    return;
  }
  if (telling()) {
    tell(false, text_of(to) + " gets " + kind_of(message.body) + " from " + text_of(from) + " " +
                    detail_of(message.body));
  }
  give(server, replica::Input{replica::Received{message}});
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

  server.log = content.log;
  server.acks_seen = 0;
  server.served = {};
  server.unavailable.clear();
  server.commit = {};
  server.led = false;
  server.disk.frozen = false;
  server.full_tell = server.disk.full ? now_ : never;
  server.ticked = now_;
  server.life = Life::alive;

  try {
    open_log(server);
    if (server.life == Life::alive) open(server);
  } catch (const Crashed&) {
    crash(id);
    return;
  }
  turn(server, [&] { server.node->step(replica::Tick{}, clock_of(server)); });
  for (const auto& from : servers_) {
    Channel& way = network_.channel(from->id, id);
    for (peer::Message& message : way.queued) {
      way.late.push_back({now_ + way.delay, std::move(message)});
    }
    way.queued.clear();
  }
}

void World::crash(ServerId id, Crash how) {
  Server& server = at(id);
  if (server.life == Life::dead) return;
  tell(true, text_of(id) + " crashes");
  mix(id.value);
  ++server.lives;
  server.life = Life::dead;
  break_tickets(server);
  if (how.write_lands) static_cast<void>(server.disk.complete(now_, name_of(server)));
  close(server);
  server.disk.forget_queue();
  for (const auto& to : servers_) {
    if (how.lose_sent) network_.reset(id, to->id, false);
    network_.channel(to->id, id).queues_for_next = settings_.random_shell && random_.chance(30);
  }
  notice_gone(id);
}

void World::crash_at_action(ServerId server, unsigned count) {
  if (at(server).life != Life::dead) at(server).crash_at = count;
}

void World::disk_error(ServerId server, unsigned write, bool lands) {
  if (at(server).life == Life::dead) return;
  at(server).disk_error_at = write;
  at(server).disk_error_lands = lands;
}

void World::jump_clock(ServerId server, std::int64_t ms) {
  at(server).wall_jump_ms += ms;
}

void World::set_drift(ServerId server, std::int64_t ppm) {
  at(server).drift_ppm = ppm;
}

void World::cut_clients(ServerId server, bool cut) {
  at(server).clients_cut = cut;
}

void World::set_clients_delay(ServerId server, Time delay) {
  at(server).clients_delay = delay;
}

void World::stop(ServerId id) {
  Server& server = at(id);
  if (server.life != Life::alive) return;
  tell(true, text_of(id) + " stops");
  give(server, replica::Input{replica::Stop{}});
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
    Occasion occasion = std::move(server.aside.front());
    server.aside.pop_front();
    give(server, std::move(occasion));
  }
  if (server.life == Life::alive && server.lives == life) wake(server);
}

void World::handover(ServerId id, std::optional<ServerId> to) {
  if (at(id).life == Life::alive) give(at(id), replica::Input{replica::Handover{to}});
}

void World::force_lead(ServerId id) {
  if (at(id).life == Life::alive) give(at(id), replica::Input{replica::ForceLead{}});
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
  std::filesystem::remove_all(server.directory.path() / "tables");
  server.lost_once = true;
}

void World::set_tables_ready(ServerId id, bool ready) {
  if (at(id).life == Life::alive) give(at(id), replica::Input{replica::TablesReady{ready}});
}

// Who was connected to it notices, and tries a connection of its own.
void World::notice_gone(ServerId gone) {
  for (const auto& other : servers_) {
    if (other->id == gone || other->life == Life::dead) continue;
    if (settings_.random_shell && random_.chance(10)) continue;
    other->answers.push_back({now_ + probe_time, replica::Probe{gone}, clock_of(*other)});
  }
}

void World::reset(ServerId a, ServerId b, bool comes_late) {
  network_.reset(a, b, comes_late);
  network_.reset(b, a, comes_late);
  tell(false, "connection " + text_of(a) + "-" + text_of(b) + " resets");
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    if (at(from).life == Life::dead) continue;
    const Time time = network_.connects(a, b) ? probe_time : probe_timeout;
    at(from).answers.push_back({now_ + time, replica::Probe{to}, clock_of(at(from))});
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

const store::Tables& World::tables(ServerId server) const {
  return *at(server).tables;
}

Seq World::committed(ServerId server) const {
  return at(server).commit;
}

std::optional<replica::Routing> World::routing(ServerId id) const {
  const Server& server = at(id);
  if (server.life != Life::alive) return std::nullopt;
  return server.node->routing(clock_of(server));
}

std::optional<replica::Summary> World::summary(ServerId id) const {
  const Server& server = at(id);
  if (server.life != Life::alive) return std::nullopt;
  return server.node->summary(clock_of(server));
}

bool World::serves(ServerId id) const {
  const auto now = routing(id);
  return now && std::holds_alternative<replica::Serve>(*now);
}

}  // namespace chat262::test

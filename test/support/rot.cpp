// Bits that flip on a simulated disk, and what the reactor does about it
// (broker/reactor_repair.cpp): the scrub, the repair with the real broker::Repair, a start that has
// to wait for it.
#include <algorithm>

#include "broker/refusals.hpp"
#include "broker/workers.hpp"
#include "protocol/codec.hpp"
#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time read_time = 1 * milliseconds;
inline constexpr Time stuck_again = 50 * milliseconds;  // a paused process, a frozen disk
inline constexpr Time scrub_max = 20'000 * milliseconds;
inline constexpr std::uint64_t around = 6;  // entries
inline constexpr std::uint64_t mixer = 0x9e3779b97f4a7c15;

}  // namespace

// ---- the damage

// The last entry that all disks hold.
Seq World::held_by_all() const {
  Seq place = servers_.front()->disk.content.log.last();
  for (const auto& server : servers_) place = std::min(place, server->disk.content.log.last());
  const auto& first = servers_.front()->disk.content.log;
  const auto all_hold = [&](Seq at) {
    return std::all_of(servers_.begin(), servers_.end(), [&](const auto& server) {
      return server->disk.content.log.at(at)->hash == first.at(at)->hash;
    });
  };
  while (place > Seq{} && !all_hold(place)) place = place.previous();
  return place;
}

bool World::whole() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [](const auto& server) { return server->disk.content.rotten.empty(); });
}

bool World::rot(ServerId id, std::uint64_t n) {
  Server& server = at(id);
  const Seq last = held_by_all();
  if (last == Seq{}) return false;
  const std::uint64_t drawn = n * mixer;
  // Near the end, where a start needs it, or anywhere.
  const std::uint64_t near = std::min<std::uint64_t>(last.value, 8);
  const Seq first = (drawn >> 60) % 2 == 0 ? seq(last.value - (drawn >> 40) % near)
                                           : seq(1 + (drawn >> 40) % last.value);
  const std::uint64_t count = 1 + (drawn >> 56) % 4;  // a page has room for several
  if (!whole_elsewhere(server, first, seq(first.value + count - 1))) return false;
  bool any = false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Seq place = seq(first.value + i);
    if (place <= last && flip(server, place, (drawn >> 8) + i)) any = true;
  }
  if (any) {
    rotted_ = true;
    plan_scrub(server);
  }
  return any;
}

// A repair takes what it needs from one server: the entries, and some around them.
bool World::whole_elsewhere(const Server& server, Seq from, Seq to) const {
  return servers_.size() > 1 &&
         std::all_of(servers_.begin(), servers_.end(), [&](const auto& other) {
           if (other->id == server.id) return true;
           const auto& rotten = other->disk.content.rotten;
           const auto near = rotten.lower_bound(seq(from.value - std::min(from.value, around)));
           return near == rotten.end() || near->first.value > to.value + around;
         });
}

bool World::flip(Server& server, Seq place, std::uint64_t bit) {
  DiskContent& content = server.disk.content;
  if (content.rotten.contains(place)) return false;
  const Entry& entry = *content.log.at(place);
  Bytes record = encode_entry_record(entry);
  bit %= record.size() * 8;
  record[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
  const Hash previous = place.value > 1 ? content.log.at(place.previous())->hash : Hash{};
  const auto read = decode_entry_record(place, record);
  if (read && entry_intact(previous, *read)) {
    if (read->text == entry.text && read->erased == entry.erased) return false;
    if (!entry.text.empty()) {
      throw Violation("bit " + std::to_string(bit) + " of the record of entry " +
                      std::to_string(place.value) + " flips, and nothing shows it");
    }
    return false;
  }
  content.rotten.emplace(place, std::move(record));
  mix(place.value);
  tell(true, "entry " + std::to_string(place.value) + " rots on the disk of " + text_of(server.id));
  return true;
}

// ---- the scrub

void World::plan_scrub(Server& server) {
  if (server.life == Life::dead || server.life == Life::mending || server.scrubs) return;
  server.scrubs = true;
  server.answers.push_back(
      {now_ + random_.between(100 * milliseconds, scrub_max), Scrub{}, clock_of(server)});
}

void World::scrub(Server& server) {
  server.scrubs = false;
  const auto rotten = server.disk.content.rotten;
  turn(server, [&] {
    for (const auto& [place, record] : rotten) {
      for (const Seq at : {place, place.next()}) {
        const auto read = server.store->read(at, at, 1);
        if (!read && read.error().code == Errc::corrupt) server.log_damaged(at);
      }
    }
  });
  if (!rotten.empty()) plan_scrub(server);
}

// ---- the repair, of a server that runs

void World::Server::log_damaged(Seq place) {
  repair->damaged(place, world.clock_of(*this));
}

void World::Server::send_repair(ServerId to, peer::Body body) {
  peer::Message message;
  message.from = id;
  message.from_incarnation = disk.content.incarnation;
  message.body = std::move(body);
  send(to, std::move(message));
}

void World::Server::write_repair(const Hash& previous, std::vector<Entry> entries) {
  if (tables) broker::erase_texts_of_deleted(*tables, entries);
  answers.push_back(
      {world.now_ + disk.delay, WriteRepair{previous, std::move(entries)}, world.clock_of(*this)});
}

// True: it is one of the repair's, and was taken.
bool World::take_repair_message(Server& server, peer::Message& message) {
  if (const auto* ask = std::get_if<peer::RepairAsk>(&message.body)) {
    server.answers.push_back({now_ + read_time, PeerAsks{message.from, *ask}, clock_of(server)});
  } else if (auto* answer = std::get_if<peer::RepairAnswer>(&message.body)) {
    server.repair->answer(message.from, std::move(*answer), clock_of(server));
  } else {
    return false;
  }
  return true;
}

void World::answer_peer(Server& server, const PeerAsks& asks) {
  auto answer = broker::read_for_peer(*server.store, asks.ask);
  if (!answer) return;
  answer->has_none = answer->has_none && serves(server.id);
  server.send_repair(asks.to, std::move(*answer));
}

// What the threads around the repair have done. False: it is none of theirs.
bool World::answer_of_repair(Server& server, Answer& answer) {
  const auto* range = std::get_if<replica::ReadLog>(&answer.what);
  const bool writes = std::holds_alternative<WriteRepair>(answer.what);
  if (std::holds_alternative<replica::Probe>(answer.what)) return false;
  if (range != nullptr) {
    const auto read = server.store->read(range->from, range->to, range->bytes_max);
    if (read || read.error().code != Errc::corrupt) {
      server.held_reads.answered(range->id);
      return false;
    }
  }
  if (server.life == Life::paused || (writes && server.disk.frozen)) {
    answer.due = now_ + stuck_again;
    server.answers.push_back(std::move(answer));
    return true;
  }
  if (std::holds_alternative<Scrub>(answer.what)) {
    scrub(server);
    return true;
  }
  in_any_life(server, [&] {
    if (range != nullptr) {
      server.log_damaged(range->from);
      server.held_reads.hold(*range, clock_of(server));
    } else if (const auto* asks = std::get_if<PeerAsks>(&answer.what)) {
      answer_peer(server, *asks);
    } else {
      const auto& write = std::get<WriteRepair>(answer.what);
      const auto done = broker::write_repair(*server.store, write.previous, write.entries);
      if (done.outcome == broker::RepairWritten::Outcome::failed) throw Violation(done.error);
      server.repair->written(done, clock_of(server));
    }
  });
  return true;
}

void World::keep_log(Server& server) {
  server.repair->tick(clock_of(server));
  const bool moved = std::exchange(server.moved, false);
  if (moved) server.node->log_repaired();
  const auto due = server.held_reads.take_due(moved, clock_of(server));
  for (const auto& range : due.again) server.read_log(range);
  for (const auto id : due.late) server.node->step(replica::LogRead{id, {}}, clock_of(server));
}

// ---- a start that finds damage in what it needs

void World::in_any_life(Server& server, const std::function<void()>& what) {
  if (server.life != Life::mending) {
    turn(server, what);
    return;
  }
  try {
    what();
    mend(server);
  } catch (const Crashed&) {
    crash(server.id);
  }
}

// Of the log's part of the start; may leave the server mending.
void World::open_log(Server& server) {
  const std::uint64_t more = settings_.random_shell ? random_.below(4) : 0;
  server.store =
      std::make_unique<SimulatedLog>(server.disk, store::Identity{cluster_.id, server.id}, more);
  server.repair = std::make_unique<broker::Repair>(server.id, settings_.servers, server);
  server.moved = false;
  server.scrubs = false;
  const auto& damage = server.store->start().damage;
  if (!damage) {
    if (!server.disk.content.rotten.empty()) plan_scrub(server);
    return;
  }
  tell(true,
       text_of(server.id) + " waits for the repair of entry " + std::to_string(damage->from.value));
  server.life = Life::mending;
  server.repair->damaged(damage->from, clock_of(server));
  server.wakes = time_of(server, *server.repair->next_deadline());
}

void World::mend(Server& server) {
  server.repair->tick(clock_of(server));
  while (std::exchange(server.moved, false)) {
    if (auto read = server.store->read_start_again(); !read) throw Violation(read.error().text);
    const auto* start = &server.store->start();
    if (start->damage && server.repair->beyond_repair(start->damage->from)) {
      set_damage_aside(server);
    }
    if (!start->damage) {
      server.life = Life::alive;
      server.full_tell = server.disk.full ? now_ : never;
      server.ticked = now_;
      open(server);
      if (!whole()) plan_scrub(server);
      turn(server, [&] { server.node->step(replica::Tick{}, clock_of(server)); });
      return;
    }
    server.repair->damaged(start->damage->from, clock_of(server));
  }
  const auto deadline = server.repair->next_deadline();
  server.wakes =
      deadline ? std::max(time_of(server, *deadline), now_ + milliseconds) : now_ + stuck_again;
}

void World::set_damage_aside(Server& server) {
  tell(true, text_of(server.id) + " sets its damage aside");
  if (settings_.checks.keeps_all) {
    throw Violation(name_of(server) + " gives up entry " +
                    std::to_string(server.store->start().damage->from.value) +
                    ", which another server has whole");
  }
  if (auto done = server.store->set_damage_aside(); !done) throw Violation(done.error().text);
  server.log = server.disk.content.log;
  server.lost_once = true;
}

// Meanwhile it helps its peers and says to clients that it cannot serve.
void World::take_while_mending(Server& server, Occasion& occasion) {
  in_any_life(server, [&] {
    if (const auto* asked = std::get_if<Asked>(&occasion)) {
      const auto request = decode_request(asked->frame);
      if (!request) return;
      server.reply({asked->ticket}, broker::refusal_reply(request->number, {Status::unavailable,
                                                                            broker::damaged_text}));
      return;
    }
    auto* input = std::get_if<replica::Input>(&occasion);
    auto* received = input != nullptr ? std::get_if<replica::Received>(input) : nullptr;
    if (received != nullptr) static_cast<void>(take_repair_message(server, received->message));
  });
}

// ---- what leaves a server is whole

void World::check_whole(const Server& server, const peer::Message& message) const {
  if (!rotted_) return;
  const Hash* previous = nullptr;
  const std::vector<Entry>* entries = nullptr;
  if (const auto* append = std::get_if<peer::Append>(&message.body)) {
    previous = &append->previous_hash;
    entries = &append->entries;
  } else if (const auto* fetched = std::get_if<peer::Entries>(&message.body)) {
    previous = &fetched->previous_hash;
    entries = &fetched->entries;
  } else if (const auto* answer = std::get_if<peer::RepairAnswer>(&message.body)) {
    previous = &answer->previous_hash;
    entries = &answer->entries;
  } else {
    return;
  }
  for (const Entry& entry : *entries) {
    if (!entry_intact(*previous, entry)) {
      throw Violation(name_of(server) + " sends a damaged entry: " + text_of(entry.position()));
    }
    previous = &entry.hash;
  }
}

}  // namespace chat262::test

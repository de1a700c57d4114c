// What must hold, looked at after every event.
//
// Always: the hash chain (EntryLog), no request twice in a log (EntryLog; I2), two entries of one
// (epoch, seq) are the same entry, who never led applies what is committed only, a promise or an
// acknowledgement only of what is on disk, an acknowledged request stands where it was said to
// stand, no entry leaves a server damaged (rot.cpp), and at the end I4 and I7. With
// Checks::one_history: who serves has every acknowledged request (I1, I6, and no old truth is read
// from it), committed prefixes agree (I3), what a leader commits is on the disk of every member of
// its view, nothing committed is cut.
#include <algorithm>

#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

void World::check_send(Server& server, const peer::Message& message) {
  const DiskContent& content = server.disk.content;
  if (message.from != server.id || message.from_incarnation != content.incarnation) {
    if (!server.lost_once) throw Violation(name_of(server) + " sends in another's name");
  }
  if (const auto* promise = std::get_if<peer::Promise>(&message.body)) {
    if (content.promised < promise->epoch) {
      throw Violation(name_of(server) +
                      " answers a promise that is not on its disk: " + text_of(promise->epoch));
    }
  } else if (const auto* prepare = std::get_if<peer::Prepare>(&message.body)) {
    if (content.promised < prepare->epoch) {
      throw Violation(name_of(server) + " prepares before its own promise is on its disk: " +
                      text_of(prepare->epoch));
    }
  } else if (const auto* ack = std::get_if<peer::Ack>(&message.body)) {
    if (content.log.last() < ack->durable) {
      throw Violation(name_of(server) + " acknowledges what is not on its disk: " +
                      std::to_string(ack->durable.value));
    }
  }
}

void World::check_entries(Server& server, const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    mix(entry.hash.bytes[0]);
    if (entry.kind == EntryKind::view && entry.epoch.server == server.id) server.led = true;
    const auto [found, added] = seen_entries_.emplace(entry.position(), entry.hash);
    if (!added && found->second != entry.hash) {
      throw Violation(name_of(server) + " writes another entry at " + text_of(entry.position()) +
                      " than somebody before");
    }
    if (telling() && entry.kind == EntryKind::view && added) {
      if (auto view = decode_view(entry)) {
        tell(true, text_of(server.id) + " view " + text_of(*view));
      }
    }
    if (telling() && entry.kind == EntryKind::merged && added) {
      tell(true, text_of(server.id) + " merges " + text_of(entry.request));
    }
  }
}

void World::check_committed(Server& server, Seq from, Seq to) {
  for (Seq place = from.next(); place <= to; place = place.next()) {
    const Entry* entry = server.log.at(place);
    if (entry == nullptr) {
      throw Violation(name_of(server) +
                      " commits what is not in its log: " + std::to_string(place.value));
    }
    if (!settings_.checks.one_history) continue;
    if (place.value > history_.size()) {
      if (place.value != history_.size() + 1) continue;
      history_.push_back(entry->hash);
    } else if (history_[place.value - 1] != entry->hash) {
      throw Violation(name_of(server) + " commits another history than somebody before (I3), at " +
                      text_of(entry->position()));
    }
  }
  if (!settings_.checks.one_history) return;
  const Entry* latest = server.log.latest_view();
  if (latest == nullptr || latest->epoch.server != server.id) return;
  const auto view = decode_view(*latest);
  if (!view || view->leader != server.id) return;
  if (server.node->summary(clock_of(server)).role != peer::Role::leader) return;
  for (const Member& member : view->members) {
    const Server& other = at(member.server);
    if (other.lost_once) continue;
    const Entry* entry = other.disk.content.log.at(to);
    if (entry == nullptr || entry->hash != server.log.at(to)->hash) {
      throw Violation(name_of(server) + " commits " + std::to_string(to.value) + ", which member " +
                      text_of(member.server) + " has not on its disk");
    }
  }
}

void World::check_acknowledged(Server& server, const Write& request, const Position& place) {
  const Entry* entry = server.log.at(place.seq);
  if (entry == nullptr || entry->request != request.id || entry->position() != place) {
    throw Violation(name_of(server) + " acknowledges " + text_of(request.id) + " at " +
                    text_of(place) + ", where it does not stand");
  }
}

// With one history, whoever tells clients that it serves has all that was acknowledged.
void World::check_serving(Server& server) {
  if (!std::holds_alternative<replica::Serve>(server.node->routing(clock_of(server)))) return;
  const Entry* latest = server.log.latest_view();
  const Epoch epoch = latest == nullptr ? Epoch{} : latest->epoch;
  if (epoch != server.served) {
    server.served = epoch;
    mix(epoch.counter);
    tell(true, text_of(server.id) + " serves");
    if (epoch.server != server.id) {
      throw Violation(name_of(server) + " serves in an epoch of another: " + text_of(epoch));
    }
  }
  if (!settings_.checks.one_history) return;
  for (; server.acks_seen < acknowledged_.size(); ++server.acks_seen) {
    const Acknowledged& known = acknowledged_[server.acks_seen];
    if (server.log.has(known.id)) continue;
    throw Violation(name_of(server) + " serves without " + text_of(known.id) + ", which server " +
                    text_of(known.by) + " acknowledged (I1)");
  }
}

// Nobody may believe that it still serves, and not have what was just acknowledged.
void World::check_others_serving() {
  for (const auto& server : servers_) {
    if (server->life == Life::alive && server->node && !server->in_turn) check_serving(*server);
  }
}

void World::check_cut(Server& server, Seq to) {
  if (telling()) tell(true, text_of(server.id) + " cuts");
  if (!settings_.checks.one_history || server.lost_once) return;
  if (to < server.commit) {
    throw Violation(name_of(server) + " cuts what is committed: after " + std::to_string(to.value) +
                    ", committed " + std::to_string(server.commit.value));
  }
}

// An operation is applied before its write is issued; at the end of the turn it is in the log.
void World::check_applied(Server& server) {
  for (const auto& [at, hash] : server.applied_now) {
    const Entry* known = server.log.at(at.seq);
    if (known == nullptr || known->hash != hash) {
      throw Violation(name_of(server) + " applies " + text_of(at) + ", which is not in its log");
    }
    if (at.seq > server.commit && at.seq > server.tables_at && !server.led) {
      throw Violation(name_of(server) + ", which never led, applies " + text_of(at) +
                      ", which is not committed");
    }
  }
  server.applied_now.clear();
}

// ---- the end

bool World::logs_equal() const {
  const EntryLog& first = servers_.front()->disk.content.log;
  return std::all_of(servers_.begin(), servers_.end(), [&first](const auto& server) {
    const EntryLog& log = server->disk.content.log;
    return !server->disk.busy() && log.last() == first.last() &&
           log.last_hash() == first.last_hash();
  });
}

bool World::all_in_sync() const {
  std::optional<ServerId> leader;
  for (const auto& server : servers_) {
    if (serves(server->id)) leader = server->id;
  }
  if (!leader) return false;
  const Server& leading = at(*leader);
  const Entry* latest = leading.log.latest_view();
  if (latest == nullptr || latest->seq > leading.commit) return false;
  const auto view = decode_view(*latest);
  if (!view || view->members.size() != servers_.size()) return false;
  return std::all_of(servers_.begin(), servers_.end(), [this, &leader](const auto& server) {
    const auto now = summary(server->id);
    return now && (server->id == *leader || (now->in_sync && now->leader == leader));
  });
}

bool World::settled() const {
  return logs_equal() && all_in_sync() &&
         std::all_of(servers_.begin(), servers_.end(), [](const auto& server) {
           return server->tables->applied() == server->disk.content.log.last();
         });
}

// Overlay, write-behind and rebuilding leave no trace: tables made anew from the log are the same.
void World::check_tables() {
  const Scratch directory;
  Server& first = *servers_.front();
  auto fresh = store::Tables::open({.directory = directory.path()}, *first.store);
  if (!fresh) throw Violation("fresh tables cannot be opened: " + fresh.error().text);
  for (const Entry& entry : first.disk.content.log.entries()) {
    const auto outcome = (*fresh)->apply(entry);
    if (!outcome) throw Violation("an entry cannot be applied: " + outcome.error().text);
  }
  const Hash digest = (*fresh)->digest();
  for (const auto& server : servers_) {
    if (server->tables->digest() == digest) continue;
    throw Violation("the tables of " + name_of(*server) + " differ from what its log gives");
  }
}

void World::check_final() {
  check_tables();
  if (!settings_.checks.keeps_all) return;
  const EntryLog& log = servers_.front()->disk.content.log;
  std::map<ClientId, std::pair<std::uint64_t, Seq>> last_of;  // of each client: number, place
  for (const Acknowledged& known : acknowledged_) {
    const auto place = log.find(known.id);
    if (!place) {
      throw Violation("in the end " + text_of(known.id) + " is lost, which server " +
                      text_of(known.by) + " acknowledged (I4)");
    }
    if (!known.raw) continue;
    auto& [number, before] = last_of[known.id.client];
    if (settings_.checks.one_history && number < known.id.number && *place < before) {
      throw Violation("in the end " + text_of(known.id) + " stands before number " +
                      std::to_string(number) + " of the same client (I7)");
    }
    number = known.id.number;
    before = *place;
  }
}

std::string World::state_text() const {
  std::string text;
  for (const auto& server : servers_) {
    const DiskContent& content = server->disk.content;
    text += text_of(server->id) + ": disk last " + text_of(content.log.last_position()) +
            " promised " + text_of(content.promised) + " commit " +
            std::to_string(content.commit.value);
    if (const auto now = summary(server->id)) {
      static constexpr std::array<const char*, 3> roles = {"follower", "candidate", "leader"};
      text += std::string(", ") + roles.at(static_cast<std::size_t>(now->role)) +
              (now->in_sync ? " in-sync" : "") + (now->learner ? " learner" : "") +
              (now->lost_disk ? " lost-disk" : "") + " epoch " + text_of(now->epoch) +
              " promised " + text_of(now->promised) + " view " +
              (now->view ? text_of(now->view->view) : "none") + " last " + text_of(now->last) +
              " durable " + std::to_string(now->durable.value) + " commit " +
              std::to_string(now->commit.value) + " hears " + text_of(now->heard) + ", " +
              text_of(*routing(server->id));
    } else {
      static constexpr std::array<const char*, 4> lives = {"dead", "alive", "paused", "mending"};
      text += std::string(", ") + lives.at(static_cast<std::size_t>(server->life));
    }
    text += "\n";
  }
  return text;
}

}  // namespace chat262::test

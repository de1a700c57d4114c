// What the node wants done is done, in order; what it says is heard.
#include <algorithm>

#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time read_time = 1 * milliseconds;
inline constexpr Time probe_time = 1 * milliseconds;
inline constexpr Time probe_timeout = 300 * milliseconds;
inline constexpr Time hash_time = 25 * milliseconds;
inline constexpr std::size_t hashing_max = 48;

enum Kind : unsigned {
  sends,
  writes,
  reads,
  applies,
  reverts,
  commits,
  accepts,
  refuses,
  is_deposed,
  probes,
  replies
};

}  // namespace

// `text` makes the line of the trace, without the server; `what` does it.
template <class Text, class Do>
void World::act(Server& server, unsigned kind, const Text& text, const Do& what) {
  if (server.crash_at > 0 && --server.crash_at == 0) throw Crashed{};
  mix(kind * 16 + server.id.value);
  if (!telling() && !crash_before) {
    what();
    return;
  }
  const std::string line = text_of(server.id) + " " + text();
  if (crash_before && crash_before(server.id, line)) throw Crashed{};
  tell(false, line);
  what();
  if (crash_after && crash_after(server.id, line)) throw Crashed{};
}

// ---- NodeHost

void World::Server::send(ServerId to, peer::Message message) {
  world.act(
      *this, sends,
      [&] {
        return "sends " + kind_of(message.body) + " to " + text_of(to) + " " +
               detail_of(message.body);
      },
      [&] { world.send(*this, to, message); });
}

void World::send(Server& server, ServerId to, const peer::Message& message) {
  check_send(server, message);
  check_whole(server, message);
  const Channel& way = network_.channel(server.id, to);
  const Time extra = settings_.random_shell ? random_.between(0, way.delay) : 0;
  if (way.loss_percent > 0 && random_.chance(way.loss_percent)) return;
  if (!network_.send(to, message, now_, extra) && telling()) {
    tell(false, "lost: " + kind_of(message.body) + " to " + text_of(to));
  }
}

void World::Server::persist(replica::Persist write) {
  world.act(
      *this, writes, [&] { return "writes " + text_of(write); },
      [&] { world.persist(*this, std::move(write)); });
}

void World::persist(Server& server, replica::Persist write) {
  if (write.cut_after) {
    check_cut(server, *write.cut_after);
    server.log.cut_after(*write.cut_after);
    server.acks_seen = 0;
  }
  for (const Entry& entry : write.entries) server.log.append(entry, name_of(server));
  check_entries(server, write.entries);
  if (settings_.random_shell && random_.chance(5)) {
    server.disk.delay = random_.between(100, 5 * milliseconds);
  }
  server.disk.issue(std::move(write), now_);
}

void World::Server::read_log(replica::ReadLog range) {
  world.act(
      *this, reads,
      [&] {
        return "reads " + std::to_string(range.from.value) + ".." + std::to_string(range.to.value);
      },
      [&] {
        const Time extra =
            world.settings_.random_shell ? world.random_.between(0, 20 * milliseconds) : 0;
        answers.push_back({world.now_ + read_time + extra, range, world.clock_of(*this)});
      });
}

void World::Server::probe(ServerId peer) {
  world.act(
      *this, probes, [&] { return "probes " + text_of(peer); },
      [&] {
        const bool connects = world.network_.connects(id, peer);
        answers.push_back({world.now_ + (connects ? probe_time : probe_timeout),
                           replica::Probe{peer}, world.clock_of(*this)});
      });
}

void World::Server::note(replica::NoteLevel level, const std::string& text) {
  if (!world.telling()) return;
  const bool story = level == replica::NoteLevel::error;
  world.tell(story, text_of(id) + (story ? " reports " : " notes ") + text);
}

// ---- NodeListener

void World::Server::applied(const Entry& entry) {
  world.act(
      *this, applies, [&] { return "applies " + std::to_string(entry.seq.value); },
      [&] { applied_now.emplace_back(entry.position(), entry.hash); });
  if (service) static_cast<broker::NodeListener&>(*service).applied(entry);
}

void World::Server::reverted(Seq to) {
  world.act(
      *this, reverts, [&] { return "reverts to " + std::to_string(to.value); },
      [&] {
        commit = std::min(commit, to);
        std::erase_if(applied_now, [to](const auto& one) { return one.first.seq > to; });
        std::erase_if(waiting, [to](const Waiting& one) { return one.at.seq > to; });
      });
  if (service) static_cast<broker::NodeListener&>(*service).reverted(to);
}

void World::Server::committed(Seq seq) {
  world.act(
      *this, commits, [&] { return "commits " + std::to_string(seq.value); },
      [&] {
        if (seq <= commit) return;
        world.check_committed(*this, commit, seq);
        commit = seq;
        world.acknowledge_committed(*this);
      });
  if (service) static_cast<broker::NodeListener&>(*service).committed(seq);
}

void World::Server::accepted(std::uint64_t handle, const Position& at) {
  world.act(
      *this, accepts, [&] { return "accepts " + std::to_string(handle) + " at " + text_of(at); },
      [&] {
        if ((handle & raw_handle) == 0) return;
        const auto found = world.handles_.find(handle);
        if (found == world.handles_.end()) {
          throw Violation(world.name_of(*this) + " accepts an unknown handle");
        }
        waiting.push_back({found->second, handle, at});
        world.acknowledge_committed(*this);
      });
  if ((handle & raw_handle) == 0 && service)
    static_cast<broker::NodeListener&>(*service).accepted(handle, at);
}

void World::Server::refused(std::uint64_t handle) {
  world.act(
      *this, refuses, [&] { return "refuses " + std::to_string(handle); },
      [&] {
        if ((handle & raw_handle) == 0) return;
        const auto found = world.handles_.find(handle);
        if (found == world.handles_.end()) {
          throw Violation(world.name_of(*this) + " refuses an unknown handle");
        }
        world.answer(found->second, handle, id, "refused", std::nullopt);
      });
  if ((handle & raw_handle) == 0 && service)
    static_cast<broker::NodeListener&>(*service).refused(handle);
}

void World::Server::deposed() {
  world.act(
      *this, is_deposed, [] { return std::string("deposed"); }, [&] { world.drop_waiting(*this); });
  if (service) static_cast<broker::NodeListener&>(*service).deposed();
}

// ---- what the service asks for

void World::Server::reply(broker::ReplyTo to, const Reply& reply) {
  world.act(
      *this, replies,
      [&] { return "replies " + std::to_string(to.value) + " " + status_name(reply.status); },
      [&] { world.reply(*this, to.value, reply); });
}

bool World::Server::start(broker::PasswordJob job) {
  if (hashing.size() >= hashing_max) return false;
  const Time free = hashing.empty() ? world.now_ : std::max(hashing.back().first, world.now_);
  hashing.emplace_back(free + hash_time, std::move(job));
  return true;
}

}  // namespace chat262::test

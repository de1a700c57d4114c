// The duties of a server's shell: what the core wants done is done, in order.
#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time read_time = 1 * milliseconds;
inline constexpr Time probe_time = 1 * milliseconds;
inline constexpr Time probe_timeout = 300 * milliseconds;

struct Naming {  // of an action, without the server
  std::string operator()(const replica::Send& a) const {
    return "sends " + kind_of(a.message.body) + " to " + text_of(a.to) + " " +
           detail_of(a.message.body);
  }
  std::string operator()(const replica::Persist& a) const { return "writes " + text_of(a); }
  std::string operator()(const replica::ReadLog& a) const {
    return "reads " + std::to_string(a.from.value) + ".." + std::to_string(a.to.value);
  }
  std::string operator()(const replica::Apply& a) const {
    return "applies " + std::to_string(a.to.value);
  }
  std::string operator()(const replica::Revert& a) const {
    return "reverts to " + std::to_string(a.to.value);
  }
  std::string operator()(const replica::Committed& a) const {
    return "commits " + std::to_string(a.seq.value);
  }
  std::string operator()(const replica::Accepted& a) const {
    return "accepts " + std::to_string(a.handle) + " at " + text_of(a.at) +
           (a.duplicate ? " again" : "");
  }
  std::string operator()(const replica::Refused& a) const {
    return "refuses " + std::to_string(a.handle);
  }
  std::string operator()(const replica::Deposed&) const { return "deposed"; }
  std::string operator()(const replica::Probe& a) const { return "probes " + text_of(a.peer); }
  std::string operator()(const replica::Note& a) const { return "notes " + a.text; }
};

}  // namespace

void World::carry_out(Server& server, replica::Actions actions) {
  const std::uint64_t life = server.lives;
  for (replica::Action& action : actions) {
    if (server.crash_at > 0 && --server.crash_at == 0) crash(server.id);
    if (server.lives != life) return;
    carry_out_one(server, action);
    if (server.lives != life) return;  // it crashed: the rest is not done
  }
  check_applied(server);
}

void World::carry_out_one(Server& server, replica::Action& action) {
  mix(action.index() * 16 + server.id.value);
  if (telling() || crash_before) {
    const std::string line = text_of(server.id) + " " + std::visit(Naming{}, action);
    if (crash_before && crash_before(server.id, line)) {
      crash(server.id);
      return;
    }
    tell(false, line);
    std::visit([this, &server](auto& known) { do_action(server, known); }, action);
    if (crash_after && server.life != Life::dead && crash_after(server.id, line)) crash(server.id);
    return;
  }
  std::visit([this, &server](auto& known) { do_action(server, known); }, action);
}

void World::do_action(Server& server, replica::Send& action) {
  check_send(server, action.message);
  const Time delay = network_.channel(server.id, action.to).delay;
  const Time extra = settings_.random_shell ? random_.between(0, delay) : 0;
  if (!network_.send(action.to, action.message, now_, extra)) {
    if (telling())
      tell(false, "lost: " + kind_of(action.message.body) + " to " + text_of(action.to));
  }
}

void World::do_action(Server& server, replica::Persist& action) {
  if (action.cut_after) {
    check_cut(server, *action.cut_after);
    server.log.cut_after(*action.cut_after);
    server.acks_seen = 0;
  }
  for (const Entry& entry : action.entries) server.log.append(entry, name_of(server));
  check_entries(server, action.entries);
  if (settings_.random_shell && random_.chance(5)) {
    server.disk.delay = random_.between(100, 5 * milliseconds);
  }
  server.disk.issue(std::move(action), now_);
}

void World::do_action(Server& server, replica::ReadLog& action) {
  const Time extra = settings_.random_shell ? random_.between(0, 20 * milliseconds) : 0;
  server.answers.push_back({now_ + read_time + extra, action});
}

void World::do_action(Server& server, replica::Apply& action) {
  while (server.model->applied() < action.to) {
    const Seq place = server.model->applied().next();
    const Entry* entry = server.core->find(place);
    if (entry == nullptr) entry = server.log.at(place);
    if (entry == nullptr) {
      throw Violation(name_of(server) + " applies " + std::to_string(place.value) +
                      ", which is not in its log");
    }
    server.model->apply(*entry, name_of(server));
  }
}

void World::do_action(Server& server, replica::Revert& action) {
  server.model->revert(action.to);
  server.committed = std::min(server.committed, action.to);
  server.disk.content.tables = std::min(server.disk.content.tables, action.to);
  std::erase_if(server.waiting,
                [&action](const Waiting& waiting) { return waiting.at.seq > action.to; });
}

void World::do_action(Server& server, replica::Committed& action) {
  const Seq before = server.committed;
  if (action.seq <= before) return;
  check_committed(server, before, action.seq);
  server.committed = action.seq;
  acknowledge_committed(server);
}

void World::do_action(Server& server, replica::Accepted& action) {
  const auto found = handles_.find(action.handle);
  if (found == handles_.end()) throw Violation(name_of(server) + " accepts an unknown handle");
  server.waiting.push_back({found->second, action.handle, action.at});
  acknowledge_committed(server);
}

void World::do_action(Server& server, replica::Refused& action) {
  const auto found = handles_.find(action.handle);
  if (found == handles_.end()) throw Violation(name_of(server) + " refuses an unknown handle");
  answer(found->second, action.handle, server.id, "refused", std::nullopt);
}

void World::do_action(Server& server, replica::Deposed& /*action*/) {
  drop_waiting(server);
}

void World::do_action(Server& server, replica::Probe& action) {
  const bool connects = network_.connects(server.id, action.peer);
  server.answers.push_back({now_ + (connects ? probe_time : probe_timeout), action});
}

void World::do_action(Server& server, replica::Note& action) {
  if (action.level == replica::NoteLevel::error && telling()) {
    tell(true, text_of(server.id) + " reports " + action.text);
  }
}

}  // namespace chat262::test

// What `expect` and `run until` ask.
#include "test/scenario/player.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

bool is(const Words& words, const char* text) {
  return join(words) == text;
}

}  // namespace

bool Player::holds(const Words& condition) const {
  if (condition.empty()) throw Violation("what should hold?");
  if (is(condition, "logs equal")) return world_.logs_equal();
  if (is(condition, "all in-sync")) return world_.all_in_sync();
  const std::string& first = condition[0];
  if (first == "no" && is(condition, "no leader")) {
    for (unsigned i = 0; i < script_.servers; ++i) {
      if (world_.serves(server_id(i))) return false;
    }
    return true;
  }
  if (first == "leader" && condition.size() == 2) {
    const ServerId wanted = server(condition[1]);
    for (unsigned i = 0; i < script_.servers; ++i) {
      if (world_.serves(server_id(i)) != (server_id(i) == wanted)) return false;
    }
    return true;
  }
  if (first == "order") return stand_in_order(Words(condition.begin() + 1, condition.end()));
  if (first == "answer" && condition.size() > 2) {
    const Words pattern(condition.begin() + 2, condition.end());
    return begins_with(request(condition[1]).answer, pattern);
  }
  if (condition.size() == 2 && condition[1] == "acked") {
    return request(first).acknowledged.has_value();
  }
  if (condition.size() == 4 && condition[1] == "acked" && condition[2] == "by") {
    return request(first).acknowledged && request(first).by == server(condition[3]);
  }
  return holds_of_server(server(first), Words(condition.begin() + 1, condition.end()));
}

bool Player::holds_of_server(ServerId who, const Words& what) const {
  if (is(what, "dead")) return world_.life(who) == Life::dead;
  if (is(what, "serves")) return world_.serves(who);
  if (what.size() == 2 && what[0] == "has") {
    return world_.log(who).has(request(what[1]).id);
  }
  if (what.size() == 3 && what[0] == "disk" && what[1] == "has") {
    const auto& log = const_cast<World&>(world_).disk(who).content.log;
    return log.has(request(what[2]).id);
  }
  if (what.size() == 2 && what[0] == "view") {
    const Entry* latest = world_.log(who).latest_view();
    if (latest == nullptr) return what[1] == "none";
    const auto view = decode_view(*latest);
    return view && text_of(*view) == what[1];
  }
  if (!what.empty() && what[0] == "unavailable") {
    const auto now = world_.routing(who);
    return now && begins_with(text_of(*now), what);
  }
  const auto now = world_.summary(who);
  if (is(what, "in-sync")) return now && now->in_sync;
  if (what.size() == 2 && what[0] == "epoch") return now && text_of(now->epoch) == what[1];
  if (is(what, "learner")) return now && now->learner;
  if (is(what, "lost-disk")) return now && now->lost_disk;
  if (is(what, "candidate")) return now && now->role == peer::Role::candidate;
  if (is(what, "full")) return now && now->health == peer::Health::full;
  if (what.size() == 2 && what[0] == "follows") {
    return now && now->leader == server(what[1]);
  }
  throw Violation("`" + join(what) + "` says nothing of a server");
}

bool Player::stand_in_order(const Words& names) const {
  const EntryLog& log = world_.log(server_id(0));
  Seq before{};
  for (const std::string& name : names) {
    const auto place = log.find(request(name).id);
    if (!place || *place <= before) return false;
    before = *place;
  }
  return true;
}

}  // namespace chat262::test

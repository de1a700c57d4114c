// The commands of a script; README.md lists them.
#include <algorithm>

#include "test/scenario/player.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time run_limit = 20'000 * milliseconds;

Time time_of(const std::string& word) {
  return std::stol(word) * milliseconds;
}

void need(const Words& words, std::size_t count) {
  if (words.size() < count) throw Violation("words are missing");
}

}  // namespace

// write NAME to SERVER [as CLIENT] [bytes N] | ask NAME at SERVER [bytes N]
void Player::write(const Words& words, bool follows) {
  need(words, 4);
  const std::string& name = words[1];
  const auto known = requests_.find(name);
  RequestId id;
  std::string client;
  std::size_t bytes = 0;
  for (std::size_t i = 4; i + 1 < words.size(); i += 2) {
    if (words[i] == "as") client = words[i + 1];
    if (words[i] == "bytes") bytes = std::stoul(words[i + 1]);
  }
  if (known != requests_.end()) {
    id = world_.request(known->second).id;  // the same request once more
  } else if (!client.empty()) {
    id = {client_named(client), ++numbers_[client]};
  } else {
    id = {client_named(name), 1};
  }
  requests_[name] = world_.ask(id, server(words[3]), follows, bytes);
}

// flood NAME to SERVER COUNT [bytes N]: NAME1, NAME2, ... each asked once
void Player::flood(const Words& words) {
  need(words, 5);
  const std::size_t bytes = words.size() == 7 ? std::stoul(words[6]) : 0;
  for (unsigned long i = 1; i <= std::stoul(words[4]); ++i) {
    const std::string name = words[1] + std::to_string(i);
    requests_[name] = world_.ask({client_named(name), 1}, server(words[3]), false, bytes);
  }
}

// run MS | run until CONDITION | run until event PATTERN
void Player::run(const Words& words) {
  need(words, 2);
  if (words[1] != "until") {
    world_.run_until(world_.now() + time_of(words[1]));
    return;
  }
  need(words, 3);
  const Time limit = world_.now() + run_limit;
  if (words[2] == "event") {
    awaited_ = Words(words.begin() + 3, words.end());
    seen_ = false;
    while (!seen_ && world_.step(limit)) continue;
    awaited_.reset();
    if (!seen_) throw Violation("it never comes");
    return;
  }
  const Words condition(words.begin() + 2, words.end());
  while (!holds(condition)) {
    if (!world_.step(limit)) throw Violation("it never comes");
  }
}

// crash N | crash N losing messages | crash N before|after PATTERN | ... before 2nd PATTERN
void Player::crash(const Words& words) {
  const ServerId who = server(words[1]);
  if (words.size() == 2) return world_.crash(who);
  if (words[2] == "losing") return world_.crash(who, {.lose_sent = true});
  if (words[2] != "before" && words[2] != "after") throw Violation("crash before or after what?");
  Trap trap{who, words[2] == "before", {words[1]}, 1};
  std::size_t from = 3;
  need(words, 4);
  if (words[3] == "2nd" || words[3] == "3rd") {
    trap.count = words[3] == "2nd" ? 2 : 3;
    from = 4;
  }
  trap.pattern.insert(trap.pattern.end(), words.begin() + static_cast<std::ptrdiff_t>(from),
                      words.end());
  traps_.push_back(trap);
}

bool Player::server_command(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "start" || verb == "pause" || verb == "resume" || verb == "stop") {
    for (std::size_t i = 1; i < words.size(); ++i) {
      const ServerId who = server(words[i]);
      if (verb == "start") world_.start(who);
      if (verb == "pause") world_.pause(who);
      if (verb == "resume") world_.resume(who);
      if (verb == "stop") world_.stop(who);
    }
  } else if (verb == "crash") {
    need(words, 2);
    crash(words);
  } else if (verb == "crash-all") {
    for (unsigned i = 0; i < script_.servers; ++i) world_.crash(server_id(i));
  } else if (verb == "handover") {
    need(words, 2);
    std::optional<ServerId> to;
    if (words.size() == 4) to = server(words[3]);
    world_.handover(server(words[1]), to);
  } else if (verb == "force") {
    need(words, 2);
    world_.force_lead(server(words[1]));
  } else if (verb == "no-traps") {
    traps_.clear();
  } else {
    return false;
  }
  return true;
}

// freeze|thaw|fill|empty|lose|copy|restore disk N, slow disk N MS
bool Player::disk_command(const Words& words) {
  if (words.size() < 3 || words[1] != "disk") return false;
  const std::string& verb = words[0];
  const ServerId who = server(words[2]);
  Disk& disk = world_.disk(who);
  if (verb == "freeze") {
    disk.frozen = true;
  } else if (verb == "thaw") {
    world_.thaw(who);
  } else if (verb == "slow") {
    need(words, 4);
    disk.delay = time_of(words[3]);
  } else if (verb == "fill" || verb == "empty") {
    world_.set_full(who, verb == "fill");
  } else if (verb == "lose") {
    world_.lose_disk(who);
  } else if (verb == "copy") {
    copies_[who] = disk.content;
  } else if (verb == "restore") {
    world_.lose_disk(who);
    disk.content = copies_.at(who);
  } else {
    return false;
  }
  return true;
}

// cut|heal|hold|release|reset|drop|pass|delay A->B or A-B (both ways), with a kind of message for
// hold, drop and pass; heal alone heals all
bool Player::network_command(const Words& words) {
  static const std::array<const char*, 8> verbs = {"cut",   "heal", "hold", "release",
                                                   "reset", "drop", "pass", "delay"};
  const std::string& verb = words[0];
  if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end()) return false;
  if (words.size() == 1 && verb == "heal") {
    world_.network().heal();
    return true;
  }
  need(words, 2);
  const std::string& way = words[1];
  if (way.size() < 3) throw Violation("from where to where?");
  const ServerId from = server(way.substr(0, 1));
  const ServerId to = server(way.substr(way.size() - 1));
  const bool both = way.size() == 3;
  const std::string kind = words.size() > 2 ? words[2] : "*";
  if (verb == "reset") {
    world_.reset(from, to);
    return true;
  }
  for (const auto& [a, b] : {std::pair(from, to), std::pair(to, from)}) {
    if (a == to && !both) continue;
    Channel& channel = world_.network().channel(a, b);
    if (verb == "cut") world_.network().cut(a, b);
    if (verb == "heal") channel.cut = false;
    if (verb == "hold" && kind == "*") channel.held = true;
    if (verb == "hold" && kind != "*") channel.holds.insert(kind);
    if (verb == "release") world_.network().release(a, b, world_.now());
    if (verb == "drop") channel.drops.insert(kind);
    if (verb == "pass" && kind == "*") channel.drops.clear();
    if (verb == "pass" && kind != "*") channel.drops.erase(kind);
    if (verb == "delay") channel.delay = time_of(kind);
  }
  return true;
}

}  // namespace chat262::test

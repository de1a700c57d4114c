#include "test/scenario/player.hpp"

#include <algorithm>
#include <iostream>

#include "test/support/text.hpp"

namespace chat262::test {

namespace {

Settings settings_of(const Script& script, const std::string& without) {
  Settings settings;
  settings.servers = script.servers;
  settings.policy = script.policy;
  settings.without = without;
  settings.checks.one_history = script.one_history;
  return settings;
}

}  // namespace

Player::Player(const Script& script, const std::string& without, bool print)
    : script_(script), world_(settings_of(script, without)), print_(print) {
  world_.told = [this](const std::string& line, bool story) { hear(line, story); };
  world_.crash_before = [this](ServerId server, const std::string& line) {
    return falls(server, line, true);
  };
  world_.crash_after = [this](ServerId server, const std::string& line) {
    return falls(server, line, false);
  };
}

void Player::play() {
  for (const Line& line : script_.lines) {
    if (print_) std::cout << "> " << join(line.words) << "\n";
    try {
      play(line.words);
    } catch (const std::exception& error) {
      throw Violation(script_.path + ":" + std::to_string(line.number) + ": `" + join(line.words) +
                      "`, at " + std::to_string(world_.now() / milliseconds) +
                      " ms: " + error.what() + "\n" + world_.state_text());
    }
  }
  if (script_.has_trace) compare_trace();
}

void Player::hear(const std::string& line, bool story) {
  if (print_) {
    std::cout << world_.now() / milliseconds << (story ? " * " : "   ") << line << "\n";
  }
  if (story) story_.push_back(line);
  if (awaited_ && begins_with(line, *awaited_)) seen_ = true;
}

bool Player::falls(ServerId server, const std::string& line, bool before) {
  for (auto trap = traps_.begin(); trap != traps_.end(); ++trap) {
    if (trap->server != server || trap->before != before) continue;
    if (!begins_with(line, trap->pattern) || --trap->count > 0) continue;
    traps_.erase(trap);
    return true;
  }
  return false;
}

void Player::play(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "write" || verb == "ask") return write(words, verb == "write");
  if (verb == "flood") return flood(words);
  if (verb == "run") return run(words);
  if (verb == "step") {
    const unsigned long count = words.size() > 1 ? std::stoul(words[1]) : 1;
    for (unsigned long i = 0; i < count; ++i) world_.step(never - 1);
    return;
  }
  if (verb == "expect") {
    const bool denied = words.size() > 1 && words[1] == "not";
    const Words condition(words.begin() + (denied ? 2 : 1), words.end());
    if (holds(condition) == denied) throw Violation("it is not so");
    return;
  }
  if (server_command(words) || disk_command(words) || network_command(words)) return;
  throw Violation("no such command");
}

void Player::compare_trace() const {
  if (story_ == script_.trace) return;
  const auto [real, expected] =
      std::mismatch(story_.begin(), story_.end(), script_.trace.begin(), script_.trace.end());
  std::string text = script_.path + ": the trace differs: expected `" +
                     (expected == script_.trace.end() ? "the end" : *expected) + "`, was `" +
                     (real == story_.end() ? "the end" : *real) + "`. It was:\n";
  for (const std::string& line : story_) text += "  " + line + "\n";
  throw Violation(text);
}

ServerId Player::server(const std::string& word) const {
  if (word.size() != 1 || word[0] < '0' || word[0] >= static_cast<char>('0' + script_.servers)) {
    throw Violation("`" + word + "` is no server");
  }
  return server_id(static_cast<unsigned>(word[0] - '0'));
}

const Write& Player::request(const std::string& name) const {
  const auto found = requests_.find(name);
  if (found == requests_.end()) throw Violation("`" + name + "` was never written");
  return world_.request(found->second);
}

}  // namespace chat262::test

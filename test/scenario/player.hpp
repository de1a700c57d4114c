// Plays a script on a simulated cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "test/scenario/script.hpp"
#include "test/support/world.hpp"

namespace chat262::test {

class Player {
 public:
  // `print`: every event goes to standard output as it happens.
  Player(const Script& script, const std::string& without, bool print);

  // Throws Violation, whose text names the line of the script.
  void play();

  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  struct Trap {
    ServerId server{};
    bool before = false;
    Words pattern;
    unsigned count = 1;  // it falls at the count-th match
  };

  void play(const Words& words);
  void hear(const std::string& line, bool story);
  bool falls(ServerId server, const std::string& line, bool before);

  // commands.cpp
  bool server_command(const Words& words);
  bool disk_command(const Words& words);
  bool network_command(const Words& words);
  void crash(const Words& words);
  void write(const Words& words, bool follows);
  void flood(const Words& words);
  void run(const Words& words);

  // conditions.cpp
  [[nodiscard]] bool holds(const Words& condition) const;
  [[nodiscard]] bool holds_of_server(ServerId server, const Words& what) const;
  [[nodiscard]] bool stand_in_order(const Words& names) const;
  void compare_trace() const;

  [[nodiscard]] ServerId server(const std::string& word) const;
  [[nodiscard]] const Write& request(const std::string& name) const;

  const Script& script_;
  World world_;
  bool print_;
  std::map<std::string, std::size_t> requests_;
  std::map<std::string, std::uint64_t> numbers_;  // of each client
  std::map<ServerId, DiskContent> copies_;
  std::vector<Trap> traps_;
  std::vector<std::string> story_;
  std::optional<Words> awaited_;
  bool seen_ = false;
};

}  // namespace chat262::test

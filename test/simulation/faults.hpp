// The faults of a walk.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "test/simulation/walk.hpp"

namespace chat262::test {

class Faults {
 public:
  Faults(World& world, const Regime& regime, unsigned servers);

  [[nodiscard]] Time due() const;
  void run(World& world);

 private:
  void draw(World& world);
  void draw_single(World& world);
  void crash_or_start(World& world, ServerId server);
  void link(World& world, ServerId a, ServerId b);
  void disk(World& world, ServerId server);
  void lose(World& world, ServerId server);
  [[nodiscard]] bool may_crash(World& world, ServerId server);
  [[nodiscard]] ServerId pick(World& world) const;

  struct Later {  // the end of a fault
    Time due = 0;
    enum class What { start, resume, heal, thaw, room } what{};
    ServerId a{};
    ServerId b{};
  };

  const Regime& regime_;
  unsigned servers_;
  Time next_ = 0;
  Time pause_max_ = 0;  // between two faults
  Time down_max_ = 0;   // how long one lasts
  std::vector<Later> later_;
  std::vector<Time> last_reset_;
  // While a server without its disk is not in-sync again, this one does not crash.
  std::optional<ServerId> keeper_;
  std::optional<ServerId> robbed_;
  std::map<ServerId, DiskContent> copies_;
};

}  // namespace chat262::test

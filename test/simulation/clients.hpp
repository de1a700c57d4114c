// The clients of a walk: each writes, waits until it is acknowledged, thinks, writes again. And now
// and then a burst of writes that nobody tries again.
#pragma once

#include <optional>
#include <vector>

#include "test/support/world.hpp"

namespace chat262::test {

class WalkClients {
 public:
  explicit WalkClients(World& world);

  [[nodiscard]] Time due() const;
  void look(World& world);  // after a step: who was acknowledged goes on
  void run(World& world);   // what is due
  void stop() { stopped_ = true; }
  // One last write, by a client of its own.
  std::size_t one_more(World& world);

 private:
  struct Client {
    ClientId id;
    std::uint64_t number = 0;
    std::optional<std::size_t> request;
    Time writes = 0;
    bool hops = false;  // asks a random server first, not the one that answered last
    ServerId target{};
  };

  void burst(World& world);

  std::vector<Client> clients_;
  std::size_t seen_ = 0;
  Time think_ = 0;
  std::size_t text_bytes_max_ = 0;
  Time burst_ = never;  // the next one
  Time burst_every_ = 0;
  std::uint64_t burst_size_max_ = 0;
  unsigned bursts_ = 0;
  bool stopped_ = false;
};

}  // namespace chat262::test

// The clients of a run, and their work: each has an account of its own, and now and then uses
// another's. What each does is drawn from a stream of its own, so that one can be left out.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "test/simulation/caller.hpp"
#include "test/simulation/history.hpp"
#include "test/support/world.hpp"

namespace chat262::test {

inline constexpr unsigned clients_max = 6;

class Clients {
 public:
  // `only`: bit i set, client i works. `quarrels`: they often want the same new names, and change
  // passwords, log out and delete accounts more than people do.
  Clients(World& world, std::uint64_t seed, unsigned only, unsigned servers, bool quarrels);
  ~Clients();

  [[nodiscard]] Time due() const;
  void run();  // what is due
  void hear(std::uint64_t ticket, const Bytes* frame);

  // From now on each finishes what is under way, sends one message, reads everything, and stops.
  void finish();
  [[nodiscard]] bool finished() const;
  // After that: the same once more, and everything else that can be read.
  void finish_again();

  [[nodiscard]] unsigned count() const { return count_; }  // left out ones too
  [[nodiscard]] const History& history() const { return history_; }

 private:
  class Client;

  History history_;
  std::uint64_t tickets_ = 0;
  unsigned count_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace chat262::test

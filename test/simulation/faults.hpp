// The faults of a run: drawn from the seed, or given as a list.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "test/simulation/fault.hpp"
#include "test/simulation/regime.hpp"
#include "test/support/world.hpp"

namespace chat262::test {

class Faults {
 public:
  // `given`: these and no others, each only where the regime allows it at that moment. Starts the
  // servers. `world` and `regime` must outlive it.
  Faults(World& world, const Regime& regime, std::uint64_t seed,
         std::optional<std::vector<Fault>> given);

  [[nodiscard]] Time due() const;
  void run();  // what is due
  // No new ones; what lasts ends now, and every server runs.
  void end();

  // The network is parted, and they are on different sides.
  [[nodiscard]] bool parted(const ClientId& client, ServerId server) const;

  [[nodiscard]] const std::vector<Fault>& injected() const { return injected_; }

 private:
  [[nodiscard]] Fault draw();
  [[nodiscard]] Fault draw_single();
  [[nodiscard]] Fault draw_crash(ServerId server);
  [[nodiscard]] Fault draw_link(ServerId server);
  [[nodiscard]] Fault draw_disk(ServerId server);
  [[nodiscard]] Fault draw_part();
  [[nodiscard]] Time draw_lasting(Time most);

  // False: not now.
  bool inject(const Fault& fault);
  bool inject_on_process(const Fault& fault);
  bool inject_on_disk(const Fault& fault);
  bool inject_on_network(const Fault& fault);
  bool part(const Fault& fault);
  [[nodiscard]] bool may_crash(ServerId server);
  bool replace_disk(const Fault& fault);
  void end_one(const Fault& fault);
  void end_later(const Fault& fault) { lasting_.push_back(fault); }
  [[nodiscard]] ServerId pick();

  World& world_;
  const Regime& regime_;
  Random random_;
  unsigned servers_;
  bool drawn_ = true;
  std::vector<Fault> given_;
  std::size_t next_given_ = 0;
  Time next_ = 0;
  Time between_max_ = 0;  // two faults
  Time lasting_max_ = 0;
  std::vector<Fault> lasting_;
  std::vector<Fault> injected_;
  std::optional<std::int64_t> sides_;  // while the network is parted
  std::vector<Time> last_reset_;
  // While a server without its disk is not in-sync again, this one does not crash.
  std::optional<ServerId> keeper_;
  std::optional<ServerId> robbed_;
  std::map<ServerId, DiskContent> copies_;
};

}  // namespace chat262::test

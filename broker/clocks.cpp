#include "broker/clocks.hpp"

#include <time.h>

#include <chrono>

namespace chat262::broker {

Now read_clocks() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {replica::clock_ms(time.tv_sec * 1000 + time.tv_nsec / 1'000'000),
          TimeMs{{std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()}}};
}

}  // namespace chat262::broker

// The two clocks of a server.
#pragma once

#include "broker/service.hpp"

namespace chat262::broker {

[[nodiscard]] Now read_clocks();

}  // namespace chat262::broker

// Whether this server's sockets admit whom they should and nobody else: tried at the start, by real
// connections of a context of their own. libzmq admits everybody if a domain or a handler is
// missing.
#pragma once

#include <string>

#include "protocol/keys.hpp"
#include "protocol/result.hpp"

namespace chat262::broker {

struct SelfTest {
  std::string client_endpoint;
  std::string peer_endpoint;
  KeyPair own;
  int ms_max = 10'000;  // mostly it takes some milliseconds
};

// Errors: system, saying who was admitted, or was not.
[[nodiscard]] Result<void> test_admission(const SelfTest& test);

}  // namespace chat262::broker

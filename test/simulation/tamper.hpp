// Peers that talk nonsense: well-formed messages with wrong content. No server may abort on one.
#pragma once

#include "protocol/peer_messages.hpp"
#include "test/support/random.hpp"

namespace chat262::test {

// Changes one thing in it, or a few.
void tamper(peer::Message& message, Random& random);

}  // namespace chat262::test

// Who may come to a socket, and CURVE on it. Options are copied when a socket is bound or
// connected: what is set later is for the next bind or connect, and connections that are up stay as
// they are.
#pragma once

#include <zmq.hpp>

#include "protocol/keys.hpp"

namespace chat262::broker {

// ZAP domains: who asks to be admitted.
inline constexpr const char* clients_domain = "clients";
inline constexpr const char* servers_domain = "servers";

// Whom the ZAP handler (zap.hpp) admits; nobody if there is none.
void serve_admitted(zmq::socket_t& socket, const char* domain);
void serve_curve(zmq::socket_t& socket, const KeyPair& own, const char* domain);
void connect_curve(zmq::socket_t& socket, const KeyPair& own, const PublicKey& server);

}  // namespace chat262::broker

// libzmq's threads: one for the clients' connections and one for the other servers', so that a
// flood of the ones does not hold up replication.
#pragma once

#include <cstdint>
#include <zmq.hpp>

namespace chat262::broker {

inline constexpr int io_threads = 2;

// For ZMQ_AFFINITY; a context with one thread has no choice.
enum class IoThread : std::uint64_t { clients = 1, servers = 2 };
inline void use(zmq::socket_t& socket, zmq::context_t& context, IoThread thread) {
  const bool choice = context.get(zmq::ctxopt::io_threads) >= io_threads;
  socket.set(zmq::sockopt::affinity, choice ? static_cast<std::uint64_t>(thread) : 0);
}

}  // namespace chat262::broker

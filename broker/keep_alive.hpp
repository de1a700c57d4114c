// For sockets that are connected to: the kernel asks after ends that are silent, so that machines
// which vanished leave no open descriptors behind.
#pragma once

#include <zmq.hpp>

#include "broker/server_limits.hpp"

namespace chat262::broker {

inline void keep_alive(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, limits::keepalive_idle_s);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, limits::keepalive_every_s);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, limits::keepalive_times);
}

}  // namespace chat262::broker

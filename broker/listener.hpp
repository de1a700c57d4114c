// A listening TCP port of a ZeroMQ socket that can take another key.
//
// A ZeroMQ socket takes a key only when it is bound. Unbinding it breaks what is connected
// (libzmq's sessions belong to their listener), and a port that is closed for a moment refuses
// connections: to the other servers that is the proof of a dead process. So for each key there is a
// listening socket of the kernel's, all at the same port, and a filter gives new connections to the
// last one. What is connected through the others stays as it is.
#pragma once

#include <string>
#include <vector>
#include <zmq.hpp>

#include "protocol/result.hpp"

namespace chat262::broker {

class Listener {
 public:
  // `endpoint`: tcp://ADDRESS:PORT, numeric. `whom`: for errors. Errors: in_use, system.
  static Result<Listener> open(const std::string& endpoint, const std::string& whom);
  Listener() = default;
  ~Listener();
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;

  // New connections come to `socket` from now on, with the options that it has now. Always the same
  // socket. Errors: system.
  [[nodiscard]] Result<void> give(zmq::socket_t& socket);

 private:
  [[nodiscard]] bool add();

  std::vector<int> sockets_;  // in the order in which the kernel counts them
  std::string endpoint_;
  bool given_ = false;
};

}  // namespace chat262::broker

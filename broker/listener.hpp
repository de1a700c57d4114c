// A listening TCP socket that a ZeroMQ socket can be bound to again and again.
//
// A ZeroMQ socket takes another key only by being bound anew. If its own listening socket were
// closed for that, a connection attempt in between would be refused, and to the other servers a
// refusal is the proof of a dead process. So the listening socket stays, and what comes meanwhile
// waits in it.
#pragma once

#include <string>
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

  // Connections come to `socket` from now on, with the options that it has now. Throws
  // zmq::error_t.
  void give(zmq::socket_t& socket);

 private:
  int fd_ = -1;
  std::string endpoint_;
  std::string bound_;  // as the ZeroMQ socket calls it; empty: to none
};

}  // namespace chat262::broker

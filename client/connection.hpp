// One REQ socket to one server, opened when first needed and kept.
//
// ZMQ_REQ_RELAXED and ZMQ_REQ_CORRELATE let a lost answer pass without wedging the socket.
// ZMQ_IMMEDIATE keeps requests out of a queue for a server that is not there: what was not taken by
// a live connection was not sent, and a restarted server never gets a request of long ago. A socket
// monitor tells of a refused or reset connection at once.
//
// To a server that has a key it is encrypted (CURVE), with a pair of this process's own that was
// made when it was first needed: servers admit any client.
//
// Not thread-safe; a Connection lives on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "protocol/ids.hpp"

namespace chat262::client {

class Connection {
 public:
  // `context` must outlive the connection. `key`: that the server must prove; none: not encrypted.
  // Nothing is opened yet.
  Connection(zmq::context_t& context, std::string endpoint, const PublicKey& key = {});

  // The next question goes there.
  void move(std::string endpoint, const PublicKey& key);

  // As far as is known without looking.
  [[nodiscard]] bool up() const { return state_ == State::up; }
  // Why the last attempt to connect failed, where more is known than that nobody answered; for
  // people. "" else.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  enum class Outcome {
    answered,   // `answer` holds the reply's frame
    failed,     // refused, reset, or not to be opened
    silent,     // nothing until `until_ms`
    cancelled,  // `cancel_fd` became readable
  };
  struct Result {
    Outcome outcome = Outcome::silent;
    bool sent = false;  // a live connection took the request: the server may have it
    Bytes answer;
  };

  // Sends `frame` and waits for the answer until `until_ms` (monotonic_ms()). `cancel_fd`: -1, or a
  // descriptor that ends the wait when it becomes readable.
  [[nodiscard]] Result ask(const Bytes& frame, std::int64_t until_ms, int cancel_fd);

 private:
  enum class State { closed, connecting, up, down };

  bool open_if_needed(std::int64_t now_ms);  // true if it opened a new socket, or could not
  void close();
  bool send_now(const Bytes& frame);
  bool receive_now(Bytes& answer);
  void read_monitor();
  void handshake_failed(std::uint16_t event, std::uint32_t why);

  zmq::context_t& context_;
  std::string endpoint_;
  PublicKey key_;
  std::string trouble_;
  State state_ = State::closed;
  unsigned losses_ = 0;  // refused, reset and closed connections so far
  std::int64_t opened_ms_ = 0;
  std::unique_ptr<zmq::socket_t> socket_;
  std::unique_ptr<zmq::socket_t> monitor_;
};

// Milliseconds of the monotonic clock.
[[nodiscard]] std::int64_t monotonic_ms();

}  // namespace chat262::client

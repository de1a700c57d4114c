// The links to the other servers: one PULL socket, bound, for all that comes; one PUSH socket a
// peer for all that goes. A full or missing connection loses the message; the protocol sends again.
//
// Owned by the reactor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "broker/addresses.hpp"
#include "broker/members.hpp"
#include "broker/replica/io.hpp"
#include "protocol/codec.hpp"
#include "protocol/peer_messages.hpp"

namespace chat262::broker {

class PeerLinks {
 public:
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t not_sent = 0;  // no connection, or its queue is full
    std::uint64_t received = 0;
    std::uint64_t foreign = 0;    // of another cluster, protocol version or an unknown server
    std::uint64_t malformed = 0;  // garbage
    std::uint64_t replaced = 0;   // of a machine whose number another one has now
  };

  // `peers`: a numeric address for every server but this one, where it could be resolved.
  // `members` must outlive the links, and hears of the others' feature levels.
  PeerLinks(zmq::context_t& context, Members& members, ServerId self,
            const std::map<ServerId, Address>& peers);
  ~PeerLinks();
  PeerLinks(const PeerLinks&) = delete;
  PeerLinks& operator=(const PeerLinks&) = delete;

  // `endpoint`: tcp://ADDRESS:PORT, numeric. Errors name it.
  [[nodiscard]] Result<void> bind(const std::string& endpoint);
  void connect();
  // The server is elsewhere now; what was on its way to it is lost.
  void move(ServerId peer, const std::string& endpoint);

  void send(ServerId to, const peer::Message& message);

  // Appends what has come, at most `max` frames. Foreign messages, and those of machines that were
  // replaced, are dropped and counted; now and then one of them leaves a line in `notes`. Returns
  // how many it took, dropped ones included.
  std::size_t receive(std::size_t max, std::vector<peer::Message>& messages, replica::Clock now,
                      std::vector<std::string>& notes);

  // Who said in what was received since the last call that it is elsewhere.
  [[nodiscard]] std::vector<ServerId> take_moved() { return std::exchange(moved_, {}); }

  struct Broken {
    ServerId peer{};
    bool was_connected = false;  // else a connection could not be made
  };
  // Appends the peers that were lost, or not found, since the last call.
  void read_monitors(std::vector<Broken>& broken);

  void poll_items(std::vector<zmq::pollitem_t>& items);
  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Messages on their way are sent for at most this long after the sockets are closed.
  void linger(int ms);

 private:
  struct Link {
    ServerId peer{};
    std::string endpoint;
    zmq::socket_t push;
    zmq::socket_t monitor;
  };

  void drop(const zmq::message_t& frame, const std::string& why, replica::Clock now,
            std::vector<std::string>& notes);
  [[nodiscard]] bool takes_part(const PeerFrame& frame);
  void drop_replaced(const zmq::message_t& frame, const PeerFrame& decoded, replica::Clock now,
                     std::vector<std::string>& notes);
  // To a place that no link leads to.
  void tell_superseded(ServerId server, const Place& place);

  zmq::context_t& context_;
  Members& members_;
  const ServerId self_;
  zmq::socket_t pull_;
  bool in_rest_ = false;  // of a message of several frames, which was dropped with its first one
  std::vector<std::unique_ptr<Link>> links_;
  Counters counters_;
  std::vector<ServerId> moved_;
  std::map<std::string, replica::Clock> noted_;  // by what is said, so that it is not said often
  struct Dropped {
    replica::Clock first{};
    replica::Clock told{};
    bool noted = false;  // once in its life
  };
  std::map<std::pair<ServerId, Incarnation>, Dropped> dropped_;  // machines that were replaced
  bool connected_ = false;
};

}  // namespace chat262::broker

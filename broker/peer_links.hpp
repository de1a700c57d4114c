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
#include "broker/listener.hpp"
#include "broker/members.hpp"
#include "broker/own_keys.hpp"
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
    std::uint64_t impostor = 0;   // of a server whose key is another one's than it says
    std::uint64_t shaken = 0;     // connections that failed in the handshake
    std::uint64_t renewed = 0;    // connections made anew because nothing came through
  };

  // `peers`: a numeric address for every server but this one, where it could be resolved.
  // `members` must outlive the links, and hears of the others' feature levels. `own`: in a cluster
  // with keys; must outlive the links.
  PeerLinks(zmq::context_t& context, Members& members, ServerId self,
            const std::map<ServerId, Address>& peers, const OwnKeys* own = nullptr);
  ~PeerLinks();
  PeerLinks(const PeerLinks&) = delete;
  PeerLinks& operator=(const PeerLinks&) = delete;

  // `endpoint`: tcp://ADDRESS:PORT, numeric. Errors name it.
  [[nodiscard]] Result<void> bind(const std::string& endpoint);
  // With keys: the present one is what the others find from now on.
  [[nodiscard]] Result<void> serve(Listener& listener);
  void connect();
  // The server is elsewhere now; what was on its way to it is lost.
  void move(ServerId peer, const std::string& endpoint);
  // The server has another key now. A connection that is up stays, if it is not to a machine that
  // was replaced.
  void rekey(ServerId peer);
  // This server has another key now: all connections are made anew.
  void rekey_all();
  // To be called every turn: tries other keys where a handshake failed, and makes a connection anew
  // through which nothing comes.
  void keep(replica::Clock now);
  // To a machine that was replaced, as its key shows, which connects from `address`. Once a second.
  void tell_former(ServerId server, const std::string& address, replica::Clock now);

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
    bool up = false;
    PublicKey key{};          // that the other one must prove
    std::size_t attempt = 0;  // which of its keys, and of this server's
    bool failed = false;      // in the handshake
    replica::Clock again_at{};
    replica::Clock told{};
    replica::Clock useless{};  // since when it is not up, or the other one says it hears nothing
  };

  [[nodiscard]] bool encrypted() const { return own_ != nullptr && own_->any(); }
  void open(Link& link);
  void close(Link& link);
  void open_anew(Link& link);
  [[nodiscard]] Link* find(ServerId peer);
  [[nodiscard]] bool is_from(const zmq::message_t& frame, ServerId server) const;
  void send_alone(const Bytes& bytes, ServerId server, const Place& place, const PublicKey& key);

  void drop(const zmq::message_t& frame, const std::string& why, replica::Clock now,
            std::vector<std::string>& notes);
  [[nodiscard]] bool takes_part(const PeerFrame& frame);
  void look_whether_heard(const peer::Message& message, replica::Clock now);
  void drop_replaced(const zmq::message_t& frame, const PeerFrame& decoded, replica::Clock now,
                     std::vector<std::string>& notes);
  // To a place that no link leads to.
  void tell_superseded(ServerId server, const Place& place);

  zmq::context_t& context_;
  Members& members_;
  const ServerId self_;
  const OwnKeys* own_;
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
  std::map<ServerId, replica::Clock> told_former_;               // the last time
  bool connected_ = false;
  unsigned monitors_ = 0;  // so far: each has its name
};

}  // namespace chat262::broker

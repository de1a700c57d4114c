// The clients' socket: a ROUTER that speaks the REQ envelope, so any REQ socket is a client.
//
// A request is read as [identity, any frames, empty, body]; all before the body is kept as it came
// and sent back before the reply. Owned by the reactor.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker/listener.hpp"
#include "broker/service.hpp"
#include "broker/turnstile.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/keys.hpp"
#include "protocol/result.hpp"

namespace chat262::broker {

class Gateway final : public Replies {
 public:
  struct Counters {
    std::uint64_t requests = 0;
    std::uint64_t malformed = 0;   // answered
    std::uint64_t dropped = 0;     // no envelope to answer to
    std::uint64_t refused = 0;     // too many open requests
    std::uint64_t too_many = 0;    // of an address or session; see Turnstile
    std::uint64_t unanswered = 0;  // the client was gone, or does not read
  };

  // `turnstile`: nullptr (everybody may ask), or must outlive the gateway. `replies`: that libzmq
  // holds for a client that does not read them; then they are dropped.
  Gateway(zmq::context_t& context, Turnstile* turnstile, std::uint32_t replies);

  // `endpoint`: tcp://ADDRESS:PORT, numeric. Errors name it.
  [[nodiscard]] Result<void> bind(const std::string& endpoint);
  // For clients without keys, as far as the ZAP handler admits them.
  [[nodiscard]] Result<void> serve_plain(const std::string& endpoint);
  // Clients prove nothing; this server proves `own` to those that come from now on.
  [[nodiscard]] Result<void> serve(Listener& listener, const KeyPair& own);
  [[nodiscard]] zmq::socket_t& socket() { return socket_; }

  // Takes what has come, at most `max` messages, and so many frames that a turn stays short; calls
  // `handle` for each request that is one. Answers the others itself. Returns how many messages it
  // took; has_more() then tells whether that was for lack of more.
  std::size_t receive(std::size_t max, replica::Clock now,
                      const std::function<void(ReplyTo, Request&&)>& handle);

  [[nodiscard]] bool has_more() const { return has_more_; }

  void reply(ReplyTo to, const Reply& reply) override;

  [[nodiscard]] std::size_t open() const { return slots_.size() - free_.size(); }
  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Replies still on their way are sent for at most this long after the socket is closed.
  void linger(int ms) { socket_.set(zmq::sockopt::linger, ms); }

 private:
  // A ReplyTo is a slot and its generation.
  struct Slot {
    std::uint32_t generation = 0;
    bool used = false;
    Turnstile::Place place{};
    std::vector<zmq::message_t> envelope;
  };

  // unfinished: the turn's frames are used up, the next turn reads on. unusable: nobody to answer.
  enum class Got { nothing, unfinished, unusable, message };
  Got receive_frames(std::size_t& frames_left);
  // The request in the message at hand; nullopt: it was answered.
  [[nodiscard]] std::optional<Request> read_request(replica::Clock now);
  // False: too many are open; that was answered.
  [[nodiscard]] bool enter(const Request& request, Turnstile::Place& place);
  [[nodiscard]] ReplyTo open_slot(Turnstile::Place place);
  // Returns the size of the reply, sent or not.
  std::size_t send(std::vector<zmq::message_t>& envelope, const Reply& reply);

  zmq::socket_t socket_;
  Turnstile* const turnstile_;
  // Of the message at hand; `frames_` is 0 when the next frame is a message's first.
  std::vector<zmq::message_t> envelope_;
  zmq::message_t body_;
  std::size_t frames_ = 0;
  std::size_t body_frames_ = 0;
  bool in_envelope_ = true;
  bool has_more_ = false;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  Counters counters_;
};

}  // namespace chat262::broker

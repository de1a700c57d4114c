#include "broker/gateway.hpp"

#include <cstring>
#include <string_view>
#include <utility>

#include "broker/curve.hpp"
#include "broker/io_threads.hpp"
#include "broker/keep_alive.hpp"
#include "broker/refusals.hpp"
#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

namespace chat262::broker {

namespace {

// The socket is of IPv6, and shows IPv4 in it.
std::string address_of(zmq::message_t& frame) {
  const char* const text = zmq_msg_gets(frame.handle(), "Peer-Address");
  std::string_view address = text != nullptr ? text : "";
  const bool mapped = address.starts_with("::ffff:") && address.find('.') != std::string_view::npos;
  if (mapped) address.remove_prefix(std::string_view("::ffff:").size());
  return std::string(address);
}

}  // namespace

Gateway::Gateway(zmq::context_t& context, Turnstile* turnstile, std::uint32_t replies)
    : socket_(context, zmq::socket_type::router), turnstile_(turnstile) {
  use(socket_, context, IoThread::clients);
  socket_.set(zmq::sockopt::router_mandatory, true);
  socket_.set(zmq::sockopt::ipv6, true);
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::backlog, 1024);
  socket_.set(zmq::sockopt::handshake_ivl, 1000);
  keep_alive(socket_);
  socket_.set(zmq::sockopt::maxmsgsize, limits::client_frame_cut_bytes);
  socket_.set(zmq::sockopt::sndhwm, static_cast<int>(replies));
  socket_.set(zmq::sockopt::rcvhwm, limits::client_requests_queued_max);
  socket_.set(zmq::sockopt::sndbuf, limits::client_send_buffer_bytes);
}

Result<void> Gateway::bind(const std::string& endpoint) {
  try {
    socket_.bind(endpoint);
  } catch (const zmq::error_t& error) {
    return fail(error.num() == EADDRINUSE ? Errc::in_use : Errc::system,
                "cannot listen for clients at " + endpoint + ": " + error.what());
  }
  return {};
}

Result<void> Gateway::serve_plain(const std::string& endpoint) {
  serve_admitted(socket_, clients_domain);
  return bind(endpoint);
}

Result<void> Gateway::serve(Listener& listener, const KeyPair& own) {
  serve_curve(socket_, own, clients_domain);
  return listener.give(socket_);
}

Gateway::Got Gateway::receive_frames(std::size_t& frames_left) {
  while (true) {
    if (frames_left == 0) return Got::unfinished;
    zmq::message_t frame;
    if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return Got::nothing;
    --frames_left;
    if (frames_ == 0) {
      envelope_.clear();
      body_frames_ = 0;
      in_envelope_ = true;
    }
    const bool more = frame.more();
    ++frames_;
    if (!in_envelope_) {
      if (body_frames_++ == 0) body_ = std::move(frame);
    } else if (frames_ <= limits::envelope_frames_max) {
      in_envelope_ = frames_ == 1 || frame.size() != 0;
      envelope_.push_back(std::move(frame));
    }
    if (!more) break;
  }
  frames_ = 0;
  return in_envelope_ || body_frames_ == 0 ? Got::unusable : Got::message;
}

std::size_t Gateway::receive(std::size_t max, replica::Clock now,
                             const std::function<void(ReplyTo, Request&&)>& handle) {
  std::size_t frames_left = limits::frames_per_turn_max;
  for (std::size_t taken = 0; taken < max; ++taken) {
    const auto got = receive_frames(frames_left);
    has_more_ = got != Got::nothing;
    if (got == Got::nothing || got == Got::unfinished) return taken;
    ++counters_.requests;
    if (got == Got::unusable) {
      ++counters_.dropped;
      continue;
    }
    Turnstile::Place place{};
    auto request = read_request(now);
    if (request && enter(*request, place)) handle(open_slot(place), std::move(*request));
  }
  return max;
}

std::optional<Request> Gateway::read_request(replica::Clock now) {
  const auto refuse = [this](std::uint64_t& counter, std::uint64_t number, const Refusal& why) {
    ++counter;
    send(envelope_, refusal_reply(number, why));
    return std::nullopt;
  };
  if (body_frames_ != 1) {
    return refuse(counters_.malformed, 0, {Status::malformed, "a request is one frame"});
  }
  if (body_.size() > chat262::limits::client_frame_bytes_max) {
    return refuse(counters_.malformed, 0, {Status::too_large, "a request is at most 65536 bytes"});
  }
  const auto address = address_of(body_);
  auto request = decode_request({body_.data<std::uint8_t>(), body_.size()});
  const auto number = request ? request->number : request.error().number;
  if (turnstile_ != nullptr) {
    auto refused = turnstile_->refuses_address(address, now);
    if (!refused && request) refused = turnstile_->refuses_session(request->token, now);
    if (refused) {
      return refuse(counters_.too_many, number,
                    {Status::too_many, refused->text, refused->retry_ms});
    }
  }
  if (!request) {
    return refuse(counters_.malformed, number, {request.error().status, request.error().text});
  }
  request->address = address;
  return std::move(*request);
}

bool Gateway::enter(const Request& request, Turnstile::Place& place) {
  if (open() >= limits::requests_open_max) {
    ++counters_.refused;
    send(envelope_, refusal_reply(request.number, {Status::busy, status_text(Status::busy)}));
    return false;
  }
  if (turnstile_ == nullptr) return true;
  const auto entered = turnstile_->enter(request.address, request.token);
  if (entered) {
    place = *entered;
    return true;
  }
  ++counters_.too_many;
  send(envelope_,
       refusal_reply(request.number, {Status::too_many, "too many open requests from your address",
                                      limits::busy_retry_ms}));
  return false;
}

ReplyTo Gateway::open_slot(Turnstile::Place place) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto index = free_.back();
  free_.pop_back();
  auto& slot = slots_[index];
  slot.used = true;
  slot.place = place;
  slot.envelope.swap(envelope_);
  return ReplyTo{{(std::uint64_t{slot.generation} << 32) | index}};
}

void Gateway::reply(ReplyTo to, const Reply& reply) {
  const auto index = static_cast<std::uint32_t>(to.value);
  if (index >= slots_.size()) return;
  auto& slot = slots_[index];
  if (!slot.used || slot.generation != static_cast<std::uint32_t>(to.value >> 32)) return;
  const auto bytes = send(slot.envelope, reply);
  slot.envelope.clear();
  slot.used = false;
  if (turnstile_ != nullptr) turnstile_->leave(slot.place, bytes);
  ++slot.generation;
  free_.push_back(index);
}

// The C functions, because a client that is gone is no exception here.
std::size_t Gateway::send(std::vector<zmq::message_t>& envelope, const Reply& reply) {
  const auto bytes = encode_reply(reply);
  for (auto& frame : envelope) {
    if (zmq_msg_send(frame.handle(), socket_.handle(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
      ++counters_.unanswered;
      return bytes.size();
    }
  }
  zmq::message_t body(bytes.data(), bytes.size());
  if (zmq_msg_send(body.handle(), socket_.handle(), ZMQ_DONTWAIT) < 0) ++counters_.unanswered;
  return bytes.size();
}

}  // namespace chat262::broker

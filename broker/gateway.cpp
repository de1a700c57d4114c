#include "broker/gateway.hpp"

#include <cstring>
#include <string_view>
#include <utility>

#include "broker/keep_alive.hpp"
#include "broker/refusals.hpp"
#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

namespace chat262::broker {

Gateway::Gateway(zmq::context_t& context) : socket_(context, zmq::socket_type::router) {
  socket_.set(zmq::sockopt::router_mandatory, true);
  socket_.set(zmq::sockopt::ipv6, true);
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::backlog, 1024);
  socket_.set(zmq::sockopt::handshake_ivl, 1000);
  keep_alive(socket_);
  socket_.set(zmq::sockopt::maxmsgsize, limits::client_frame_cut_bytes);
  socket_.set(zmq::sockopt::sndhwm, limits::client_queue_messages_max);
  socket_.set(zmq::sockopt::rcvhwm, limits::client_queue_messages_max);
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

Gateway::Got Gateway::receive_frames() {
  envelope_.clear();
  std::size_t frames = 0;
  std::size_t body_frames = 0;
  bool in_envelope = true;
  while (true) {
    zmq::message_t frame;
    if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return Got::nothing;
    const bool more = frame.more();
    ++frames;
    if (!in_envelope) {
      if (body_frames++ == 0) body_ = std::move(frame);
    } else if (frames <= limits::envelope_frames_max) {
      in_envelope = frames == 1 || frame.size() != 0;
      envelope_.push_back(std::move(frame));
    }
    if (!more) break;
  }
  single_body_ = body_frames == 1;
  return in_envelope || body_frames == 0 ? Got::unusable : Got::message;
}

std::size_t Gateway::receive(std::size_t max,
                             const std::function<void(ReplyTo, Request&&)>& handle) {
  for (std::size_t taken = 0; taken < max; ++taken) {
    const auto got = receive_frames();
    if (got == Got::nothing) return taken;
    ++counters_.requests;
    if (got == Got::unusable) {
      ++counters_.dropped;
      continue;
    }
    if (!single_body_) {
      ++counters_.malformed;
      send(envelope_, refusal_reply(0, {Status::malformed, "a request is one frame"}));
      continue;
    }
    if (body_.size() > chat262::limits::client_frame_bytes_max) {
      ++counters_.malformed;
      send(envelope_, refusal_reply(0, {Status::too_large, "a request is at most 65536 bytes"}));
      continue;
    }
    auto request = decode_request({body_.data<std::uint8_t>(), body_.size()});
    if (!request) {
      ++counters_.malformed;
      send(envelope_,
           refusal_reply(request.error().number, {request.error().status, request.error().text}));
      continue;
    }
    if (open() >= limits::requests_open_max) {
      ++counters_.refused;
      send(envelope_, refusal_reply(request->number, {Status::busy, status_text(Status::busy)}));
      continue;
    }
    if (const char* address = zmq_msg_gets(body_.handle(), "Peer-Address")) {
      // The socket is of IPv6, and shows IPv4 in it.
      const std::string_view text(address);
      const bool mapped = text.starts_with("::ffff:") && text.find('.') != std::string_view::npos;
      request->address = mapped ? text.substr(7) : text;
    }
    handle(open_slot(), std::move(*request));
  }
  return max;
}

ReplyTo Gateway::open_slot() {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto index = free_.back();
  free_.pop_back();
  auto& slot = slots_[index];
  slot.used = true;
  slot.envelope.swap(envelope_);
  return ReplyTo{{(std::uint64_t{slot.generation} << 32) | index}};
}

void Gateway::reply(ReplyTo to, const Reply& reply) {
  const auto index = static_cast<std::uint32_t>(to.value);
  if (index >= slots_.size()) return;
  auto& slot = slots_[index];
  if (!slot.used || slot.generation != static_cast<std::uint32_t>(to.value >> 32)) return;
  send(slot.envelope, reply);
  slot.envelope.clear();
  slot.used = false;
  ++slot.generation;
  free_.push_back(index);
}

// The C functions, because a client that is gone is no exception here.
void Gateway::send(std::vector<zmq::message_t>& envelope, const Reply& reply) {
  const auto bytes = encode_reply(reply);
  for (auto& frame : envelope) {
    if (zmq_msg_send(frame.handle(), socket_.handle(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
      ++counters_.unanswered;
      return;
    }
  }
  zmq::message_t body(bytes.data(), bytes.size());
  if (zmq_msg_send(body.handle(), socket_.handle(), ZMQ_DONTWAIT) < 0) ++counters_.unanswered;
}

}  // namespace chat262::broker

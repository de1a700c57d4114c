#include "broker/peer_links.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "broker/keep_alive.hpp"
#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "store/hex.hpp"

namespace chat262::broker {

namespace {

constexpr std::int64_t note_every_ms = 10'000;
constexpr std::size_t noted_max = 256;
constexpr std::int64_t claim_within_ms = 5'000;
constexpr std::int64_t tell_every_ms = 1'000;
constexpr int tell_linger_ms = 1'000;

}  // namespace

PeerLinks::PeerLinks(zmq::context_t& context, Members& members, ServerId self,
                     const std::map<ServerId, Address>& peers)
    : context_(context), members_(members), self_(self), pull_(context, zmq::socket_type::pull) {
  pull_.set(zmq::sockopt::ipv6, true);
  pull_.set(zmq::sockopt::linger, 0);
  pull_.set(zmq::sockopt::handshake_ivl, 1000);
  keep_alive(pull_);
  pull_.set(zmq::sockopt::maxmsgsize,
            static_cast<std::int64_t>(chat262::limits::peer_frame_bytes_max));
  for (const auto& server : members.now().servers) {
    if (server.id == self) continue;
    auto link = std::make_unique<Link>();
    link->peer = server.id;
    const auto address = peers.find(server.id);
    // A name that cannot be resolved now is left to libzmq, which tries again.
    link->endpoint = address != peers.end() ? address->second.endpoint : server.peer_endpoint();
    link->push = zmq::socket_t(context, zmq::socket_type::push);
    auto& push = link->push;
    push.set(zmq::sockopt::ipv6, true);
    push.set(zmq::sockopt::linger, 0);
    push.set(zmq::sockopt::immediate, true);
    push.set(zmq::sockopt::sndhwm, limits::peer_queue_messages_max);
    push.set(zmq::sockopt::reconnect_ivl, 50);
    push.set(zmq::sockopt::reconnect_ivl_max, 500);
    push.set(zmq::sockopt::handshake_ivl, 1000);
    push.set(zmq::sockopt::tcp_maxrt, limits::peer_unacknowledged_ms_max);
    push.set(zmq::sockopt::connect_timeout, limits::peer_connect_ms_max);
    const auto name = fmt::format("inproc://monitor-{}", server.id.value);
    if (zmq_socket_monitor(push.handle(), name.c_str(),
                           ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED) != 0) {
      throw zmq::error_t();
    }
    link->monitor = zmq::socket_t(context, zmq::socket_type::pair);
    link->monitor.set(zmq::sockopt::linger, 0);
    link->monitor.connect(name);
    links_.push_back(std::move(link));
  }
}

PeerLinks::~PeerLinks() {
  for (auto& link : links_) zmq_socket_monitor(link->push.handle(), nullptr, 0);
}

Result<void> PeerLinks::bind(const std::string& endpoint) {
  try {
    pull_.bind(endpoint);
  } catch (const zmq::error_t& error) {
    return fail(error.num() == EADDRINUSE ? Errc::in_use : Errc::system,
                "cannot listen for the other servers at " + endpoint + ": " + error.what());
  }
  return {};
}

void PeerLinks::connect() {
  for (auto& link : links_) link->push.connect(link->endpoint);
  connected_ = true;
}

void PeerLinks::move(ServerId peer, const std::string& endpoint) {
  for (auto& link : links_) {
    if (link->peer != peer || link->endpoint == endpoint) continue;
    if (connected_) link->push.disconnect(link->endpoint);
    link->endpoint = endpoint;
    if (connected_) link->push.connect(link->endpoint);
  }
}

void PeerLinks::send(ServerId to, const peer::Message& message) {
  for (auto& link : links_) {
    if (link->peer != to) continue;
    // An older server could not read a claim; but one that finds nobody must hear where this is.
    std::optional<peer::Claim> claim;
    const bool moved = members_.replaced(self_) > 0;
    if (moved || members_.level(to) >= peer::claim_level) claim = members_.claim();
    const auto bytes = encode_peer(message, members_.now().id, claim);
    if (zmq_send(link->push.handle(), bytes.data(), bytes.size(), ZMQ_DONTWAIT) < 0) {
      ++counters_.not_sent;
    } else {
      ++counters_.sent;
    }
    return;
  }
}

std::size_t PeerLinks::receive(std::size_t max, std::vector<peer::Message>& messages,
                               replica::Clock now, std::vector<std::string>& notes) {
  for (std::size_t taken = 0; taken < max; ++taken) {
    zmq::message_t frame;
    if (!pull_.recv(frame, zmq::recv_flags::dontwait)) return taken;
    const bool single = !frame.more();
    if (std::exchange(in_rest_, !single)) continue;
    auto decoded = single ? decode_peer({frame.data<std::uint8_t>(), frame.size()})
                          : fail(Errc::malformed, "more than one frame");
    if (!decoded) {
      ++(decoded.error().code == Errc::invalid ? counters_.foreign : counters_.malformed);
      drop(frame, decoded.error().text, now, notes);
    } else if (decoded->cluster != members_.now().id) {
      ++counters_.foreign;
      drop(frame,
           fmt::format("it belongs to cluster {}, this server to {}",
                       store::hex(decoded->cluster.bytes), store::hex(members_.now().id.bytes)),
           now, notes);
    } else if (decoded->message.from == self_ ||
               decoded->message.from.value >= members_.now().servers.size()) {
      ++counters_.foreign;
      drop(frame, fmt::format("it calls itself server {}", decoded->message.from.value), now,
           notes);
    } else if (!takes_part(*decoded)) {
      ++counters_.replaced;
      drop_replaced(frame, *decoded, now, notes);
    } else {
      ++counters_.received;
      const auto from = decoded->message.from;
      if (decoded->claim && members_.learn(from, *decoded->claim)) moved_.push_back(from);
      messages.push_back(std::move(decoded->message));
    }
  }
  return max;
}

bool PeerLinks::takes_part(const PeerFrame& frame) {
  const auto from = frame.message.from;
  members_.heard_level(from, frame.feature_level);
  return members_.takes_part(from, frame.claim);
}

// A new machine makes no claim until it has heard that it can be read here: that is no old one yet.
void PeerLinks::drop_replaced(const zmq::message_t& frame, const PeerFrame& decoded,
                              replica::Clock now, std::vector<std::string>& notes) {
  const auto server = decoded.message.from;
  if (dropped_.size() >= noted_max) dropped_.clear();
  auto& life = dropped_.try_emplace({server, decoded.message.from_incarnation}).first->second;
  if (life.first == replica::Clock{}) life.first = now;
  // At once: a machine that was only cut off believes that it may go on.
  if (life.told == replica::Clock{} || now.value - life.told.value >= tell_every_ms) {
    life.told = now;
    if (decoded.claim) tell_superseded(server, decoded.claim->place);
    for (const auto& place : members_.former(server)) {
      if (!decoded.claim || place != decoded.claim->place) tell_superseded(server, place);
    }
  }
  if (life.noted || (!decoded.claim && now.value - life.first.value < claim_within_ms)) return;
  life.noted = true;
  std::string from = "an unknown address";
  if (const char* address = zmq_msg_gets(frame.handle(), "Peer-Address")) from = address;
  notes.push_back(fmt::format(
      "a machine that was server {} before it was replaced runs again, and connects from {}{}: its "
      "messages are dropped, server {} is at {} now. Stop it for good",
      server.value, from, decoded.claim ? ", listens at " + place_text(decoded.claim->place) : "",
      server.value, place_text(members_.now().servers.at(server.value).place())));
}

void PeerLinks::tell_superseded(ServerId server, const Place& place) {
  peer::Message message;
  message.from = self_;
  message.body = members_.superseded(server);
  const auto bytes = encode_peer(message, members_.now().id);
  zmq::socket_t push(context_, zmq::socket_type::push);
  push.set(zmq::sockopt::ipv6, true);
  push.set(zmq::sockopt::linger, tell_linger_ms);
  const ServerConfig there{server, place.host, place.client_port, place.peer_port};
  try {
    push.connect(there.peer_endpoint());
  } catch (const zmq::error_t&) {  // no place that could be reached
    return;
  }
  zmq_send(push.handle(), bytes.data(), bytes.size(), ZMQ_DONTWAIT);
}

void PeerLinks::drop(const zmq::message_t& frame, const std::string& why, replica::Clock now,
                     std::vector<std::string>& notes) {
  std::string from = "an unknown address";
  if (const char* address = zmq_msg_gets(frame.handle(), "Peer-Address")) from = address;
  auto note = fmt::format("a message from {} was dropped: {}", from, why);
  if (noted_.size() >= noted_max) noted_.clear();
  auto& last = noted_[note];
  if (last != replica::Clock{} && now.value - last.value < note_every_ms) return;
  last = now;
  notes.push_back(std::move(note));
}

void PeerLinks::read_monitors(std::vector<Broken>& broken) {
  for (auto& link : links_) {
    bool any = false;
    bool was_connected = false;
    zmq::message_t frame;
    // Two frames an event: number and value, then the endpoint.
    while (link->monitor.recv(frame, zmq::recv_flags::dontwait)) {
      if (!frame.more()) continue;
      std::uint16_t event = 0;
      if (frame.size() >= sizeof event) std::memcpy(&event, frame.data(), sizeof event);
      any = true;
      was_connected = was_connected || event == ZMQ_EVENT_DISCONNECTED;
    }
    if (any) broken.push_back({link->peer, was_connected});
  }
}

void PeerLinks::poll_items(std::vector<zmq::pollitem_t>& items) {
  items.push_back({pull_.handle(), 0, ZMQ_POLLIN, 0});
  for (auto& link : links_) items.push_back({link->monitor.handle(), 0, ZMQ_POLLIN, 0});
}

void PeerLinks::linger(int ms) {
  for (auto& link : links_) link->push.set(zmq::sockopt::linger, ms);
}

}  // namespace chat262::broker

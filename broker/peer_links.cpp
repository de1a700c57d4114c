#include "broker/peer_links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/clocks.hpp"
#include "broker/curve.hpp"
#include "broker/io_threads.hpp"
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
constexpr std::int64_t handshake_again_ms = 50;  // while there are keys that were not tried
constexpr std::int64_t handshake_pause_ms = 500;
// What is changed on the way can silence a connection for good: a length makes the other end wait
// for what never comes, while the connection is up; a greeting makes libzmq give up.
constexpr std::int64_t unheard_ms = 5'000;  // enough for what is queued before a heartbeat
constexpr std::int64_t useless_ms = 3'000;  // a process that was stopped has old news to read
constexpr int failed_events = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int monitored_events =
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | failed_events;

}  // namespace

PeerLinks::PeerLinks(zmq::context_t& context, Members& members, ServerId self,
                     const std::map<ServerId, Address>& peers, const OwnKeys* own)
    : context_(context),
      members_(members),
      self_(self),
      own_(own),
      pull_(context, zmq::socket_type::pull) {
  use(pull_, context, IoThread::servers);
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
    open(*link);
    links_.push_back(std::move(link));
  }
}

PeerLinks::~PeerLinks() {
  for (auto& link : links_) close(*link);
}

// The socket; it is not connected yet.
void PeerLinks::open(Link& link) {
  link.push = zmq::socket_t(context_, zmq::socket_type::push);
  auto& push = link.push;
  use(push, context_, IoThread::servers);
  push.set(zmq::sockopt::ipv6, true);
  push.set(zmq::sockopt::linger, 0);
  push.set(zmq::sockopt::immediate, true);
  push.set(zmq::sockopt::sndhwm, limits::peer_queue_messages_max);
  push.set(zmq::sockopt::reconnect_ivl, 50);
  push.set(zmq::sockopt::reconnect_ivl_max, 500);
  push.set(zmq::sockopt::handshake_ivl, 1000);
  push.set(zmq::sockopt::tcp_maxrt, limits::peer_unacknowledged_ms_max);
  push.set(zmq::sockopt::connect_timeout, limits::peer_connect_ms_max);
  const auto name = fmt::format("inproc://monitor-{}-{}", link.peer.value, ++monitors_);
  if (zmq_socket_monitor(push.handle(), name.c_str(), monitored_events) != 0) throw zmq::error_t();
  link.monitor = zmq::socket_t(context_, zmq::socket_type::pair);
  link.monitor.set(zmq::sockopt::linger, 0);
  link.monitor.connect(name);
  link.up = link.failed = false;
  link.useless = {};
  if (!encrypted()) return;
  const auto theirs = members_.keys_to_try(link.peer);
  const auto& ours = own_->all();
  link.key = theirs[link.attempt % theirs.size()];
  connect_curve(push, ours[link.attempt / theirs.size() % ours.size()], link.key);
}

void PeerLinks::close(Link& link) {
  zmq_socket_monitor(link.push.handle(), nullptr, 0);
  link.monitor.close();
  link.push.close();
}

void PeerLinks::open_anew(Link& link) {
  close(link);
  open(link);
  if (connected_) link.push.connect(link.endpoint);
}

PeerLinks::Link* PeerLinks::find(ServerId peer) {
  for (auto& link : links_) {
    if (link->peer == peer) return link.get();
  }
  return nullptr;
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

Result<void> PeerLinks::serve(Listener& listener) {
  serve_curve(pull_, own_->present(), servers_domain);
  return listener.give(pull_);
}

void PeerLinks::connect() {
  for (auto& link : links_) link->push.connect(link->endpoint);
  connected_ = true;
}

void PeerLinks::move(ServerId peer, const std::string& endpoint) {
  auto* link = find(peer);
  if (link == nullptr || link->endpoint == endpoint) return;
  link->endpoint = endpoint;
  link->attempt = 0;
  open_anew(*link);
}

void PeerLinks::rekey(ServerId peer) {
  auto* link = find(peer);
  if (link == nullptr || !encrypted()) return;
  const auto& former = members_.former_keys(peer);
  const bool replaced = std::find(former.begin(), former.end(), link->key) != former.end();
  if (link->up && !replaced) return;
  link->attempt = 0;
  open_anew(*link);
}

void PeerLinks::rekey_all() {
  for (auto& link : links_) {
    link->attempt = 0;
    open_anew(*link);
  }
}

// After some failures libzmq itself does not try again; and it would always try the same keys.
void PeerLinks::keep(replica::Clock now) {
  for (auto& link : links_) {
    if (connected_ && !link->up && link->useless == replica::Clock{}) link->useless = now;
    if (link->useless != replica::Clock{} && now.value - link->useless.value >= useless_ms) {
      ++counters_.renewed;
      open_anew(*link);
    }
    if (!link->failed) continue;
    if (link->again_at == replica::Clock{}) {
      const auto ways =
          encrypted() ? members_.keys_to_try(link->peer).size() * own_->all().size() : 1;
      ++link->attempt;
      const bool all_tried = link->attempt % ways == 0;
      link->again_at =
          replica::clock_ms(now.value + (all_tried ? handshake_pause_ms : handshake_again_ms));
    }
    if (now < link->again_at) continue;
    link->again_at = {};
    open_anew(*link);
  }
}

void PeerLinks::send(ServerId to, const peer::Message& message) {
  for (auto& link : links_) {
    if (link->peer != to) continue;
    // An older server could not read a claim; but one that finds nobody must hear where this is.
    std::optional<peer::Claim> claim;
    const bool moved = members_.replaced(self_) > 0;
    if (moved || encrypted() || members_.level(to) >= peer::claim_level) claim = members_.claim();
    std::optional<TimeMs> wall;
    if (members_.level(to) >= peer::accounts_level) wall = read_clocks().wall;
    const auto bytes = encode_peer(message, members_.now().id, claim, wall);
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
    } else if (!is_from(frame, decoded->message.from)) {
      ++counters_.impostor;
      drop(frame,
           fmt::format("it calls itself server {}, and its key is another one's",
                       decoded->message.from.value),
           now, notes);
    } else if (!takes_part(*decoded)) {
      ++counters_.replaced;
      drop_replaced(frame, *decoded, now, notes);
    } else {
      ++counters_.received;
      const auto from = decoded->message.from;
      if (decoded->wall) members_.clock().heard(from, *decoded->wall, now);
      if (decoded->claim && members_.learn(from, *decoded->claim)) moved_.push_back(from);
      look_whether_heard(decoded->message, now);
      messages.push_back(std::move(decoded->message));
    }
  }
  return max;
}

// A heartbeat tells which of this server's the other one heard last.
void PeerLinks::look_whether_heard(const peer::Message& message, replica::Clock now) {
  const auto* beat = std::get_if<peer::Heartbeat>(&message.body);
  if (beat == nullptr) return;
  auto* link = find(message.from);
  if (link == nullptr || !link->up) return;
  if (beat->heard_ms > 0 && now.value - beat->heard_ms < unheard_ms) {
    link->useless = {};
  } else if (link->useless == replica::Clock{}) {
    link->useless = now;
  }
}

// The handler of handshakes names the server whose key a connection has.
bool PeerLinks::is_from(const zmq::message_t& frame, ServerId server) const {
  if (!encrypted()) return true;
  auto& message = const_cast<zmq::message_t&>(frame);
  const char* user = zmq_msg_gets(message.handle(), "User-Id");
  return user != nullptr && std::to_string(server.value) == user;
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
  if (!encrypted()) {
    send_alone(bytes, server, place, {});
    return;
  }
  for (const auto& key : members_.former_keys(server)) send_alone(bytes, server, place, key);
}

void PeerLinks::tell_former(ServerId server, const std::string& address, replica::Clock now) {
  auto& told = told_former_[server];
  if (told != replica::Clock{} && now.value - told.value < tell_every_ms) return;
  told = now;
  for (const auto& place : members_.former(server)) tell_superseded(server, place);
  auto there = members_.now().servers.at(server.value).place();
  tell_superseded(server, there);  // only a machine with a former key understands it
  if (there.host == address) return;
  there.host = address;
  tell_superseded(server, there);
}

void PeerLinks::send_alone(const Bytes& bytes, ServerId server, const Place& place,
                           const PublicKey& key) {
  const ServerConfig there{server, place.host, place.client_port, place.peer_port};
  try {
    zmq::socket_t push(context_, zmq::socket_type::push);
    use(push, context_, IoThread::servers);
    push.set(zmq::sockopt::ipv6, true);
    push.set(zmq::sockopt::linger, tell_linger_ms);
    if (!key.empty()) connect_curve(push, own_->present(), key);
    push.connect(there.peer_endpoint());
    zmq_send(push.handle(), bytes.data(), bytes.size(), ZMQ_DONTWAIT);
  } catch (const zmq::error_t&) {  // no place that could be reached, or no socket is left
  }
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
      if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        link->up = true;
        link->failed = false;
        link->again_at = {};
        link->useless = {};
        continue;
      }
      link->up = false;
      if ((event & failed_events) != 0) {
        link->failed = true;
        ++counters_.shaken;
        continue;
      }
      any = true;
      was_connected = was_connected || (event == ZMQ_EVENT_DISCONNECTED && !link->failed);
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

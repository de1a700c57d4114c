#include "client/connection.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <utility>

#include "protocol/keys.hpp"
#include "protocol/limits.hpp"

namespace chat262::client {
namespace {

constexpr std::int64_t connect_patience_ms = 1000;  // then a new attempt beats the kernel's retries
constexpr int unacknowledged_ms_max = 5000;         // then the kernel resets a cut connection

constexpr int failed_events = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

void encrypt(zmq::socket_t& socket, const PublicKey& server) {
  static const KeyPair own = new_key_pair();  // proves nothing
  const auto& secret = own.secret.bytes();
  socket.set(zmq::sockopt::curve_secretkey, zmq::const_buffer(secret.data(), secret.size()));
  socket.set(zmq::sockopt::curve_publickey,
             zmq::const_buffer(own.key.bytes.data(), PublicKey::size));
  socket.set(zmq::sockopt::curve_serverkey,
             zmq::const_buffer(server.bytes.data(), PublicKey::size));
}

std::string fresh_monitor_name() {
  static std::atomic<std::uint64_t> count{0};
  return "inproc://chat262-client-monitor-" + std::to_string(++count);
}

}  // namespace

std::int64_t monotonic_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

Connection::Connection(zmq::context_t& context, std::string endpoint, const PublicKey& key)
    : context_(context), endpoint_(std::move(endpoint)), key_(key) {}

void Connection::move(std::string endpoint, const PublicKey& key) {
  close();
  endpoint_ = std::move(endpoint);
  key_ = key;
  trouble_.clear();
}

Connection::Result Connection::ask(const Bytes& frame, std::int64_t until_ms, int cancel_fd) {
  Result result;
  bool fresh = open_if_needed(monotonic_ms());
  if (!socket_) return {.outcome = Outcome::failed};
  unsigned losses = losses_;
  for (;;) {
    if (!result.sent) result.sent = send_now(frame);
    read_monitor();  // before the socket: an answer may come just before the end of the connection
    if (result.sent && receive_now(result.answer)) {
      result.outcome = Outcome::answered;
      return result;
    }
    if (losses_ != losses) {
      result.outcome = Outcome::failed;
      if (result.sent || fresh) return result;
      // It had been lost before, while nobody looked: that says nothing about the server now.
      fresh = open_if_needed(monotonic_ms());
      if (!socket_) return result;
      losses = losses_;
      result.outcome = Outcome::silent;
      continue;
    }
    const std::int64_t left_ms = until_ms - monotonic_ms();
    if (left_ms <= 0) return result;
    const short wanted = result.sent ? ZMQ_POLLIN : ZMQ_POLLOUT;
    zmq_pollitem_t items[] = {{socket_->handle(), 0, wanted, 0},
                              {monitor_->handle(), 0, ZMQ_POLLIN, 0},
                              {nullptr, cancel_fd, ZMQ_POLLIN, 0}};
    const int count = cancel_fd >= 0 ? 3 : 2;
    const int ready = zmq_poll(items, count, static_cast<long>(left_ms));  // EINTR: look again
    if (ready > 0 && count == 3 && (items[2].revents & ZMQ_POLLIN) != 0) {
      result.outcome = Outcome::cancelled;
      return result;
    }
  }
}

// A connection that is up is kept. One that was lost, or that cannot be made, is tried anew at
// once: libzmq itself would wait for its reconnect interval first.
bool Connection::open_if_needed(std::int64_t now_ms) {
  if (socket_) {
    read_monitor();
    if (state_ == State::up) return false;
    if (state_ == State::connecting && now_ms - opened_ms_ < connect_patience_ms) return false;
  }
  close();
  try {
    auto socket = std::make_unique<zmq::socket_t>(context_, zmq::socket_type::req);
    socket->set(zmq::sockopt::linger, 0);
    socket->set(zmq::sockopt::req_relaxed, true);
    socket->set(zmq::sockopt::req_correlate, true);
    socket->set(zmq::sockopt::immediate, true);
    socket->set(zmq::sockopt::ipv6, true);
    socket->set(zmq::sockopt::reconnect_ivl, 50);
    socket->set(zmq::sockopt::reconnect_ivl_max, 500);
    socket->set(zmq::sockopt::tcp_maxrt, unacknowledged_ms_max);
    socket->set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(limits::reply_frame_bytes_max));
    if (!key_.empty()) encrypt(*socket, key_);
    const std::string name = fresh_monitor_name();
    const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_CLOSED |
                       ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED | failed_events;
    if (zmq_socket_monitor(socket->handle(), name.c_str(), events) != 0) return true;
    auto monitor = std::make_unique<zmq::socket_t>(context_, zmq::socket_type::pair);
    monitor->set(zmq::sockopt::linger, 0);
    monitor->connect(name);
    socket->connect(endpoint_);
    socket_ = std::move(socket);
    monitor_ = std::move(monitor);
    state_ = State::connecting;
    opened_ms_ = now_ms;
  } catch (const zmq::error_t&) {
    close();  // no descriptors left, or no such address: as good as refused
  }
  return true;
}

void Connection::close() {
  if (socket_) zmq_socket_monitor(socket_->handle(), nullptr, 0);
  monitor_.reset();
  socket_.reset();
  state_ = State::closed;
}

bool Connection::send_now(const Bytes& frame) {
  return zmq_send(socket_->handle(), frame.data(), frame.size(), ZMQ_DONTWAIT) >= 0;
}

bool Connection::receive_now(Bytes& answer) {
  zmq::message_t first;
  if (zmq_msg_recv(first.handle(), socket_->handle(), ZMQ_DONTWAIT) < 0) return false;
  const auto* begin = static_cast<const std::uint8_t*>(first.data());
  answer.assign(begin, begin + first.size());
  bool more = first.more();
  while (more) {  // a reply is one frame; a stray second one must not stay in the socket
    zmq::message_t rest;
    if (zmq_msg_recv(rest.handle(), socket_->handle(), ZMQ_DONTWAIT) < 0) break;
    more = rest.more();
  }
  return true;
}

void Connection::read_monitor() {
  for (;;) {
    zmq::message_t event;
    if (zmq_msg_recv(event.handle(), monitor_->handle(), ZMQ_DONTWAIT) < 0) return;
    zmq::message_t address;
    if (event.more()) zmq_msg_recv(address.handle(), monitor_->handle(), 0);
    std::uint16_t kind = 0;
    if (event.size() < sizeof kind) continue;
    std::memcpy(&kind, event.data(), sizeof kind);
    std::uint32_t value = 0;
    if (event.size() >= sizeof kind + sizeof value) {
      std::memcpy(&value, static_cast<const char*>(event.data()) + sizeof kind, sizeof value);
    }
    if ((kind & failed_events) != 0) handshake_failed(kind, value);
    if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) trouble_.clear();
    // Connected alone proves nothing: a stopped process still accepts connections.
    state_ = kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? State::up : State::down;
    if (state_ == State::down) ++losses_;
  }
}

// Who of both hangs up first is chance: then less is known.
void Connection::handshake_failed(std::uint16_t event, std::uint32_t why) {
  const bool mismatch = event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL &&
                        why == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
    trouble_ = "it refuses this client";
  } else if (key_.empty()) {
    trouble_ = mismatch ? "its connections are encrypted: name the cluster file, with --cluster"
                        : "it hung up; if its connections are encrypted: name the cluster file, "
                          "with --cluster";
  } else {
    trouble_ = mismatch
                   ? "its connections are not encrypted, and the cluster file says they are"
                   : "it did not prove the key that it should have, or its connections are not "
                     "encrypted";
  }
}

}  // namespace chat262::client

#include "broker/self_test.hpp"

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "broker/curve.hpp"

namespace chat262::broker {

namespace {

constexpr int decisive_events =
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
    ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

struct Trial {
  const char* who;
  bool expected;
  zmq::socket_t socket;
  zmq::socket_t monitor;
  std::optional<bool> admitted;
};

class Trials {
 public:
  explicit Trials(const SelfTest& test) : test_(test) {
    const auto stranger = new_key_pair();
    begin("this server itself, at the servers' port", true, true, &test.own);
    begin("a stranger's key, at the servers' port", false, true, &stranger);
    begin("somebody without encryption, at the servers' port", false, true, nullptr);
    begin("a client, at the clients' port", true, false, &stranger);
    begin("somebody without encryption, at the clients' port", false, false, nullptr);
  }
  ~Trials() {
    for (auto& trial : trials_) zmq_socket_monitor(trial.socket.handle(), nullptr, 0);
  }
  Trials(const Trials&) = delete;
  Trials& operator=(const Trials&) = delete;

  Result<void> run() {
    using namespace std::chrono;
    const auto end = steady_clock::now() + milliseconds(test_.ms_max);
    while (!all_decided()) {
      const auto left = duration_cast<milliseconds>(end - steady_clock::now()).count();
      if (left <= 0) break;
      std::vector<zmq::pollitem_t> items;
      for (auto& trial : trials_) items.push_back({trial.monitor.handle(), 0, ZMQ_POLLIN, 0});
      zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(left));
      for (auto& trial : trials_) look(trial);
    }
    for (const auto& trial : trials_) {
      if (trial.admitted == trial.expected) continue;
      return fail(
          Errc::system,
          std::string("this server's sockets fail their test, so it does not serve: ") + trial.who +
              (!trial.admitted
                   ? " has got no answer within " + std::to_string(test_.ms_max / 1000) + " s"
               : *trial.admitted ? " was admitted"
                                 : " was not admitted"));
    }
    return {};
  }

 private:
  void begin(const char* who, bool expected, bool peer, const KeyPair* pair) {
    const auto type = peer ? zmq::socket_type::push : zmq::socket_type::dealer;
    Trial trial{who, expected, {context_, type}, {context_, zmq::socket_type::pair}, {}};
    trial.socket.set(zmq::sockopt::ipv6, true);
    for (auto* socket : {&trial.socket, &trial.monitor}) socket->set(zmq::sockopt::linger, 0);
    if (pair != nullptr) connect_curve(trial.socket, *pair, test_.own.key);
    const auto name = "inproc://trial-" + std::to_string(trials_.size());
    if (zmq_socket_monitor(trial.socket.handle(), name.c_str(), decisive_events) != 0) {
      throw zmq::error_t();
    }
    trial.monitor.connect(name);
    trial.socket.connect(peer ? test_.peer_endpoint : test_.client_endpoint);
    trials_.push_back(std::move(trial));
  }

  [[nodiscard]] bool all_decided() const {
    for (const auto& trial : trials_) {
      if (!trial.admitted) return false;
    }
    return true;
  }

  static void look(Trial& trial) {
    zmq::message_t frame;
    while (zmq_msg_recv(frame.handle(), trial.monitor.handle(), ZMQ_DONTWAIT) >= 0) {
      if (!frame.more()) continue;
      std::uint16_t event = 0;
      if (frame.size() >= sizeof event) std::memcpy(&event, frame.data(), sizeof event);
      // On a machine that is very busy a handshake may take too long: libzmq connects again.
      if (trial.expected && event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) continue;
      // Once admitted is too often.
      trial.admitted = trial.admitted.value_or(false) || event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    }
  }

  const SelfTest& test_;
  zmq::context_t context_;
  std::vector<Trial> trials_;
};

}  // namespace

Result<void> test_admission(const SelfTest& test) {
  try {
    return Trials(test).run();
  } catch (const zmq::error_t& error) {
    return fail(Errc::system,
                std::string("this server's sockets cannot be tested: ") + error.what());
  }
}

}  // namespace chat262::broker

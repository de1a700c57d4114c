// The ZAP handler (ZeroMQ RFC 27): libzmq asks it about every connection before it is taken, on a
// thread of its own, so that handshakes go on whatever the reactor does.
//
// With CURVE alone libzmq admits every key. So no handler means no service: the sockets enforce
// their domain, the start is tested (self_test.hpp), and the reactor watches the thread.
//
// Owned by the reactor; what it calls is not thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "broker/handshakes.hpp"
#include "broker/replica/io.hpp"

namespace chat262::broker {

class ZapHandler {
 public:
  // For all sockets of `context`, which must outlive it and have no other handler.
  ZapHandler(zmq::context_t& context, const ServiceLimits& limits, bool encrypted);
  ~ZapHandler();
  ZapHandler(const ZapHandler&) = delete;
  ZapHandler& operator=(const ZapHandler&) = delete;

  // From now on these keys are the servers'.
  void know(std::vector<KnownKey> keys);

  struct News {  // who was not admitted
    Handshakes::Outcome outcome{};
    std::string domain;
    std::string address;
    std::optional<ServerId> server;  // whose former key it was
  };
  // What happened since the last call, at most news_max of it.
  [[nodiscard]] std::vector<News> take_news();
  static constexpr std::size_t news_max = 64;

  // To be called every turn: whether the thread still answers. It counts questions that stayed
  // without an answer although the caller itself ran, so a process or machine that was stopped is
  // no reason.
  [[nodiscard]] bool watch(replica::Clock now);
  [[nodiscard]] replica::Clock next_question() const { return next_question_; }
  static constexpr std::int64_t ask_every_ms = 500;
  static constexpr unsigned unanswered_max = 6;  // questions in a row: 3 s

 private:
  void run();
  void answer_handshake();
  [[nodiscard]] Handshakes::Verdict judge(const std::vector<zmq::message_t>& frames);

  Handshakes handshakes_;  // the thread's
  zmq::socket_t asked_;    // the thread's
  zmq::socket_t pulse_;    // the thread's; other end:
  zmq::socket_t watch_;
  std::mutex mutex_;  // of the next two
  std::vector<KnownKey> keys_;
  std::vector<News> news_;
  replica::Clock next_question_{};
  std::uint64_t questions_ = 0;
  std::uint64_t answered_ = 0;
  unsigned unanswered_ = 0;
  std::thread thread_;
};

}  // namespace chat262::broker

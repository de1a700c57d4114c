// Gets one request at a time answered, as the client library's Caller does: the real Retry over the
// simulated wires.
#pragma once

#include <functional>
#include <optional>

#include "client/retry.hpp"
#include "test/simulation/history.hpp"
#include "test/support/world.hpp"

namespace chat262::test {

class Caller {
 public:
  // `tickets`: where numbers of tries come from; shared by all callers of a run.
  Caller(World& world, Random& random, std::uint64_t& tickets, unsigned servers);

  [[nodiscard]] bool busy() const { return busy_; }
  void begin(const Request& request, Time timeout);
  [[nodiscard]] Time due() const { return busy_ ? wakes_ : never; }
  void run();  // the poll ran out, or a pause is over
  // True if it was about this caller's present try. nullptr: the connection broke.
  bool hear(std::uint64_t ticket, const Bytes* frame);

  // The decisive answer, once it is there; nothing after giving up.
  [[nodiscard]] const std::optional<Reply>& reply() const { return reply_; }

 private:
  void follow(const client::Retry::Step& step);
  void happened(const client::Retry::Event& event);
  [[nodiscard]] client::Retry::Event judge(Reply reply);
  [[nodiscard]] std::int64_t now_ms() const { return world_.now() / milliseconds; }

  World& world_;
  Random& random_;
  std::uint64_t& tickets_;
  client::Retry retry_;
  Request request_;
  bool busy_ = false;
  bool asking_ = false;
  std::uint64_t ticket_ = 0;
  Time wakes_ = never;
  std::optional<Reply> reply_;
};

}  // namespace chat262::test

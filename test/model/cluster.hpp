// A whole cluster at one moment, as numbers.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <vector>

#include "test/model/servers.hpp"

namespace chat262::model {

struct Event {
  Kind kind{};
  std::uint8_t server = 0;
  std::uint8_t other = 0;  // the peer or operation; for `deliver` the sender
  enum class Net : std::uint8_t {
    none,
    lose,
    cut,
    heal,
    hold,
    release
  } net = Net::none;  // not of one server
  bool operator==(const Event&) const = default;
  [[nodiscard]] bool is_planned() const;  // of a kind that stands in Bounds::plan, if there is one
  [[nodiscard]] std::uint16_t packed() const;
  static Event unpacked(std::uint16_t value);
};

// What is under way from one server to another, first in first out.
class Way {
 public:
  static constexpr std::size_t size_max = 15;  // more would be a flood; push() then throws
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] MessageNumber front() const { return messages_[0]; }
  [[nodiscard]] MessageNumber* begin() { return messages_.data(); }
  [[nodiscard]] MessageNumber* end() { return messages_.data() + size_; }
  [[nodiscard]] const MessageNumber* begin() const { return messages_.data(); }
  [[nodiscard]] const MessageNumber* end() const { return messages_.data() + size_; }
  void push(MessageNumber message);
  void pop() { std::copy(begin() + 1, end(), begin()), --size_; }
  void clear() { size_ = 0; }

 private:
  std::uint8_t size_ = 0;
  std::array<MessageNumber, size_max> messages_{};
};

struct Cluster {
  std::array<ServerNumber, servers> server{};
  std::array<Way, servers * servers> channel;  // from * servers + to
  std::uint32_t history = 0;                   // what was committed anywhere
  std::uint8_t acknowledged = 0;
  std::uint8_t submitted = 0;  // operations, in their order: they differ by nothing but their name
  std::uint8_t cut_off = none;
  std::uint8_t retries = 0, crashes = 0, restarts = 0, takeovers = 0, heartbeats = 0, cuts = 0,
               late = 0, ask_waits = 0, holds = 0, planned = 0;
  std::uint16_t held = 0;  // ways and, on the diagonal, disks: a bit each

  static constexpr std::uint8_t none = 255;
  [[nodiscard]] Way& way(unsigned from, unsigned to) { return channel[from * servers + to]; }
  [[nodiscard]] const Way& way(unsigned from, unsigned to) const {
    return channel[from * servers + to];
  }
  [[nodiscard]] bool connected(unsigned a, unsigned b) const {
    return cut_off == none || (a != cut_off && b != cut_off);
  }
  [[nodiscard]] bool quiet() const;  // no message is under way

  void pack(std::vector<std::uint8_t>& to) const;  // appends
  static Cluster unpack(const std::uint8_t* from);
};

}  // namespace chat262::model

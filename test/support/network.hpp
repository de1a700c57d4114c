// The simulated network: for each ordered pair of servers one first-in first-out channel.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "test/support/disk.hpp"

namespace chat262::test {

struct Flying {
  Time arrives = 0;
  peer::Message message;
};

struct Channel {
  Time delay = 1 * milliseconds;
  bool cut = false;             // what is sent is lost; what flew already too
  bool held = false;            // nothing arrives until released
  std::set<std::string> drops;  // kinds of message that are lost; "*" is every kind
  std::set<std::string> holds;  // kinds that wait in `parked`
  std::deque<Flying> flying;
  std::vector<peer::Message> parked;

  [[nodiscard]] Time due() const { return held || flying.empty() ? never : flying.front().arrives; }
};

class Network {
 public:
  explicit Network(unsigned servers) : servers_(servers), channels_(servers * servers) {}

  [[nodiscard]] Channel& channel(ServerId from, ServerId to) {
    return channels_[from.value * servers_ + to.value];
  }
  [[nodiscard]] const Channel& channel(ServerId from, ServerId to) const {
    return channels_[from.value * servers_ + to.value];
  }

  // It arrives after the channel's delay and `extra`. False: it is lost.
  [[nodiscard]] bool send(ServerId to, const peer::Message& message, Time now, Time extra);
  // What waited because of `hold` goes on its way, in its order, behind what flies.
  void release(ServerId from, ServerId to, Time now);
  // The connection breaks: what flies is lost; the next message goes over a new one.
  void reset(ServerId from, ServerId to) { channel(from, to).flying.clear(); }
  void cut(ServerId from, ServerId to);
  void heal();  // every cut, hold and drop ends; delays stay

  // Both directions work, so that a connection can be made.
  [[nodiscard]] bool connects(ServerId from, ServerId to) const {
    return !channel(from, to).cut && !channel(to, from).cut;
  }

 private:
  unsigned servers_;
  std::vector<Channel> channels_;
};

}  // namespace chat262::test

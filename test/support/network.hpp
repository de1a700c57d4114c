// The simulated network: for each ordered pair of servers what a PUSH that reconnects to a PULL can
// do. One connection delivers in order, each message at most once. When it breaks, what it carried
// is lost, or comes in beside the first messages of the next one. What was sent to a process that
// died may reach its successor.
#pragma once

#include <algorithm>
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
  bool cut = false;              // what is sent is lost; what flew already too
  bool held = false;             // nothing arrives until released
  std::set<std::string> drops;   // kinds of message that are lost; "*" is every kind
  std::set<std::string> holds;   // kinds that wait in `parked`
  unsigned loss_percent = 0;     // of what is sent, as a full queue loses it
  bool queues_for_next = false;  // what meets a dead process waits for the next one
  std::deque<Flying> flying;
  std::deque<Flying> late;           // of a connection that is broken; each arrives in its order
  std::deque<peer::Message> queued;  // for the next life of the receiver
  std::vector<peer::Message> parked;

  [[nodiscard]] Time due() const {
    if (held) return never;
    const Time next = flying.empty() ? never : flying.front().arrives;
    return late.empty() ? next : std::min(next, late.front().arrives);
  }
  [[nodiscard]] peer::Message take();  // what is due first
};

inline constexpr std::size_t queue_max = 256;  // messages; more are lost

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
  // The connection breaks: what flies is lost, or comes late; the next message goes over a new one.
  void reset(ServerId from, ServerId to, bool comes_late);
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

#include "test/support/network.hpp"

#include <algorithm>

#include "test/support/text.hpp"

namespace chat262::test {

bool Network::send(ServerId to, const peer::Message& message, Time now, Time extra) {
  Channel& way = channel(message.from, to);
  const bool filtered =
      !way.drops.empty() && (way.drops.contains("*") || way.drops.contains(kind_of(message.body)));
  if (way.cut || filtered) return false;
  if (!way.holds.empty() && way.holds.contains(kind_of(message.body))) {
    way.parked.push_back(message);
    return true;
  }
  const Time behind = way.flying.empty() ? 0 : way.flying.back().arrives;
  way.flying.push_back({std::max(now + way.delay + extra, behind), message});
  return true;
}

void Network::release(ServerId from, ServerId to, Time now) {
  Channel& way = channel(from, to);
  way.held = false;
  way.holds.clear();
  for (Flying& flying : way.flying) flying.arrives = std::max(flying.arrives, now + way.delay);
  const Time last = way.flying.empty() ? now + way.delay : way.flying.back().arrives;
  for (peer::Message& message : way.parked) way.flying.push_back({last, std::move(message)});
  way.parked.clear();
}

void Network::cut(ServerId from, ServerId to) {
  channel(from, to).cut = true;
  channel(from, to).flying.clear();
  channel(from, to).parked.clear();
}

void Network::heal() {
  for (Channel& way : channels_) {
    way.cut = false;
    way.held = false;
    way.drops.clear();
    way.holds.clear();
    way.parked.clear();
  }
}

}  // namespace chat262::test

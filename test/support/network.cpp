#include "test/support/network.hpp"

#include "test/support/text.hpp"

namespace chat262::test {

peer::Message Channel::take() {
  const bool older =
      !late.empty() && (flying.empty() || late.front().arrives <= flying.front().arrives);
  std::deque<Flying>& from = older ? late : flying;
  peer::Message message = std::move(from.front().message);
  from.pop_front();
  return message;
}

void Network::reset(ServerId from, ServerId to, bool comes_late) {
  Channel& way = channel(from, to);
  way.late.clear();
  if (comes_late) way.late = std::move(way.flying);
  way.flying.clear();
}

bool Network::send(ServerId to, const peer::Message& message, Time now, Time extra) {
  Channel& way = channel(message.from, to);
  const bool filtered =
      !way.drops.empty() && (way.drops.contains("*") || way.drops.contains(kind_of(message.body)));
  if (way.cut || filtered || way.flying.size() >= queue_max) return false;
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
  Channel& way = channel(from, to);
  way.cut = true;
  way.flying.clear();
  way.late.clear();
  way.parked.clear();
}

void Network::heal() {
  for (Channel& way : channels_) {
    way.cut = false;
    way.held = false;
    way.loss_percent = 0;
    way.drops.clear();
    way.holds.clear();
    way.parked.clear();
  }
}

}  // namespace chat262::test

#include "test/model/cluster.hpp"

#include <algorithm>

#include "test/support/violation.hpp"

namespace chat262::model {

bool Event::is_planned() const {
  return kind == Kind::crash || kind == Kind::start || kind == Kind::robbed ||
         kind == Kind::asked || kind == Kind::submit || net == Net::cut || net == Net::heal;
}

std::uint16_t Event::packed() const {
  return static_cast<std::uint16_t>(static_cast<unsigned>(kind) << 12 | server << 8 | other << 4 |
                                    static_cast<unsigned>(net));
}

Event Event::unpacked(std::uint16_t value) {
  return {static_cast<Kind>(value >> 12), static_cast<std::uint8_t>(value >> 8 & 15),
          static_cast<std::uint8_t>(value >> 4 & 15), static_cast<Net>(value & 15)};
}

void Way::push(MessageNumber message) {
  if (size_ == size_max) throw test::Violation("more messages are under way than the model holds");
  messages_[size_++] = message;
}

bool Cluster::quiet() const {
  return std::all_of(channel.begin(), channel.end(), [](const auto& way) { return way.empty(); });
}

void Cluster::pack(std::vector<std::uint8_t>& to) const {
  const auto put32 = [&to](std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  };
  for (const ServerNumber number : server) put32(number);
  put32(history);
  to.insert(to.end(),
            {acknowledged, submitted, cut_off, retries, crashes, restarts, takeovers, heartbeats,
             cuts, late, ask_waits, holds, planned, static_cast<std::uint8_t>(held & 255),
             static_cast<std::uint8_t>(held >> 8)});
  for (const auto& way : channel) {
    to.push_back(static_cast<std::uint8_t>(way.size()));
    for (const MessageNumber message : way) put32(message);
  }
}

Cluster Cluster::unpack(const std::uint8_t* from) {
  const auto get32 = [&from] {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(*from++) << 8 * i;
    return value;
  };
  Cluster cluster;
  for (ServerNumber& number : cluster.server) number = get32();
  cluster.history = get32();
  for (std::uint8_t* field :
       {&cluster.acknowledged, &cluster.submitted, &cluster.cut_off, &cluster.retries,
        &cluster.crashes, &cluster.restarts, &cluster.takeovers, &cluster.heartbeats, &cluster.cuts,
        &cluster.late, &cluster.ask_waits, &cluster.holds, &cluster.planned}) {
    *field = *from++;
  }
  cluster.held = static_cast<std::uint16_t>(from[0] | from[1] << 8);
  from += 2;
  for (Way& way : cluster.channel) {
    for (unsigned left = *from++; left > 0; --left) way.push(get32());
  }
  return cluster;
}

}  // namespace chat262::model

#include "test/simulation/clients.hpp"

#include <algorithm>

namespace chat262::test {

WalkClients::WalkClients(World& world) {
  Random& random = world.random();
  const auto count = static_cast<unsigned>(random.between(1, 4));
  for (unsigned i = 0; i < count; ++i) {
    Client client;
    client.id = client_named(std::string("c") + std::to_string(i));
    client.hops = random.chance(30);
    clients_.push_back(client);
  }
  think_ = random.between(1, 300) * milliseconds;
  // Large texts, so that logs go over the wire in many pieces.
  if (random.chance(10)) {
    text_bytes_max_ = 40'000;
    think_ += 100 * milliseconds;
  }
  if (random.chance(40)) {
    burst_every_ = random.between(50, 3000) * milliseconds;
    burst_size_max_ = text_bytes_max_ == 0 && random.chance(10) ? 1500 : 30;
    burst_ = world.now() + random.between(0, burst_every_);
  }
}

Time WalkClients::due() const {
  if (stopped_) return never;
  Time due = burst_;
  for (const Client& client : clients_) {
    if (!client.request) due = std::min(due, client.writes);
  }
  return due;
}

void WalkClients::look(World& world) {
  if (seen_ == world.acknowledged()) return;
  seen_ = world.acknowledged();
  for (Client& client : clients_) {
    if (!client.request || !world.request(*client.request).acknowledged) continue;
    client.target = world.request(*client.request).by;
    client.request.reset();
    client.writes = world.now() + world.random().between(0, 2 * think_);
  }
}

void WalkClients::run(World& world) {
  if (stopped_) return;
  for (Client& client : clients_) {
    if (client.request || client.writes > world.now()) continue;
    if (client.hops) {
      client.target = server_id(static_cast<unsigned>(world.random().below(world.servers())));
    }
    const std::size_t bytes = world.random().below(text_bytes_max_ + 1);
    client.request = world.ask({client.id, ++client.number}, client.target, true, bytes);
  }
  if (burst_ <= world.now()) burst(world);
}

void WalkClients::burst(World& world) {
  Random& random = world.random();
  burst_ = world.now() + random.between(1, 2 * burst_every_);
  const ServerId target = server_id(static_cast<unsigned>(random.below(world.servers())));
  const std::uint64_t size = random.below(burst_size_max_ + 1);
  for (std::uint64_t i = 0; i < size; ++i) {
    const ClientId id = client_named("b" + std::to_string(bursts_++));
    const std::size_t bytes = random.below(text_bytes_max_ + 1);
    static_cast<void>(world.ask({id, 1}, target, false, bytes));
  }
}

std::size_t WalkClients::one_more(World& world) {
  return world.ask({client_named("last"), 1}, server_id(0), true);
}

}  // namespace chat262::test

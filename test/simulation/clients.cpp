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
}

Time WalkClients::due() const {
  if (stopped_) return never;
  Time due = never;
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
    client.request = world.ask({client.id, ++client.number}, client.target, true);
  }
}

std::size_t WalkClients::one_more(World& world) {
  return world.ask({client_named("last"), 1}, server_id(0), true);
}

}  // namespace chat262::test

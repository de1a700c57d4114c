// The network between clients and servers. Frames are encoded and decoded as on a real wire.
#include "protocol/codec.hpp"
#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time noticed_after = 1 * milliseconds;

}  // namespace

void World::ask_service(ServerId to, std::uint64_t ticket, const Request& request) {
  Server& server = at(to);
  // The client finds out by its poll.
  if (server.clients_cut || (unreachable && unreachable(request.client, to))) return;
  if (server.life == Life::dead) {
    put_on_wire(noticed_after, {to, ticket, Wire::What::broken, {}});
    return;
  }
  put_on_wire(wire_delay(server), {to, ticket, Wire::What::request, encode_request(request)});
}

Time World::wire_delay(const Server& server) {
  return server.clients_delay + random_.between(0, server.clients_delay);
}

void World::put_on_wire(Time delay, Wire wire) {
  wires_.emplace(std::pair(now_ + delay, next_wire_++), std::move(wire));
}

void World::arrive() {
  Wire wire = std::move(wires_.begin()->second);
  wires_.erase(wires_.begin());
  Server& server = at(wire.server);
  mix(wire.ticket * 4 + static_cast<std::uint64_t>(wire.what));
  if (server.clients_cut && wire.what != Wire::What::broken) return;
  if (wire.what != Wire::What::request) {
    if (hears)
      hears(wire.ticket, wire.server, wire.what == Wire::What::reply ? &wire.frame : nullptr);
    return;
  }
  if (server.life == Life::dead) {
    put_on_wire(noticed_after, {wire.server, wire.ticket, Wire::What::broken, {}});
    return;
  }
  RequestId id{};
  if (const auto request = decode_request(wire.frame); request && is_write(request->body)) {
    id = {request->client, request->number};
  }
  server.open_tickets[wire.ticket] = id;
  gather(server, {wire.ticket, std::move(wire.frame)});
}

// It is checked here, where the answer leaves: no later crash takes it back.
void World::reply(Server& server, std::uint64_t ticket, const Reply& reply) {
  const auto open = server.open_tickets.find(ticket);
  if (open == server.open_tickets.end()) {
    throw Violation(name_of(server) + " answers request " + std::to_string(ticket) +
                    ", which is not open");
  }
  const RequestId id = open->second;
  server.open_tickets.erase(open);
  if (id.number > 0 && reply.status == Status::ok) {
    const auto place = server.log.find(id);
    if (!place || *place > server.commit) {
      throw Violation(name_of(server) + " acknowledges " + text_of(id) +
                      ", which is not committed");
    }
    acknowledged_.push_back({id, server.id});
    check_others_serving();
  }
  put_on_wire(wire_delay(server), {server.id, ticket, Wire::What::reply, encode_reply(reply)});
}

// The end of a process resets its connections; not every reset arrives.
void World::break_tickets(Server& server) {
  for (const auto& [ticket, id] : server.open_tickets) {
    if (random_.chance(10)) continue;
    put_on_wire(noticed_after, {server.id, ticket, Wire::What::broken, {}});
  }
  server.open_tickets.clear();
}

}  // namespace chat262::test

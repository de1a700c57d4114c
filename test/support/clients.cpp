// Clients, and how a server's shell treats their requests.
#include <algorithm>

#include "test/support/server.hpp"
#include "test/support/text.hpp"

namespace chat262::test {

namespace {

inline constexpr Time client_poll = 1000 * milliseconds;
inline constexpr Time refused_pause = 2 * milliseconds;
inline constexpr Time hint_pause = 10 * milliseconds;
inline constexpr Time unavailable_pause = 60 * milliseconds;

Entry entry_for(const RequestId& id, std::int64_t time_ms, std::size_t text_bytes) {
  Operation operation;
  operation.request = id;
  operation.time = TimeMs{{time_ms}};
  op::SendMessage message;
  message.message = message_id(id);
  message.to = AccountId{};
  operation.body = message;
  std::string text = text_of(id);
  if (text.size() < text_bytes) text.resize(text_bytes, '.');
  return make_operation_entry(operation, Bytes(text.begin(), text.end()));
}

}  // namespace

ClientId client_named(const std::string& name) {
  ClientId id;
  std::copy_n(name.begin(), std::min(name.size(), ClientId::size), id.bytes.begin());
  return id;
}

std::size_t World::ask(const RequestId& id, ServerId target, bool follows, std::size_t text_bytes) {
  Write request;
  request.id = id;
  request.entry = entry_for(id, wall_clock_ + now_ / milliseconds, text_bytes);
  request.target = target;
  request.follows = follows;
  request.began = now_;
  requests_.push_back(std::move(request));
  attempt(requests_.size() - 1);
  return requests_.size() - 1;
}

void World::give_up(std::size_t index) {
  requests_[index].follows = false;
  requests_[index].asking = false;
  set_wake(index, never);
}

Time World::clients_due() const {
  return client_wakes_.empty() ? never : client_wakes_.begin()->first;
}

void World::set_wake(std::size_t index, Time when) {
  Write& request = requests_[index];
  if (request.wakes != never) client_wakes_.erase({request.wakes, index});
  request.wakes = when;
  if (when != never) client_wakes_.insert({when, index});
}

void World::next_attempt(std::size_t index, ServerId target, Time after) {
  Write& request = requests_[index];
  request.asking = false;
  request.target = target;
  const Time extra = settings_.random_shell ? random_.between(0, after) : 0;
  set_wake(index, request.follows ? now_ + after + extra : never);
}

// Either the pause before the next attempt is over, or the present one timed out.
void World::wake_client(std::size_t index) {
  Write& request = requests_[index];
  if (request.asking) {
    request.answer = "no answer";
    const unsigned next = (request.target.value + 1U) % settings_.servers;
    next_attempt(index, server_id(next), refused_pause);
    return;
  }
  set_wake(index, never);
  attempt(index);
}

void World::attempt(std::size_t index) {
  Write& request = requests_[index];
  Server& server = at(request.target);
  if (server.life == Life::dead) {
    request.answer = "connection refused";
    const unsigned next = (request.target.value + 1U) % settings_.servers;
    // After a round of refusals a client backs off; a fixed small pause comes to the same.
    next_attempt(index, server_id(next), hint_pause);
    return;
  }
  request.asking = true;
  request.handle = raw_handle | next_handle_++;
  handles_[request.handle] = index;
  set_wake(index, now_ + client_poll);
  server.held.push_back(request.handle);
  turn(server, [&] {
    const auto route = server.node->routing(clock_of(server));
    if (std::holds_alternative<replica::Serve>(route)) return;
    server.node->step(replica::ClientAsked{}, clock_of(server));
  });
}

// Decides about the requests that wait for a decision, as far as the core can say now.
void World::serve_held(Server& server) {
  while (!server.held.empty()) {
    const auto route = server.node->routing(clock_of(server));
    if (std::holds_alternative<replica::Undecided>(route)) return;
    const std::vector<std::uint64_t> held = std::move(server.held);
    server.held.clear();
    const auto* serve = std::get_if<replica::Serve>(&route);
    if (serve != nullptr && serve->writes) {
      replica::Submit submit;
      for (const std::uint64_t handle : held) {
        submit.submissions.push_back({handle, requests_[handles_.at(handle)].entry});
      }
      server.node->step(std::move(submit), clock_of(server));
      continue;
    }
    const std::string text = text_of(route);
    if (std::holds_alternative<replica::Unavailable>(route) && text != server.unavailable) {
      server.unavailable = text;
      tell(true, text_of(server.id) + " " + text);
    }
    const auto* other = std::get_if<replica::NotLeader>(&route);
    for (const std::uint64_t handle : held) {
      answer(handles_.at(handle), handle, server.id, text,
             other != nullptr ? other->leader : std::nullopt);
    }
  }
}

void World::answer(std::size_t index, std::uint64_t handle, ServerId by, const std::string& text,
                   std::optional<ServerId> hint) {
  Write& request = requests_[index];
  if (request.handle != handle || !request.asking) return;  // the client has moved on
  request.answer = text;
  mix(by.value);
  if (telling()) tell(false, text_of(by) + " answers " + text_of(request.id) + " " + text);
  const unsigned next = (by.value + 1U) % settings_.servers;
  next_attempt(index, hint.value_or(server_id(next)), hint ? hint_pause : unavailable_pause);
}

void World::drop_waiting(Server& server) {
  const std::vector<Waiting> dropped = std::move(server.waiting);
  server.waiting.clear();
  for (const Waiting& waiting : dropped) {
    answer(waiting.request, waiting.handle, server.id, "not-leader", std::nullopt);
  }
}

void World::acknowledge_committed(Server& server) {
  std::vector<Waiting> ready;
  std::erase_if(server.waiting, [&server, &ready](const Waiting& waiting) {
    if (waiting.at.seq > server.commit) return false;
    ready.push_back(waiting);
    return true;
  });
  for (const Waiting& waiting : ready) acknowledge(server, waiting);
}

void World::acknowledge(Server& server, const Waiting& waiting) {
  Write& request = requests_[waiting.request];
  check_acknowledged(server, request, waiting.at);
  if (request.acknowledged) return;
  mix(waiting.at.seq.value);
  request.acknowledged = waiting.at;
  request.by = server.id;
  request.asking = false;
  request.answer = "done";
  acknowledged_.push_back({request.id, server.id, true});
  set_wake(waiting.request, never);
  if (telling()) tell(true, text_of(request.id) + " acked by " + text_of(server.id));
  check_others_serving();
}

}  // namespace chat262::test

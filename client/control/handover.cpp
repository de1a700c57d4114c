#include "client/control/handover.hpp"

#include <cstdio>

#include "client/control/control_socket.hpp"
#include "protocol/limits.hpp"

namespace chat262::control {

namespace {
constexpr std::int64_t handover_within_ms = 10'000;  // the servers give up sooner, and say why
}

Exit hand_over(const std::filesystem::path& data, std::optional<unsigned> to) {
  if (to && *to >= limits::servers_max) {
    throw Failure{Exit::usage, "there is no server " + std::to_string(*to)};
  }
  ControlSocket server(data_directory(data));
  request::Handover request;
  if (to) request.to = server_id(*to);
  const auto begin = client::monotonic_ms();
  const auto done = server.get<reply::HandedOver>(request, handover_within_ms);
  const unsigned leader = done.leader.value;
  std::printf("server %u leads, in epoch %llu.%u; it took %lld ms\n", leader,
              static_cast<unsigned long long>(done.epoch.counter),
              unsigned{done.epoch.server.value},
              static_cast<long long>(client::monotonic_ms() - begin));
  if (to && leader != *to) {
    throw Failure{Exit::degraded, "server " + std::to_string(*to) +
                                      " was to lead and did not take over: see its log"};
  }
  return Exit::ok;
}

}  // namespace chat262::control

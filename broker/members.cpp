#include "broker/members.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace chat262::broker {

namespace {

constexpr Seq highest = seq(~std::uint64_t{0});

void set_place(ServerConfig& server, const Place& place) {
  server.host = place.host;
  server.client_port = place.client_port;
  server.peer_port = place.peer_port;
}

}  // namespace

std::string place_text(const Place& place) {
  const bool v6 = place.host.find(':') != std::string::npos;
  auto text = fmt::format("{}{}{}:{}", v6 ? "[" : "", place.host, v6 ? "]" : "", place.client_port);
  if (place.peer_port != place.client_port + 1) {
    text += fmt::format(" (peer port {})", place.peer_port);
  }
  return text;
}

Members::Members(const ClusterConfig& file, ServerId self,
                 const std::vector<store::ReplacedServer>& said)
    : file_(file), self_(self), now_(file) {
  take(said, highest);
  listens_ = now_.servers.at(self.value).place();
}

std::vector<ServerId> Members::take(const std::vector<store::ReplacedServer>& said, Seq commit) {
  std::vector<ServerId> moved;
  for (auto& server : now_.servers) {
    const auto found =
        std::find_if(said.begin(), said.end(), [&](const store::ReplacedServer& one) {
          return one.server == server.id && one.cluster == file_.id;
        });
    const bool any = found != said.end();
    if (any && found->at > commit) continue;
    const Place place = any ? found->place : file_.servers[server.id.value].place();
    of(server.id).replaced = any ? found->times : 0;
    of(server.id).at = any ? found->at : Seq{};
    if (place == server.place()) continue;
    set_place(server, place);
    moved.push_back(server.id);
  }
  return moved;
}

// Who knows of more replacements than this server does is right; this one is behind. A new machine
// with an empty log knows of none, but is where the log says.
bool Members::takes_part(ServerId server, const std::optional<peer::Claim>& claim) const {
  const auto known = replaced(server);
  if (known == 0) return true;
  if (!claim) return false;
  return claim->replaced > known || claim->place == now_.servers.at(server.value).place();
}

bool Members::self_replaced() const {
  return replaced(self_) > 0 && now_.servers.at(self_.value).place() != listens_;
}

std::string Members::difference() const {
  std::string text;
  for (const auto& server : now_.servers) {
    const auto before = file_.servers[server.id.value].place();
    if (before == server.place()) continue;
    text += fmt::format("{}server {} is at {} since entry {}, not at {}", text.empty() ? "" : "; ",
                        server.id.value, place_text(server.place()), of(server.id).at.value,
                        place_text(before));
  }
  return text;
}

}  // namespace chat262::broker

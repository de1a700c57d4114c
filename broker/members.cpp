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

Members::Members(const ClusterConfig& file, ServerId self,
                 const std::vector<store::ReplacedServer>& said,
                 const std::vector<store::ServerKey>& keys)
    : file_(file), self_(self), now_(file) {
  take(said, highest);
  // Until the log is read, a key that was changed is as good as the new one.
  take_keys(keys, highest, TimeMs{}, replica::Clock{});
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
    if ((any ? found->times : 0) < of(server.id).claimed) continue;  // the log is behind
    const Place place = any ? found->place : file_.servers[server.id.value].place();
    of(server.id).replaced = any ? found->times : 0;
    of(server.id).at = any ? found->at : Seq{};
    if (place == server.place()) continue;
    of(server.id).before = server.place();
    set_place(server, place);
    moved.push_back(server.id);
  }
  return moved;
}

bool Members::learn(ServerId server, const peer::Claim& claim) {
  Server& known = of(server);
  if (encrypted()) known.keys.claimed = claim.key == key(server) ? PublicKey{} : claim.key;
  if (claim.replaced <= std::max(known.replaced, known.claimed)) return false;
  known.claimed = claim.replaced;
  ServerConfig& config = now_.servers.at(server.value);
  if (config.place() == claim.place) return false;
  known.before = config.place();
  set_place(config, claim.place);
  return true;
}

reply::Cluster Members::reply() const {
  reply::Cluster cluster;
  cluster.id = now_.id;
  cluster.policy = policy_name(now_.policy);
  cluster.settings = settings_to_toml(now_);
  for (const auto& server : now_.servers) {
    cluster.servers.push_back({server.id, server.place(), replaced(server.id), server.key});
  }
  return cluster;
}

// Who knows of more replacements than this server does is right; this one is behind. A new machine
// with an empty log knows of none, but is where the log says.
bool Members::takes_part(ServerId server, const std::optional<peer::Claim>& claim) const {
  const auto known = replaced(server);
  const auto& former = of(server).keys.former;
  if (claim && std::find(former.begin(), former.end(), claim->key) != former.end()) return false;
  if (known == 0) return true;
  if (!claim) return false;
  return claim->replaced > known || claim->place == now_.servers.at(server.value).place();
}

std::vector<Place> Members::former(ServerId server) const {
  std::vector<Place> places{file_.servers.at(server.value).place()};
  if (of(server).before && *of(server).before != places[0]) places.push_back(*of(server).before);
  std::erase(places, now_.servers.at(server.value).place());
  return places;
}

peer::Superseded Members::superseded(ServerId server) const {
  return {server, replaced(server), now_.servers.at(server.value).place()};
}

bool Members::means_this(const peer::Superseded& said) const {
  if (said.server != self_) return false;
  if (said.place != listens_) return said.replaced >= replaced(self_);
  // At one place only the key tells machines apart, and this was said to who has a former one.
  return encrypted() && said.replaced > replaced(self_);
}

bool Members::self_replaced() const {
  const auto& former = of(self_).keys.former;
  return (replaced(self_) > 0 && now_.servers.at(self_.value).place() != listens_) ||
         std::find(former.begin(), former.end(), proves_) != former.end();
}

std::optional<ServerId> Members::outdated(const replica::Summary& summary,
                                          std::uint8_t level) const {
  for (const auto& peer : summary.peers) {
    if (peer.heard && this->level(peer.id) < level) return peer.id;
  }
  return std::nullopt;
}

std::string Members::difference() const {
  std::string text;
  for (const auto& server : now_.servers) {
    const auto& known = of(server.id);
    const auto& filed = file_.servers[server.id.value];
    const auto add = [&text](const std::string& more) {
      text += (text.empty() ? "" : "; ") + more;
    };
    if (const auto before = filed.place(); before != server.place()) {
      const auto since = known.at == Seq{} ? std::string("as it says itself")
                                           : fmt::format("since entry {}", known.at.value);
      add(fmt::format("server {} is at {} {}, not at {}", server.id.value,
                      place_text(server.place()), since, place_text(before)));
    }
    if (server.key != filed.key) {
      add(fmt::format("server {} has another key since entry {}", server.id.value,
                      known.keys.at.value));
    }
  }
  return text;
}

}  // namespace chat262::broker

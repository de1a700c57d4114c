// The servers' keys: what the log says of them, and whose are admitted.
#include <algorithm>
#include <limits>

#include "broker/members.hpp"

namespace chat262::broker {

namespace {

void add(std::vector<PublicKey>& keys, const PublicKey& key) {
  if (!key.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
}

}  // namespace

// A replacement appends the new machine's key before its place. So what was the key before belongs
// to a replaced machine if the place is the later entry, and else to the same one.
std::vector<ServerId> Members::take_keys(const std::vector<store::ServerKey>& said, Seq commit,
                                         TimeMs wall, replica::Clock now) {
  std::vector<ServerId> changed;
  if (!encrypted()) return changed;
  for (auto& server : now_.servers) {
    const auto found = std::find_if(said.begin(), said.end(), [&](const store::ServerKey& one) {
      return one.server == server.id && one.cluster == file_.id;
    });
    const bool any = found != said.end();
    if (any && found->at > commit) continue;
    const auto& filed = file_.servers[server.id.value].key;
    const auto key = any ? found->key : filed;
    auto& known = of(server.id).keys;
    const auto at = any ? found->at : Seq{};
    const bool dated = now != replica::Clock{};
    // The key may be committed before the place is, and be judged again then.
    const bool judged = at == known.at && since(server.id) == known.since;
    if (key == server.key && judged && (known.dated || !dated)) continue;
    known.since = since(server.id);
    known.dated = dated;
    const bool same_machine = !any || found->at > since(server.id);
    const auto before = any && !found->before.empty() ? found->before : filed;
    known.before = PublicKey{};
    known.former.clear();
    if (any && !same_machine) {
      for (const auto& old : {before, filed, server.key}) {
        if (old != key) add(known.former, old);
      }
    } else if (any && before != key) {
      known.before = before;
      const auto age =
          std::clamp<std::int64_t>(wall.value - found->time.value, 0, former_key_ms_max);
      known.before_until = dated ? replica::clock_ms(now.value + former_key_ms_max - age)
                                 : replica::clock_ms(std::numeric_limits<std::int64_t>::max());
    }
    if (replaced(server.id) > 0 && filed != key && filed != known.before) add(known.former, filed);
    known.at = at;
    known.claimed = PublicKey{};
    if (key == server.key) continue;
    server.key = key;
    changed.push_back(server.id);
  }
  return changed;
}

std::vector<PublicKey> Members::keys_to_try(ServerId server) const {
  const auto& known = of(server).keys;
  std::vector<PublicKey> keys;
  add(keys, known.claimed);
  add(keys, key(server));
  add(keys, known.before);
  if (file_counts_) add(keys, file_.servers[server.value].key);
  return keys;
}

std::vector<KnownKey> Members::known_keys(replica::Clock now) const {
  std::vector<KnownKey> all;
  if (!encrypted()) return all;
  for (const auto& server : now_.servers) {
    const auto& known = of(server.id).keys;
    all.push_back({server.key, server.id, false});
    if (!known.before.empty() && now < known.before_until) {
      all.push_back({known.before, server.id, false});
    }
    for (const auto& key : known.former) all.push_back({key, server.id, true});
    if (file_counts_) all.push_back({file_.servers[server.id.value].key, server.id, false});
  }
  // This server tries itself, with a key that the others may not know yet.
  if (!proves_.empty()) all.push_back({proves_, self_, false});
  return all;
}

}  // namespace chat262::broker

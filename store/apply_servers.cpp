// Servers whose numbers are given to other machines, and their keys.
#include "protocol/limits.hpp"
#include "store/apply.hpp"

namespace chat262::store {

// Where connections are encrypted, the key of a new machine comes before its place.
bool Applier::key_is_newer(const ReplacedServer& replaced) const {
  const auto stored = records_.get(schema::server_key_key(replaced.server).text());
  const auto key = stored ? schema::read_server_key(replaced.server, *stored) : std::nullopt;
  return key && key->cluster == replaced.cluster && key->at > replaced.at;
}

Status Applier::operator()(const op::ReplaceServer& body) {
  const Place& place = body.place;
  if (body.cluster.empty() || place.host.empty() || place.host.size() > limits::host_bytes_max ||
      place.client_port == 0 || place.peer_port == 0) {
    return Status::malformed;
  }
  ReplacedServer replaced{
      .server = body.server, .cluster = body.cluster, .times = 1, .place = place, .at = at_.seq};
  schema::Origin origin = origin_;
  const schema::Key key = schema::replaced_key(body.server);
  if (const auto stored = records_.get(key.text())) {
    const auto before = schema::read_replaced(body.server, *stored);
    if (before && before->cluster == body.cluster) {
      // Said twice: but a machine with another key may be at the same place.
      if (before->place == place && !key_is_newer(*before)) return Status::ok;
      replaced.times = before->times + 1;
      const schema::Origin standing = schema::read_origin(*stored);
      // Replaced in both histories. The machine of this one may hold what nobody else does, so it
      // stays; the count rises all the same, since the other machine has the same one.
      if (surely_unknown_there(standing)) {
        replaced.place = before->place;
        replaced.at = before->at;
        origin = standing;
      }
    }
  }
  records_.put(key.text(), schema::replaced_value(replaced, origin).text());
  return Status::ok;
}

Status Applier::operator()(const op::SetServerKey& body) {
  if (body.cluster.empty() || body.key.empty()) return Status::malformed;
  ServerKey next{.server = body.server,
                 .cluster = body.cluster,
                 .key = body.key,
                 .before = {},
                 .time = time_,
                 .at = at_.seq};
  const schema::Key key = schema::server_key_key(body.server);
  if (const auto stored = records_.get(key.text())) {
    const auto standing = schema::read_server_key(body.server, *stored);
    if (standing && standing->cluster == body.cluster) {
      if (standing->key == body.key) return Status::ok;  // said twice
      // Changed in both histories: as with a replacement, the machine of this one stays.
      if (surely_unknown_there(schema::read_origin(*stored))) return Status::ok;
      next.before = standing->key;
    }
  }
  records_.put(key.text(), schema::server_key_value(next, origin_).text());
  return Status::ok;
}

}  // namespace chat262::store

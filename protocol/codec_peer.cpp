// Peer messages: [version, feature level, cluster, from, from inc., to inc., kind, body], and from
// feature level 2 on the sender's claim, if there is one; from level 3 on its key and its wall
// clock behind that. Zero there: it has no key, or does not tell the time.
#include <utility>

#include "protocol/codec.hpp"
#include "protocol/msgpack_io.hpp"

namespace chat262 {

namespace wire {

template <>
struct Last<peer::Role> {
  static constexpr peer::Role value = peer::Role::leader;
};
template <>
struct Last<peer::Health> {
  static constexpr peer::Health value = peer::Health::rebuilding;
};
template <>
struct Last<peer::Farewell> {
  static constexpr peer::Farewell value = peer::Farewell::handover;
};

auto fields(Shape, Like<peer::Hello> auto& m) {
  return std::tie(m.promised, m.last, m.last_hash, m.seen, m.lost_disk);
}
auto fields(Shape, Like<peer::Heartbeat> auto& m) {
  return std::tie(m.promised, m.leader, m.leader_epoch, m.latest_view, m.last, m.commit, m.role,
                  m.health, m.in_sync, m.sent_at_ms, m.disk_idle_ms, m.heard_ms);
}
auto fields(Shape, Like<peer::HeartbeatAck> auto& m) {
  return std::tie(m.epoch, m.sent_at_ms);
}
auto fields(Shape, Like<peer::Append> auto& m) {
  return std::tie(m.epoch, m.previous, m.previous_hash, m.entries, m.commit, m.latest_view);
}
auto fields(Shape, Like<peer::Ack> auto& m) {
  return std::tie(m.epoch, m.durable, m.received);
}
auto fields(Shape, Like<peer::Nack> auto& m) {
  return std::tie(m.promised);
}
auto fields(Shape, Like<peer::Reject> auto& m) {
  return std::tie(m.epoch, m.hint);
}
auto fields(Shape, Like<peer::Offer> auto& m) {
  return std::tie(m.epoch, m.fork, m.operations);
}
auto fields(Shape, Like<peer::Ask> auto& m) {
  return std::tie(m.round);
}
auto fields(Shape, Like<peer::Answer> auto& m) {
  return std::tie(m.round, m.leader, m.leader_epoch);
}
auto fields(Shape, Like<peer::Prepare> auto& m) {
  return std::tie(m.epoch);
}
auto fields(Shape, Like<peer::Promise> auto& m) {
  return std::tie(m.epoch, m.last, m.last_hash, m.view_at, m.view, m.commit, m.in_sync, m.lost_disk,
                  m.health);
}
auto fields(Shape, Like<peer::Fetch> auto& m) {
  return std::tie(m.epoch, m.previous, m.bytes_max);
}
auto fields(Shape, Like<peer::Entries> auto& m) {
  return std::tie(m.epoch, m.previous, m.previous_hash, m.entries);
}
auto fields(Shape, Like<peer::Wait> auto& m) {
  return std::tie(m.epoch, m.ms);
}
auto fields(Shape, Like<peer::Goodbye> auto& m) {
  return std::tie(m.reason, m.epoch, m.successor);
}
auto fields(Shape, Like<peer::Relay> auto& m) {
  return std::tie(m.ticket, m.request);
}
auto fields(Shape, Like<peer::Relayed> auto& m) {
  return std::tie(m.ticket, m.reply);
}
auto fields(Shape, Like<peer::RepairAsk> auto& m) {
  return std::tie(m.from, m.to);
}
auto fields(Shape, Like<peer::RepairAnswer> auto& m) {
  return std::tie(m.from, m.has_none, m.previous_hash, m.entries);
}
auto fields(Shape, Like<peer::Superseded> auto& m) {
  return std::tie(m.server, m.replaced, m.place);
}
auto fields(Shape, Like<peer::FailedSignIn> auto& m) {
  return std::tie(m.name, m.address, m.count);
}
auto fields(Shape, Like<peer::FailedSignIns> auto& m) {
  return std::tie(m.failed);
}
auto fields(Shape, Like<peer::Claim> auto& m) {
  return std::tie(m.replaced, m.place);
}

namespace {

constexpr std::size_t peer_elements = 8;
// A full page of the smallest entries: Entries and Offer are bounded by bytes, not by number.
constexpr std::size_t peer_array_max = limits::batch_bytes_max / 100;
constexpr std::size_t envelope_bytes = 16;  // around each record: array, seq, bin header

std::size_t entries_size(const peer::Body& body) {
  std::size_t size = 0;
  const auto add = [&size](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) size += record_size(entry) + envelope_bytes;
  };
  if (const auto* append = std::get_if<peer::Append>(&body)) add(append->entries);
  if (const auto* offer = std::get_if<peer::Offer>(&body)) add(offer->operations);
  if (const auto* entries = std::get_if<peer::Entries>(&body)) add(entries->entries);
  if (const auto* answer = std::get_if<peer::RepairAnswer>(&body)) add(answer->entries);
  return size;
}

template <class T>
bool get_peer_as(Reader& reader, const msgpack::object& in, peer::Body& out) {
  return reader.get(in, out.emplace<T>());
}

template <std::size_t... I>
bool get_peer_body(Reader& reader, std::uint8_t kind, const msgpack::object& in, peer::Body& out,
                   std::index_sequence<I...>) {
  using Read = bool (*)(Reader&, const msgpack::object&, peer::Body&);
  constexpr Read readers[] = {get_peer_as<std::variant_alternative_t<I, peer::Body>>...};
  if (kind >= sizeof...(I)) return reader.bad("unknown kind " + std::to_string(kind));
  return readers[kind](reader, in, out);
}

}  // namespace
}  // namespace wire

Bytes encode_peer(const peer::Message& message, const ClusterId& cluster,
                  const std::optional<peer::Claim>& claim, const std::optional<TimeMs>& wall) {
  Bytes out;
  out.reserve(256 + wire::entries_size(message.body));
  wire::Writer writer(out);
  // A cluster with keys has no older server.
  const bool extended = claim && (wall || !claim->key.empty());
  writer.array(wire::peer_elements + (claim ? 1 : 0) + (extended ? 2 : 0));
  writer.put(peer::protocol_version);
  writer.put(peer::feature_level);
  writer.put(cluster);
  writer.put(message.from);
  writer.put(message.from_incarnation);
  writer.put(message.to_incarnation);
  writer.put(static_cast<std::uint8_t>(message.body.index()));
  std::visit([&writer](const auto& body) { writer.put(body); }, message.body);
  if (claim) writer.put(*claim);
  if (extended) {
    writer.put(claim->key);
    writer.put(wall.value_or(TimeMs{}));
  }
  return out;
}

Result<PeerFrame> decode_peer(ByteView frame) {
  if (frame.size() > limits::peer_frame_bytes_max) {
    return fail(Errc::too_large, "a peer message of " + std::to_string(frame.size()) + " bytes");
  }
  msgpack::zone zone;
  msgpack::object object;
  if (!wire::parse_all(frame, wire::peer_array_max, zone, object)) {
    return fail(Errc::malformed, "peer message: not MessagePack within the limits");
  }
  wire::Reader reader(wire::Manner::exact);
  const auto malformed = [&reader](const char* what) {
    return fail(Errc::malformed, "peer message: " + std::string(what) + reader.where());
  };
  if (object.type != msgpack::type::ARRAY || object.via.array.size == 0) {
    return malformed("not an array");
  }
  const msgpack::object* part = object.via.array.ptr;
  std::uint8_t version = 0;
  if (!reader.get(part[0], version)) return malformed("version");
  if (version != peer::protocol_version) {
    return fail(Errc::invalid, "peer message of protocol version " + std::to_string(version));
  }
  PeerFrame out;
  peer::Message& message = out.message;
  std::uint8_t kind = 0;
  const bool extended = object.via.array.size == wire::peer_elements + 3;
  const bool claims = extended || object.via.array.size == wire::peer_elements + 1;
  if (!reader.arity(object, wire::peer_elements + (claims ? 1 : 0) + (extended ? 2 : 0)) ||
      !reader.get(part[1], out.feature_level) || !reader.get(part[2], out.cluster) ||
      !reader.get(part[3], message.from) || !reader.get(part[4], message.from_incarnation) ||
      !reader.get(part[5], message.to_incarnation) || !reader.get(part[6], kind)) {
    return malformed("envelope");
  }
  using Kinds = std::make_index_sequence<std::variant_size_v<peer::Body>>;
  if (!wire::get_peer_body(reader, kind, part[7], message.body, Kinds{})) {
    return malformed("body");
  }
  if (claims && !reader.get(part[8], out.claim.emplace())) return malformed("claim");
  if (extended) {
    TimeMs wall{};
    if (!reader.get(part[9], out.claim->key)) return malformed("key");
    if (!reader.get(part[10], wall)) return malformed("clock");
    if (wall != TimeMs{}) out.wall = wall;
  }
  return out;
}

}  // namespace chat262

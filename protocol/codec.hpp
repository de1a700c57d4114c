// MessagePack on the wire. The codec_*.cpp files are the only ones that include msgpack.
//
// Decoding never trusts its input: explicit limits on sizes, arity and depth; trailing bytes are
// malformed; nothing throws.
#pragma once

#include <optional>

#include "protocol/client_messages.hpp"
#include "protocol/peer_messages.hpp"
#include "protocol/result.hpp"

namespace chat262 {

[[nodiscard]] Bytes encode_request(const Request& request);

// Why a request was not understood: the reply to send. `number` is the request's if it could be
// read, else 0.
struct BadRequest {
  Status status;  // wrong_version, unknown_operation, malformed or too_large
  std::uint64_t number = 0;
  std::string text;
};
[[nodiscard]] tl::expected<Request, BadRequest> decode_request(ByteView frame);

[[nodiscard]] Bytes encode_reply(const Reply& reply);
// `to` is the request that was sent: it decides which body an ok reply has.
[[nodiscard]] Result<Reply> decode_reply(ByteView frame, const RequestBody& to);

// A peer frame: [version, feature level, cluster, from, from inc., to inc., kind, body], and the
// claim if there is one, and behind a claim the sender's wall clock if it is given.
[[nodiscard]] Bytes encode_peer(const peer::Message& message, const ClusterId& cluster,
                                const std::optional<peer::Claim>& claim = std::nullopt,
                                const std::optional<TimeMs>& wall = std::nullopt);
struct PeerFrame {
  std::uint8_t feature_level = 0;
  ClusterId cluster{};
  peer::Message message;
  std::optional<peer::Claim> claim;
  std::optional<TimeMs> wall;
};
// Errors: malformed, too_large; invalid for a protocol version that is not ours.
[[nodiscard]] Result<PeerFrame> decode_peer(ByteView frame);

// A log record (the value under its seq): all of an Entry but seq. See store/SCHEMA.md.
[[nodiscard]] Bytes encode_entry_record(const Entry& entry);
[[nodiscard]] Result<Entry> decode_entry_record(Seq seq, ByteView record);

}  // namespace chat262

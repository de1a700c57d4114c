// The hash chain and the ids that are derived from request ids.
#include <algorithm>

#include "protocol/blake2b.hpp"
#include "protocol/entry.hpp"

namespace chat262 {

namespace {

template <class IdType>
IdType derived(std::string_view label, const RequestId& request) {
  return IdType{detail::Blake2b<IdType::size>()
                    .text(label)
                    .bytes(request.client.bytes)
                    .u64(request.number)
                    .finish()};
}

}  // namespace

// previous hash, epoch counter (8 bytes), epoch server (1), seq (8), kind (1), client id (16),
// number (8), length of the head (4), head, text hash; numbers are big-endian.
Hash entry_hash(const Hash& previous, const Entry& entry) {
  return Hash{detail::Blake2b<32>()
                  .bytes(previous.bytes)
                  .u64(entry.epoch.counter)
                  .u8(entry.epoch.server.value)
                  .u64(entry.seq.value)
                  .u8(static_cast<std::uint8_t>(entry.kind))
                  .bytes(entry.request.client.bytes)
                  .u64(entry.request.number)
                  .u32(static_cast<std::uint32_t>(entry.head.size()))
                  .bytes(entry.head)
                  .bytes(entry.text_hash.bytes)
                  .finish()};
}

Hash hash_of(ByteView bytes) {
  return Hash{detail::Blake2b<32>().bytes(bytes).finish()};
}

bool entry_intact(const Hash& previous, const Entry& entry) {
  if (entry.hash != entry_hash(previous, entry)) return false;
  return entry.erased ? entry.text.empty() : entry.text_hash == hash_of(entry.text);
}

AccountId account_id(const RequestId& request) {
  return derived<AccountId>("account", request);
}

RoomId room_id(const RequestId& request) {
  return derived<RoomId>("room", request);
}

MessageId message_id(const RequestId& request) {
  return derived<MessageId>("message", request);
}

RequestId servers_own_request(std::string_view what, const Hash& about, std::uint64_t number) {
  return {ClientId{detail::Blake2b<ClientId::size>()
                       .text("servers' own")
                       .text(what)
                       .bytes(about.bytes)
                       .finish()},
          number};
}

// A token cannot be told from it, nor its hash, which no client is to know.
SessionId session_id(const Hash& token_hash) {
  return SessionId{
      detail::Blake2b<SessionId::size>().text("session").bytes(token_hash.bytes).finish()};
}

// The same for (a, b) and (b, a).
ConversationId direct_conversation(const AccountId& a, const AccountId& b) {
  const auto& [low, high] = std::minmax(a, b);
  return ConversationId{detail::Blake2b<ConversationId::size>()
                            .text("direct")
                            .bytes(low.bytes)
                            .bytes(high.bytes)
                            .finish()};
}

ConversationId room_conversation(const RoomId& room) {
  return ConversationId{room.bytes};
}

}  // namespace chat262

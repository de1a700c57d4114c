// Strong types for everything that is counted or named, so that one cannot pass for another.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace chat262 {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// A number that mixes with no other number. `Tag` tells them apart.
template <class Tag, class Rep>
struct Number {
  Rep value{};
  constexpr auto operator<=>(const Number&) const = default;
};

// Sixteen opaque bytes. All zero means "none".
template <class Tag>
struct Id {
  static constexpr std::size_t size = 16;
  std::array<std::uint8_t, size> bytes{};
  constexpr auto operator<=>(const Id&) const = default;
  [[nodiscard]] constexpr bool empty() const { return *this == Id{}; }
};

// Position of an entry in the log; the first entry is 1, 0 stands before it.
struct Seq : Number<struct SeqTag, std::uint64_t> {
  constexpr auto operator<=>(const Seq&) const = default;
  [[nodiscard]] constexpr Seq next() const { return Seq{{value + 1}}; }
  [[nodiscard]] constexpr Seq previous() const { return Seq{{value - 1}}; }
};
[[nodiscard]] constexpr Seq seq(std::uint64_t value) {
  return Seq{{value}};
}

// A server's number, 0..N-1; also its place in the leader order.
struct ServerId : Number<struct ServerTag, std::uint8_t> {
  constexpr auto operator<=>(const ServerId&) const = default;
};
[[nodiscard]] constexpr ServerId server_id(unsigned value) {
  return ServerId{{static_cast<std::uint8_t>(value)}};
}

// Milliseconds since 1970-01-01 UTC (wall clock). Never used to decide anything in replication.
struct TimeMs : Number<struct TimeTag, std::int64_t> {
  constexpr auto operator<=>(const TimeMs&) const = default;
};

// One leadership. Two servers never share one, because the server is part of it.
struct Epoch {
  std::uint64_t counter = 0;
  ServerId server{};
  constexpr auto operator<=>(const Epoch&) const = default;
};

// Where an entry stands, or how far a log reaches. Compared by epoch first.
struct Position {
  Epoch epoch{};
  Seq seq{};
  constexpr auto operator<=>(const Position&) const = default;
};

// One life of a server process: a counter raised at every start, and random bits that tell apart
// two copies of one disk that started equally often. counter 0 means "not known".
struct Incarnation {
  std::uint32_t counter = 0;
  std::uint32_t nonce = 0;
  constexpr auto operator<=>(const Incarnation&) const = default;
  [[nodiscard]] constexpr bool known() const { return counter != 0; }
};

using ClusterId = Id<struct ClusterTag>;
using ClientId = Id<struct ClientTag>;              // chosen at random by a client process
using AccountId = Id<struct AccountTag>;            // derived from the request that made it
using RoomId = Id<struct RoomTag>;                  // derived from the request that made it
using MessageId = Id<struct MessageTag>;            // derived from the request that sent it
using SessionId = Id<struct SessionTag>;            // derived from its token's hash
using ConversationId = Id<struct ConversationTag>;  // room id, or derived from two account ids

// Names one write of one client for ever: the same over all retries, never used for another write.
struct RequestId {
  ClientId client{};
  std::uint64_t number = 0;  // counted up by the client, from 1
  constexpr auto operator<=>(const RequestId&) const = default;
};

// BLAKE2b, 32 bytes.
struct Hash {
  std::array<std::uint8_t, 32> bytes{};
  constexpr auto operator<=>(const Hash&) const = default;
};

// A CURVE public key (Curve25519). All zero means "none".
struct PublicKey {
  static constexpr std::size_t size = 32;
  std::array<std::uint8_t, size> bytes{};
  constexpr auto operator<=>(const PublicKey&) const = default;
  [[nodiscard]] constexpr bool empty() const { return *this == PublicKey{}; }
};

}  // namespace chat262

// One message of every kind, with fixed contents. The files in protocol/vectors are these, encoded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/client_messages.hpp"
#include "protocol/entry.hpp"
#include "protocol/peer_messages.hpp"

namespace samples {

using namespace chat262;

struct RequestSample {
  std::string name;
  std::string meaning;
  Request message;
};
struct ReplySample {
  std::string name;
  std::string meaning;
  RequestBody to;
  Reply message;
};
struct PeerSample {
  std::string name;
  std::string meaning;
  peer::Message message;
  std::optional<peer::Claim> claim = std::nullopt;
  std::optional<TimeMs> wall = std::nullopt;
};
struct EntrySample {
  std::string name;
  std::string meaning;
  Entry entry;
};

[[nodiscard]] std::vector<RequestSample> requests();
[[nodiscard]] std::vector<ReplySample> replies();
[[nodiscard]] std::vector<ReplySample> refusals();
[[nodiscard]] std::vector<PeerSample> peer_messages();
// Hash-chained, as they would stand in one log.
[[nodiscard]] std::vector<EntrySample> entries();

// ---- parts

// size bytes counted up from `first`.
template <class T>
[[nodiscard]] T bytes_from(std::uint8_t first) {
  T out{};
  for (auto& byte : out.bytes) byte = first++;
  return out;
}
[[nodiscard]] inline ClusterId cluster() {
  return bytes_from<ClusterId>(0xc0);
}
[[nodiscard]] inline ClientId client() {
  return bytes_from<ClientId>(0x10);
}
[[nodiscard]] inline Bytes token() {
  const auto bytes = bytes_from<Hash>(0x40).bytes;
  return {bytes.begin(), bytes.end()};
}
[[nodiscard]] inline Position position(std::uint64_t counter, unsigned server, std::uint64_t at) {
  return {{counter, server_id(server)}, seq(at)};
}

}  // namespace samples

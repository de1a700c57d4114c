// Peer messages as another server reads them.
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView frame(data, size);
  const auto read = decode_peer(frame);
  if (!read) {
    check(!read.error().text.empty(), "a refusal says why");
    return 0;
  }
  check(size <= limits::peer_frame_bytes_max, "no peer message is over the limit");
  check(read->message.from.value < limits::servers_max, "the sender is a server");
  const Bytes again = encode_peer(read->message, read->cluster, read->claim);
  check(again.size() <= frame.size(), "our own form of a peer message is the shortest");
  const auto twice = decode_peer(again);
  check(twice.has_value(), "a peer message that is sent on can be read");
  check(twice->message == read->message && twice->cluster == read->cluster &&
            twice->claim == read->claim,
        "a peer message that is sent on is the same message");
  check(twice->feature_level == peer::feature_level, "and it is of our feature level");
  check(encode_peer(twice->message, twice->cluster, twice->claim) == again,
        "a peer message has one encoding");
  return 0;
}

// Client requests as a server reads them.
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

// The refusal must reach the client whatever the request was.
void check_refusal(const BadRequest& bad) {
  check(bad.status == Status::wrong_version || bad.status == Status::unknown_operation ||
            bad.status == Status::malformed || bad.status == Status::too_large,
        "a request that does not decode is refused as such");
  reply::ErrorBody body;
  body.text = bad.text;
  const Reply reply{bad.status, bad.number, std::move(body)};
  const auto read = decode_reply(encode_reply(reply), request::Hello{});
  check(read && *read == reply, "the refusal of a request can be read");
}

void check_decoded(const Request& request, ByteView frame) {
  check(frame.size() <= limits::client_frame_bytes_max, "no request is over the limit");
  const Bytes again = encode_request(request);
  check(again.size() <= frame.size(), "our own form of a request is the shortest");
  const auto twice = decode_request(again);
  check(twice && *twice == request, "a request that is sent on is the same request");
  check(encode_request(*twice) == again, "a request has one encoding");
  check(fingerprint(twice->body) == fingerprint(request.body), "a repeat has its fingerprint");
  check(!is_write(request.body) || !is_operator_request(request.body),
        "no operator's request goes through the log as a client's");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView frame(data, size);
  const auto request = decode_request(frame);
  if (request) {
    check_decoded(*request, frame);
  } else {
    check_refusal(request.error());
  }
  return 0;
}

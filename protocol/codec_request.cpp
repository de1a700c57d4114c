// Client requests: [version, op, client id, number, token, body]. Also their fingerprint.
#include <array>
#include <utility>

#include "protocol/blake2b.hpp"
#include "protocol/client_shapes.hpp"
#include "protocol/codec.hpp"

namespace chat262 {

namespace {

// No array of a request is longer; what is, is malformed.
constexpr std::size_t request_array_max = 64;
constexpr std::size_t request_elements = 6;

template <std::size_t I>
using BodyAt = std::variant_alternative_t<I, RequestBody>;
using BodyIndexes = std::make_index_sequence<std::variant_size_v<RequestBody>>;

// Calls f with an empty body of operation `code`; nullopt if there is no such operation.
template <class F, std::size_t... I>
std::optional<bool> with_operation(std::uint64_t code, F&& f, std::index_sequence<I...>) {
  std::optional<bool> result;
  static_cast<void>(((code == BodyAt<I>::code && (result = f(BodyAt<I>{}), true)) || ...));
  return result;
}

std::uint8_t code_of(const RequestBody& body) {
  return std::visit([](const auto& m) { return std::remove_cvref_t<decltype(m)>::code; }, body);
}

// Reads a frame element by element, so that an answer can name the request's number although what
// follows it cannot be read.
class RequestParser {
 public:
  explicit RequestParser(ByteView frame) : frame_(frame) {}

  tl::expected<Request, BadRequest> parse() {
    if (!read_array_header()) return bad(Status::malformed, "a request is a MessagePack array");
    std::uint64_t version = 0;
    if (!next(version)) return bad(Status::malformed, "version" + reader_.where());
    if (version != client_protocol_version) return wrong_version(version);
    if (elements_ != request_elements) {
      return bad(Status::malformed, "a request has 6 elements, not " + std::to_string(elements_));
    }
    std::uint64_t operation = 0;
    if (!next(operation)) return bad(Status::malformed, "operation" + reader_.where());
    if (!next(request_.client)) {
      read_number_if_possible();
      return bad(Status::malformed, "client id" + reader_.where());
    }
    if (!next(request_.number)) return bad(Status::malformed, "number" + reader_.where());
    number_ = request_.number;
    if (frame_.size() > limits::client_frame_bytes_max) return too_large();
    if (!next(request_.token)) return bad(Status::malformed, "token" + reader_.where());
    return parse_body(operation);
  }

 private:
  // fixarray, array 16 or array 32: the elements themselves are parsed one at a time.
  bool read_array_header() {
    if (frame_.empty()) return false;
    const std::uint8_t first = frame_[0];
    std::size_t length_bytes = 0;
    if ((first & 0xf0U) == 0x90U) {
      elements_ = first & 0x0fU;
    } else if (first == 0xdc || first == 0xdd) {
      length_bytes = first == 0xdc ? 2 : 4;
    } else {
      return false;
    }
    if (frame_.size() < 1 + length_bytes) return false;
    for (std::size_t i = 0; i < length_bytes; ++i) elements_ = elements_ << 8 | frame_[1 + i];
    offset_ = 1 + length_bytes;
    return true;
  }

  bool next_object(msgpack::object& object) {
    const bool parsed =
        read_ < elements_ && wire::parse(frame_, offset_, request_array_max, zone_, object);
    ++read_;
    return parsed || reader_.bad("missing, or not MessagePack within the limits");
  }

  template <class T>
  bool next(T& value) {
    msgpack::object object;
    return next_object(object) && reader_.get(object, value);
  }

  // The first four places mean the same in every version.
  void read_number_if_possible() {
    msgpack::object skipped;
    while (read_ < 3) {
      if (!next_object(skipped)) return;
    }
    wire::Reader quiet(wire::Manner::exact);
    std::uint64_t number = 0;
    if (next_object(skipped) && quiet.get(skipped, number)) number_ = number;
  }

  tl::expected<Request, BadRequest> parse_body(std::uint64_t operation) {
    msgpack::object body;
    if (!next_object(body)) return bad(Status::malformed, "body" + reader_.where());
    const auto read_body = [&](auto value) {
      if (!reader_.get(body, value)) return false;
      request_.body = std::move(value);
      return true;
    };
    const auto known = with_operation(operation, read_body, BodyIndexes{});
    if (!known) {
      return bad(Status::unknown_operation, "no operation " + std::to_string(operation));
    }
    if (!*known) return bad(Status::malformed, "body" + reader_.where());
    if (offset_ != frame_.size()) return bad(Status::malformed, "bytes behind the request");
    return std::move(request_);
  }

  tl::expected<Request, BadRequest> wrong_version(std::uint64_t version) {
    read_number_if_possible();
    return bad(Status::wrong_version, "version " + std::to_string(version) +
                                          " is not spoken here, only version " +
                                          std::to_string(client_protocol_version));
  }

  tl::expected<Request, BadRequest> too_large() {
    return bad(Status::too_large, "a request has at most " +
                                      std::to_string(limits::client_frame_bytes_max) + " bytes");
  }

  // A frame that is too large is called that, whatever else is wrong with it but its version.
  tl::expected<Request, BadRequest> bad(Status status, std::string text) {
    if (status != Status::wrong_version && status != Status::too_large &&
        frame_.size() > limits::client_frame_bytes_max) {
      return too_large();
    }
    return tl::unexpected<BadRequest>(BadRequest{status, number_, std::move(text)});
  }

  ByteView frame_;
  std::size_t offset_ = 0;
  std::uint64_t elements_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t number_ = 0;
  msgpack::zone zone_;
  wire::Reader reader_{wire::Manner::exact};
  Request request_;
};

// The usual case, in one pass: a request without fault. nullopt: RequestParser finds the fault.
std::optional<Request> parse_faultless(ByteView frame) {
  if (frame.size() > limits::client_frame_bytes_max) return std::nullopt;
  msgpack::zone zone;
  msgpack::object object;
  wire::Reader reader(wire::Manner::exact);
  if (!wire::parse_all(frame, request_array_max, zone, object) ||
      !reader.arity(object, request_elements)) {
    return std::nullopt;
  }
  const msgpack::object* part = object.via.array.ptr;
  std::uint8_t version = 0;
  std::uint64_t operation = 0;
  std::optional<Request> request(std::in_place);
  const auto read_body = [&](auto body) {
    if (!reader.get(part[5], body)) return false;
    request->body = std::move(body);
    return true;
  };
  const bool fine = reader.get(part[0], version) && version == client_protocol_version &&
                    reader.get(part[1], operation) && reader.get(part[2], request->client) &&
                    reader.get(part[3], request->number) && reader.get(part[4], request->token) &&
                    with_operation(operation, read_body, BodyIndexes{}).value_or(false);
  if (!fine) request.reset();
  return request;
}

// Secrets are left out: a retry after a password was mistyped is no other request, and no log may
// hold anything that a password could be guessed from.
request::Register without_secrets(const request::Register& m) {
  return {.name = m.name, .password = {}};
}
request::ResetPassword without_secrets(const request::ResetPassword& m) {
  return {.name = m.name, .reset_code = {}, .new_password = {}};
}
request::LogIn without_secrets(const request::LogIn& m) {
  // What the program says of itself is no part of it either: it is left out for an older server.
  return {.name = m.name, .password = {}, .token = {}};
}
request::ChangePassword without_secrets(const request::ChangePassword&) {
  return {};
}
request::DeleteAccount without_secrets(const request::DeleteAccount&) {
  return {};
}
template <class T>
const T& without_secrets(const T& m) {
  return m;
}

}  // namespace

Bytes encode_request(const Request& request) {
  Bytes out;
  out.reserve(256);
  wire::Writer writer(out);
  writer.array(request_elements);
  writer.put(client_protocol_version);
  writer.put(code_of(request.body));
  writer.put(request.client);
  writer.put(request.number);
  writer.put(request.token);
  std::visit([&writer](const auto& m) { writer.put(m); }, request.body);
  return out;
}

tl::expected<Request, BadRequest> decode_request(ByteView frame) {
  if (auto request = parse_faultless(frame)) return std::move(*request);
  return RequestParser(frame).parse();
}

std::uint64_t fingerprint(const RequestBody& body) {
  Bytes canonical;
  wire::Writer writer(canonical);
  writer.put(code_of(body));
  std::visit([&writer](const auto& m) { writer.put(without_secrets(m)); }, body);
  const auto digest = detail::Blake2b<16>().text("request").bytes(canonical).finish();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8 | digest[i];
  return value;
}

}  // namespace chat262

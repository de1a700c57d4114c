// Replies as the client library reads them. The first byte says which request was asked.
#include <utility>

#include "client/convert.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

template <std::size_t... I>
RequestBody body_at(std::size_t index, std::index_sequence<I...>) {
  RequestBody body;
  static_cast<void>(((index == I && (body.emplace<I>(), true)) || ...));
  return body;
}

void check_public(const Target& target) {
  const auto shown = client::to_public(target);
  check(client::to_protocol(shown) == target, "a target comes back from the public form");
}

void check_public(const Message& message) {
  const auto shown = client::to_public(message);
  check(shown.id.size() == 2 * MessageId::size, "an id is shown in hexadecimal");
  check(client::to_bytes(shown.at) == message.at, "a cursor comes back from the public form");
  check(client::to_protocol(shown.original) == message.original,
        "an original comes back from the public form");
  check_public(message.conversation);
}

void check_public(const Conversation& conversation) {
  const auto shown = client::to_public(conversation);
  check(shown.last.has_value() == conversation.last.has_value(), "the last message is shown");
  check_public(conversation.target);
}

void check_public(const Event& event) {
  const auto shown = client::to_public(event);
  check(shown.index() == event.index(), "an event is shown as what it is");
  if (const auto* message = std::get_if<Message>(&event)) check_public(*message);
}

template <class Body>
void check_public_body(const Body& body) {
  if constexpr (requires { client::to_public(body); }) {
    static_cast<void>(client::to_public(body));
  }
  const auto each = [](const auto& items) {
    for (const auto& item : items) check_public(item);
  };
  if constexpr (requires { body.messages; }) each(body.messages);
  if constexpr (requires { body.events; }) each(body.events);
  if constexpr (requires { body.conversations; }) each(body.conversations);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(ByteView(data, size));
  constexpr std::size_t requests = std::variant_size_v<RequestBody>;
  const RequestBody asked = body_at(choices.below(requests), std::make_index_sequence<requests>{});
  const auto reply = decode_reply(choices.all(), asked);
  if (!reply) {
    check(!reply.error().text.empty(), "a refusal says why");
    return 0;
  }
  check(status_from_code(static_cast<std::uint8_t>(reply->status)) == reply->status,
        "a status is one that we know");
  check(std::string_view(status_name(reply->status)) != "", "a status has a name");
  check(std::holds_alternative<reply::ErrorBody>(reply->body) == (reply->status != Status::ok),
        "a refusal has the body of one");
  const auto twice = decode_reply(encode_reply(*reply), asked);
  check(twice && *twice == *reply, "a reply that is sent on is the same reply");
  std::visit([](const auto& body) { check_public_body(body); }, reply->body);
  const auto refused = client::to_refused(*reply);
  check(!refused.text.empty() && !refused.code.empty(), "a refusal is shown with a text");
  return 0;
}

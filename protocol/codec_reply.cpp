// Replies: [version, status, number, body]. Events: [code, ...].
#include <type_traits>
#include <utility>

#include "protocol/client_shapes.hpp"
#include "protocol/codec.hpp"

namespace chat262 {

namespace wire {
namespace {

// No array of a reply is longer: pages end at limits::page_items_max.
constexpr std::size_t reply_array_max = 1024;
constexpr std::size_t reply_elements = 4;

// [next, events], each event [code, ...]
void put_reply_body(Writer& writer, const reply::Events& m) {
  writer.array(2);
  writer.array(m.events.size());
  for (const Event& event : m.events) {
    std::visit(
        [&](const auto& e) {
          std::apply(
              [&](const auto&... field) {
                writer.array(1 + sizeof...(field));
                writer.put(static_cast<std::uint8_t>(event.index()));
                (writer.put(field), ...);
              },
              fields(Shape{}, e));
        },
        event);
  }
  writer.put(m.next);
}

template <Struct T>
void put_reply_body(Writer& writer, const T& m) {
  writer.put(m);
}

template <class T>
bool get_event(Reader& reader, const msgpack::object& in, Event& out) {
  T event;
  if (!reader.get_tail(in, 1, event)) return false;
  out = std::move(event);
  return true;
}

// Events of kinds that this version does not know are passed over.
bool get_events(Reader& reader, const msgpack::object& in, std::vector<Event>& out) {
  if (in.type != msgpack::type::ARRAY) return reader.bad("an array expected");
  using Read = bool (*)(Reader&, const msgpack::object&, Event&);
  constexpr Read readers[] = {get_event<Message>,        get_event<event::Joined>,
                              get_event<event::Left>,    get_event<event::Read>,
                              get_event<event::Renamed>, get_event<event::Undelivered>};
  static_assert(std::size(readers) == std::variant_size_v<Event>);
  for (std::uint32_t i = 0; i < in.via.array.size; ++i) {
    const msgpack::object& item = in.via.array.ptr[i];
    std::uint64_t code = 0;
    if (!reader.arity(item, 1) || !reader.get(item.via.array.ptr[0], code)) return reader.at(i);
    if (code >= std::size(readers)) continue;
    if (!readers[code](reader, item, out.emplace_back())) return reader.at(i);
  }
  return true;
}

bool get_reply_body(Reader& reader, const msgpack::object& in, reply::Events& out) {
  return reader.arity(in, 2) &&
         (get_events(reader, in.via.array.ptr[0], out.events) || reader.at(0)) &&
         (reader.get(in.via.array.ptr[1], out.next) || reader.at(1));
}

template <Struct T>
bool get_reply_body(Reader& reader, const msgpack::object& in, T& out) {
  return reader.get(in, out);
}

// ---- which body an ok reply has

template <class T>
struct Answers {
  using type = reply::Done;
};
#define CHAT262_ANSWER(REQUEST, REPLY) \
  template <>                          \
  struct Answers<request::REQUEST> {   \
    using type = reply::REPLY;         \
  }
CHAT262_ANSWER(Hello, Hello);
CHAT262_ANSWER(Status, ServerStatus);
CHAT262_ANSWER(Register, Registered);
CHAT262_ANSWER(LogIn, LoggedIn);
CHAT262_ANSWER(ListSessions, Sessions);
CHAT262_ANSWER(ListAccounts, AccountStates);
CHAT262_ANSWER(ShowAccount, AccountShown);
CHAT262_ANSWER(OfferReset, CodeMade);
CHAT262_ANSWER(Invite, CodeMade);
CHAT262_ANSWER(SearchAccounts, Accounts);
CHAT262_ANSWER(ListConversations, Conversations);
CHAT262_ANSWER(CreateRoom, RoomDone);
CHAT262_ANSWER(JoinRoom, RoomDone);
CHAT262_ANSWER(ListRooms, Rooms);
CHAT262_ANSWER(ListMembers, Members);
CHAT262_ANSWER(Send, Sent);
CHAT262_ANSWER(History, History);
CHAT262_ANSWER(Events, Events);
CHAT262_ANSWER(Survey, Survey);
CHAT262_ANSWER(Handover, HandedOver);
CHAT262_ANSWER(ForceLead, HandedOver);
CHAT262_ANSWER(Scrub, Scrub);
CHAT262_ANSWER(Replace, Replaced);
CHAT262_ANSWER(Cluster, Cluster);
CHAT262_ANSWER(RotateKeys, Rotated);
#undef CHAT262_ANSWER

template <class T>
bool get_reply_as(Reader& reader, const msgpack::object& in, ReplyBody& out) {
  return get_reply_body(reader, in, out.emplace<T>());
}

// A newer server may refuse for reasons that this version has no name for. The code's range says
// what to do all the same.
Status status_of_class(std::uint8_t code) {
  constexpr std::uint8_t first_wrong_request = 10;
  constexpr std::uint8_t first_refusal = 20;
  if (code < first_wrong_request) return Status::unavailable;
  return code < first_refusal ? Status::malformed : Status::bad_argument;
}

}  // namespace
}  // namespace wire

Bytes encode_reply(const Reply& reply) {
  Bytes out;
  out.reserve(128);
  wire::Writer writer(out);
  writer.array(wire::reply_elements);
  writer.put(client_protocol_version);
  writer.put(static_cast<std::uint8_t>(reply.status));
  writer.put(reply.number);
  std::visit([&writer](const auto& body) { wire::put_reply_body(writer, body); }, reply.body);
  return out;
}

Result<Reply> decode_reply(ByteView frame, const RequestBody& to) {
  if (frame.size() > limits::reply_frame_bytes_max) {
    return fail(Errc::too_large, "a reply of " + std::to_string(frame.size()) + " bytes");
  }
  msgpack::zone zone;
  msgpack::object object;
  wire::Reader reader(wire::Manner::tolerant);
  if (!wire::parse_all(frame, wire::reply_array_max, zone, object)) {
    return fail(Errc::malformed, "reply: not MessagePack within the limits");
  }
  if (!reader.arity(object, wire::reply_elements)) {
    return fail(Errc::malformed, "reply" + reader.where());
  }
  const msgpack::object* part = object.via.array.ptr;
  std::uint8_t version = 0;
  std::uint8_t code = 0;
  Reply reply;
  if (!reader.get(part[0], version) || !reader.get(part[1], code) ||
      !reader.get(part[2], reply.number)) {
    return fail(Errc::malformed, "reply" + reader.where());
  }
  reply.status = status_from_code(code).value_or(wire::status_of_class(code));
  // Of another version's reply only the first three places are understood.
  if (version != client_protocol_version && reply.status != Status::wrong_version) {
    return fail(Errc::invalid, "reply of protocol version " + std::to_string(version));
  }
  const auto read_answer = [&](const auto& request) {
    using Asked = std::remove_cvref_t<decltype(request)>;
    return wire::get_reply_as<typename wire::Answers<Asked>::type>(reader, part[3], reply.body);
  };
  const bool understood = reply.status == Status::ok
                              ? std::visit(read_answer, to)
                              : wire::get_reply_as<reply::ErrorBody>(reader, part[3], reply.body);
  if (!understood) return fail(Errc::malformed, "body of the reply" + reader.where());
  return reply;
}

}  // namespace chat262

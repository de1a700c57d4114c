// Admission of what a signed-in client writes without a password: one function a request.
#include <type_traits>
#include <utility>

#include "broker/admission_parts.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker::admission {

namespace {

std::optional<store::RoomRecord> find_room(const store::Tables& tables, const std::string& typed) {
  const auto name = fold(typed);
  if (!name) return std::nullopt;
  return tables.room_named(*name);
}

Made make_send(const store::Tables& tables, const Request& request, const request::Send& send,
               const Session& session) {
  if (const auto fine = check_text(send.text); !fine) {
    return Refusal{Status::bad_text, fine.error().text};
  }
  op::SendMessage message;
  message.from = session.account;
  message.message = message_id({request.client, request.number});
  if (send.original) {
    if (send.original->author.size() > chat262::limits::author_bytes_max ||
        !check_text(send.original->author)) {
      return Refusal{Status::bad_argument,
                     "the original author must be 1 to 128 bytes without control characters"};
    }
    message.original = op::Original{send.original->author, send.original->time};
  }
  if (send.to.kind == TargetKind::user) {
    const auto account = living_account(tables, send.to.name);
    if (!account) return refuse(Status::no_such_user);
    message.to = account->id;
  } else {
    const auto room = find_room(tables, send.to.name);
    if (!room) return refuse(Status::no_such_room);
    if (!tables.is_member(room->id, session.account)) return refuse(Status::not_a_member);
    message.to = room->id;
  }
  return OperationBody{std::move(message)};
}

Made make_create_room(const store::Tables& tables, const Request& request,
                      const request::CreateRoom& create, const Session& session) {
  auto name = parse_name(create.name);
  if (!name) return Refusal{Status::bad_name, name.error().text};
  if (tables.room_named(name->folded)) return refuse(Status::name_taken);
  op::CreateRoom room;
  room.account = session.account;
  room.room = room_id({request.client, request.number});
  room.name = std::move(name->shown);
  room.folded = std::move(name->folded);
  return OperationBody{std::move(room)};
}

Made make_join(const store::Tables& tables, const request::JoinRoom& join, const Session& session) {
  const auto room = find_room(tables, join.name);
  if (!room) return refuse(Status::no_such_room);
  if (tables.is_member(room->id, session.account)) return refuse(Status::already_a_member);
  return OperationBody{op::JoinRoom{session.account, room->id}};
}

Made make_leave(const store::Tables& tables, const request::LeaveRoom& leave,
                const Session& session) {
  const auto room = find_room(tables, leave.name);
  if (!room) return refuse(Status::no_such_room);
  if (!tables.is_member(room->id, session.account)) return refuse(Status::not_a_member);
  return OperationBody{op::LeaveRoom{session.account, room->id}};
}

Made make_mark_read(const store::Tables& tables, const request::MarkRead& mark,
                    const Session& session) {
  const auto upto = read_cursor(mark.upto);
  if (!upto) return refuse(Status::bad_cursor);
  if (tables.resolve(*upto) > tables.applied()) return refuse(Status::bad_cursor);
  op::MarkRead read;
  read.account = session.account;
  read.upto = *upto;
  if (mark.conversation.kind == TargetKind::user) {
    const auto name = fold(mark.conversation.name);
    const auto account = name ? tables.account_named(*name) : std::nullopt;
    if (!account) return refuse(Status::no_such_user);
    read.conversation = account->id;
  } else {
    const auto room = find_room(tables, mark.conversation.name);
    if (!room) return refuse(Status::no_such_room);
    if (!tables.is_member(room->id, session.account)) return refuse(Status::not_a_member);
    read.conversation = room->id;
  }
  return OperationBody{std::move(read)};
}

Made make_end_session(const store::Tables& tables, const request::EndSession& end,
                      const Session& session) {
  for (const auto& one : tables.sessions(session.account)) {
    if (session_id(one.token_hash) != end.session) continue;
    return OperationBody{op::CloseSession{session.account, one.token_hash}};
  }
  return Refusal{Status::bad_argument, "you have no such session"};
}

}  // namespace

Made make_signed_in(const store::Tables& tables, const Request& request, const Session& session) {
  return std::visit(
      [&](const auto& body) -> Made {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, request::Send>) {
          return make_send(tables, request, body, session);
        } else if constexpr (std::is_same_v<Body, request::CreateRoom>) {
          return make_create_room(tables, request, body, session);
        } else if constexpr (std::is_same_v<Body, request::JoinRoom>) {
          return make_join(tables, body, session);
        } else if constexpr (std::is_same_v<Body, request::LeaveRoom>) {
          return make_leave(tables, body, session);
        } else if constexpr (std::is_same_v<Body, request::MarkRead>) {
          return make_mark_read(tables, body, session);
        } else if constexpr (std::is_same_v<Body, request::EndSession>) {
          return make_end_session(tables, body, session);
        } else if constexpr (std::is_same_v<Body, request::LogOut>) {
          return OperationBody{op::CloseSession{session.account, session.token_hash}};
        } else if constexpr (std::is_same_v<Body, request::LogOutAll>) {
          return OperationBody{op::CloseAllSessions{session.account}};
        } else {
          return refuse(Status::unknown_operation);
        }
      },
      request.body);
}

}  // namespace chat262::broker::admission

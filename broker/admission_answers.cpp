// What a write is answered when it is committed.
#include <utility>

#include "broker/admission_parts.hpp"
#include "broker/server_limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

using Kind = WriteReply::Kind;

namespace admission {

WriteReply reply_for(const Request& request) {
  WriteReply reply;
  reply.id = {request.client, request.number};
  reply.fingerprint = fingerprint(request.body);
  const auto remember = [&reply](Kind kind, const std::string& name) {
    reply.kind = kind;
    if (auto folded = fold(name)) reply.folded = std::move(*folded);
  };
  if (const auto* body = std::get_if<request::Register>(&request.body)) {
    remember(Kind::registered, body->name);
  } else if (const auto* login = std::get_if<request::LogIn>(&request.body)) {
    remember(Kind::logged_in, login->name);
  } else if (const auto* create = std::get_if<request::CreateRoom>(&request.body)) {
    remember(Kind::room_made, create->name);
  } else if (const auto* join = std::get_if<request::JoinRoom>(&request.body)) {
    remember(Kind::room_joined, join->name);
  } else if (std::holds_alternative<request::Send>(request.body)) {
    reply.kind = Kind::sent;
  } else if (std::holds_alternative<request::EndSession>(request.body)) {
    reply.kind = Kind::session_ended;
  }
  return reply;
}

}  // namespace admission

using namespace admission;

std::optional<OperationBody> Admission::operation_of(const WriteReply& reply,
                                                     const store::Outcome& outcome) const {
  const auto entry = entries_.entry(outcome.at.seq);
  if (!entry || entry->request != reply.id) return std::nullopt;
  auto decoded = decode_operation(*entry);
  if (!decoded) return std::nullopt;
  return std::move(decoded->operation.body);
}

// The request's name may be another account's by now: a merge can rename.
std::optional<store::AccountRecord> Admission::account_of(const WriteReply& reply,
                                                          const store::Outcome& outcome) const {
  const auto body = operation_of(reply, outcome);
  const auto* opened = body ? std::get_if<op::OpenSession>(&*body) : nullptr;
  return opened != nullptr ? tables_.account(opened->account) : tables_.account_named(reply.folded);
}

std::optional<store::RoomRecord> Admission::room_of(const WriteReply& reply,
                                                    const store::Outcome& outcome) const {
  if (reply.kind == Kind::room_made) return tables_.room(room_id(reply.id));
  const auto body = operation_of(reply, outcome);
  const auto* joined = body ? std::get_if<op::JoinRoom>(&*body) : nullptr;
  return joined != nullptr ? tables_.room(joined->room) : tables_.room_named(reply.folded);
}

Reply Admission::answer(const WriteReply& reply, std::uint64_t number) const {
  const auto outcome = tables_.request(reply.id);
  if (!outcome) {
    return refusal_reply(number, {Status::unavailable, "the request was not kept; send it again"});
  }
  if (reply.kind == Kind::session_expired) {
    return refusal_reply(number, refuse(Status::not_signed_in));
  }
  if (outcome->fingerprint != reply.fingerprint) {
    return refusal_reply(number, refuse(Status::request_reused));
  }
  // It was ended in the same moment by somebody else; the asker's own goes on.
  if (reply.kind == Kind::session_ended && outcome->status == Status::not_signed_in) {
    return {Status::ok, number, reply::Done{}};
  }
  if (reply.kind == Kind::registered && outcome->status == Status::no_permission) {
    return refusal_reply(number, {Status::no_permission, "the invitation was used up meanwhile"});
  }
  if (outcome->status != Status::ok) return refusal_reply(number, refuse(outcome->status));
  switch (reply.kind) {
    case Kind::registered: {
      const auto id = account_id(reply.id);
      const auto account = tables_.account(id);
      return {Status::ok, number, reply::Registered{id, account ? account->name : std::string{}}};
    }
    case Kind::logged_in: {
      const auto account = account_of(reply, *outcome);
      if (!account) return refusal_reply(number, refuse(Status::wrong_credentials));
      return {Status::ok, number,
              reply::LoggedIn{account->id, account->name,
                              TimeMs{{outcome->time.value + limits::session_ms}},
                              make_cursor(outcome->at)}};
    }
    case Kind::room_made:
    case Kind::room_joined: {
      const auto room = room_of(reply, *outcome);
      if (!room) return refusal_reply(number, refuse(Status::no_such_room));
      return {Status::ok, number, reply::RoomDone{room->id, room->name}};
    }
    case Kind::sent:
      return {Status::ok, number,
              reply::Sent{message_id(reply.id), make_cursor(outcome->at), outcome->time}};
    case Kind::session_ended:
    case Kind::session_expired:
    case Kind::done:
      break;
  }
  return {Status::ok, number, reply::Done{}};
}

}  // namespace chat262::broker

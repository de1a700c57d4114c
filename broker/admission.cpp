#include "broker/admission.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "broker/server_limits.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

namespace {

using Verdict = Admission::Verdict;
using Kind = WriteReply::Kind;

template <class T>
constexpr bool is_any(const RequestBody& body) {
  return std::holds_alternative<T>(body);
}

Refusal refuse(Status status) {
  return {status, status_text(status)};
}

std::optional<store::AccountRecord> living_account(const store::Tables& tables,
                                                   const std::string& typed) {
  const auto name = fold(typed);
  if (!name) return std::nullopt;
  auto record = tables.account_named(*name);
  if (!record || record->deleted) return std::nullopt;
  return record;
}

// Whose password a log-in may be given: the holder of the name, then those whom a merge renamed.
std::vector<store::AccountRecord> login_candidates(const store::Tables& tables,
                                                   const std::string& typed) {
  std::vector<store::AccountRecord> found;
  const auto name = fold(typed);
  if (!name) return found;
  if (auto holder = living_account(tables, typed)) found.push_back(std::move(*holder));
  auto former = tables.accounts_once_named(*name, limits::login_former_names_max);
  std::move(former.begin(), former.end(), std::back_inserter(found));
  return found;
}

std::optional<store::RoomRecord> find_room(const store::Tables& tables, const std::string& typed) {
  const auto name = fold(typed);
  if (!name) return std::nullopt;
  return tables.room_named(*name);
}

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
  } else if (is_any<request::Send>(request.body)) {
    reply.kind = Kind::sent;
  }
  return reply;
}

// ---- one function a request: the operation, or why not

using Made = std::variant<OperationBody, Refusal>;

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

// Writes of a signed-in client that need no password.
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

// ---- requests with a password: first what the workers have to do

Verdict job_for_register(const store::Tables& tables, const request::Register& body) {
  const auto name = parse_name(body.name);
  if (!name) return Refusal{Status::bad_name, name.error().text};
  if (const auto fine = check_password(body.password); !fine) {
    return Refusal{Status::bad_password, fine.error().text};
  }
  if (tables.account_named(name->folded)) return refuse(Status::name_taken);
  PasswordJob job;
  job.make = true;
  job.new_password = body.password;
  return Admission::NeedsPassword{std::move(job)};
}

Verdict job_for_login(const store::Tables& tables, const request::LogIn& body, unsigned candidate) {
  if (body.token.size() != chat262::limits::token_bytes) {
    return Refusal{Status::bad_argument, "a session token is 32 random bytes"};
  }
  if (body.password.size() > chat262::limits::password_bytes_max) {
    return refuse(Status::wrong_credentials);
  }
  const auto candidates = login_candidates(tables, body.name);
  if (candidate > 0 && candidate >= candidates.size()) return refuse(Status::wrong_credentials);
  PasswordJob job;
  job.verify = true;
  job.password = body.password;
  job.candidate = candidate;
  job.hash = candidates.empty() ? nobodys_hash() : candidates[candidate].password_hash;
  return Admission::NeedsPassword{std::move(job)};
}

Verdict job_for_account(const store::Tables& tables, const Session& session,
                        const std::string& password, const std::string* new_password) {
  const auto account = tables.account(session.account);
  if (!account || account->deleted) return refuse(Status::not_signed_in);
  if (password.size() > chat262::limits::password_bytes_max) {
    return refuse(Status::wrong_credentials);
  }
  PasswordJob job;
  job.verify = true;
  job.password = password;
  job.hash = account->password_hash;
  if (new_password != nullptr) {
    if (const auto fine = check_password(*new_password); !fine) {
      return Refusal{Status::bad_password, fine.error().text};
    }
    job.make = true;
    job.new_password = *new_password;
  }
  return Admission::NeedsPassword{std::move(job)};
}

}  // namespace

std::optional<Session> find_session(const store::Tables& tables, ByteView token, TimeMs now) {
  if (token.size() != chat262::limits::token_bytes) return std::nullopt;
  const Hash hash = hash_of(token);
  const auto record = tables.session(hash);
  if (!record || record->expires <= now) return std::nullopt;
  return Session{record->account, hash};
}

TimeMs Admission::stamp(TimeMs now) {
  last_time_ = std::max({now, last_time_, tables_.applied_time()});
  return last_time_;
}

Admission::Admitted Admission::make(const Request& request, TimeMs now, OperationBody body,
                                    Bytes text) {
  Admitted admitted;
  admitted.reply = reply_for(request);
  admitted.operation.request = admitted.reply.id;
  admitted.operation.time = stamp(now);
  admitted.operation.fingerprint = admitted.reply.fingerprint;
  admitted.operation.body = std::move(body);
  admitted.text = std::move(text);
  return admitted;
}

Verdict Admission::admit(const Request& request, TimeMs now) {
  if (request.number == 0) {
    return Refusal{Status::malformed, "a write needs a number from 1 on"};
  }
  if (request.client.empty()) return Refusal{Status::malformed, "a write needs a client id"};
  // A repeat comes first: its own first run may have ended the session, or taken the name.
  if (const auto outcome = tables_.request({request.client, request.number})) {
    return Known{outcome->at, reply_for(request)};
  }
  if (const auto* body = std::get_if<request::Register>(&request.body)) {
    return job_for_register(tables_, *body);
  }
  if (const auto* body = std::get_if<request::LogIn>(&request.body)) {
    return job_for_login(tables_, *body, 0);
  }
  const auto session = find_session(tables_, request.token, now);
  if (!session) return refuse(Status::not_signed_in);
  if (const auto* body = std::get_if<request::ChangePassword>(&request.body)) {
    return job_for_account(tables_, *session, body->old_password, &body->new_password);
  }
  if (const auto* body = std::get_if<request::DeleteAccount>(&request.body)) {
    return job_for_account(tables_, *session, body->password, nullptr);
  }
  auto made = make_signed_in(tables_, request, *session);
  if (auto* refusal = std::get_if<Refusal>(&made)) return std::move(*refusal);
  Bytes text;
  if (const auto* send = std::get_if<request::Send>(&request.body)) {
    text.assign(send->text.begin(), send->text.end());
  }
  if (auto refusal = over_limit(std::get<OperationBody>(made), text.size())) return *refusal;
  return make(request, now, std::move(std::get<OperationBody>(made)), std::move(text));
}

Verdict Admission::admit_with_password(const Request& request, const PasswordJob& job,
                                       bool verified, const std::string& hash, TimeMs now) {
  if (const auto outcome = tables_.request({request.client, request.number})) {
    return Known{outcome->at, reply_for(request)};
  }
  if (!verified) {
    const auto* login = std::get_if<request::LogIn>(&request.body);
    if (login != nullptr) return job_for_login(tables_, *login, job.candidate + 1);
    return refuse(Status::wrong_credentials);
  }
  if (job.make && hash.empty()) return Refusal{Status::busy, "no memory for a password hash"};

  if (const auto* body = std::get_if<request::Register>(&request.body)) {
    auto name = parse_name(body->name);
    if (!name) return Refusal{Status::bad_name, name.error().text};
    if (tables_.account_named(name->folded)) return refuse(Status::name_taken);
    op::Register made;
    made.account = account_id({request.client, request.number});
    made.name = std::move(name->shown);
    made.folded = std::move(name->folded);
    made.password_hash = hash;
    return make(request, now, std::move(made));
  }
  if (const auto* body = std::get_if<request::LogIn>(&request.body)) {
    const auto candidates = login_candidates(tables_, body->name);
    if (job.candidate >= candidates.size()) return refuse(Status::wrong_credentials);
    const auto& account = candidates[job.candidate];
    // The password was right for a hash that is no longer the account's: it was changed meanwhile.
    if (account.password_hash != job.hash) return refuse(Status::wrong_credentials);
    const Hash token_hash = hash_of(body->token);
    if (tables_.session(token_hash)) {
      return Refusal{Status::bad_argument, "this session token is in use"};
    }
    auto admitted = make(request, now, op::OpenSession{account.id, token_hash, {}});
    std::get<op::OpenSession>(admitted.operation.body).expires =
        TimeMs{{admitted.operation.time.value + limits::session_ms}};
    return admitted;
  }
  const auto session = find_session(tables_, request.token, now);
  if (!session) return refuse(Status::not_signed_in);
  const auto account = tables_.account(session->account);
  if (!account || account->deleted) return refuse(Status::not_signed_in);
  if (account->password_hash != job.hash) return refuse(Status::wrong_credentials);
  if (is_any<request::ChangePassword>(request.body)) {
    return make(request, now, op::ChangePassword{session->account, hash, session->token_hash});
  }
  return make(request, now, op::DeleteAccount{session->account});
}

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
  if (outcome->fingerprint != reply.fingerprint) {
    return refusal_reply(number, refuse(Status::request_reused));
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
    case Kind::done:
      break;
  }
  return {Status::ok, number, reply::Done{}};
}

}  // namespace chat262::broker

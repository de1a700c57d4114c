#include "broker/admission.hpp"

#include <algorithm>
#include <utility>

#include "broker/admission_parts.hpp"
#include "protocol/limits.hpp"

namespace chat262::broker {

using namespace admission;

namespace {

struct Found {
  Session session;
  TimeMs created{};
  bool expired = false;
};

std::optional<Found> look_up(const store::Tables& tables, ByteView token, TimeMs now) {
  if (token.size() != chat262::limits::token_bytes) return std::nullopt;
  const Hash hash = hash_of(token);
  const auto record = tables.session(hash);
  if (!record) return std::nullopt;
  return Found{{record->account, hash},
               record->created,
               record->expires <= std::max(now, tables.applied_time())};
}

}  // namespace

std::optional<Session> find_session(const store::Tables& tables, ByteView token, TimeMs now) {
  const auto found = look_up(tables, token, now);
  if (!found || found->expired) return std::nullopt;
  return found->session;
}

std::optional<Session> find_expired(const store::Tables& tables, ByteView token, TimeMs now) {
  const auto found = look_up(tables, token, now);
  if (!found || !found->expired) return std::nullopt;
  return found->session;
}

std::optional<Admission::Admitted> Admission::close_expired(const Request& request, TimeMs now) {
  const auto found = look_up(tables_, request.token, now);
  if (!found || !found->expired) return std::nullopt;
  const auto number = static_cast<std::uint64_t>(std::max<std::int64_t>(found->created.value, 1));
  Admitted admitted;
  admitted.reply.kind = WriteReply::Kind::session_expired;
  admitted.reply.id = servers_own_request("expired", found->session.token_hash, number);
  admitted.operation.request = admitted.reply.id;
  admitted.operation.time = stamp(now);
  admitted.operation.body = op::CloseSession{found->session.account, found->session.token_hash};
  return admitted;
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

Admission::Verdict Admission::admit(const Request& request, TimeMs now) {
  if (request.number == 0) {
    return Refusal{Status::malformed, "a write needs a number from 1 on"};
  }
  if (request.client.empty()) return Refusal{Status::malformed, "a write needs a client id"};
  // A repeat comes first: its own first run may have ended the session, or taken the name.
  if (const auto outcome = tables_.request({request.client, request.number})) {
    return Known{outcome->at, reply_for(request)};
  }
  if (const auto* body = std::get_if<request::Register>(&request.body)) {
    return job_for_register(tables_, *body, rules_, outdated_,
                            std::max(now, tables_.applied_time()));
  }
  if (const auto* body = std::get_if<request::LogIn>(&request.body)) {
    return job_for_login(tables_, *body, 0, rules_);
  }
  if (const auto* body = std::get_if<request::ResetPassword>(&request.body)) {
    return job_for_reset(tables_, *body, outdated_, std::max(now, tables_.applied_time()));
  }
  const auto session = find_session(tables_, request.token, now);
  if (!session) {
    if (auto closing = close_expired(request, now)) return std::move(*closing);
    return refuse(Status::not_signed_in);
  }
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

}  // namespace chat262::broker

#include "broker/refusals.hpp"

#include <utility>
#include <vector>

#include "broker/server_limits.hpp"

namespace chat262::broker {

Reply refusal_reply(std::uint64_t number, const Refusal& refusal) {
  reply::ErrorBody body;
  body.text = refusal.text;
  body.retry_ms = refusal.retry_ms;
  if (refusal.status == Status::busy && body.retry_ms == 0) body.retry_ms = limits::busy_retry_ms;
  return {refusal.status, number, std::move(body)};
}

std::string waiting_text(ServerId self, const replica::Unavailable& why) {
  const auto text = "server " + std::to_string(self.value) + " ";
  if (why.waiting_for.empty() || why.waiting_for == std::vector{self}) return text + why.why;
  std::string others;
  for (const ServerId id : why.waiting_for) {
    others += (others.empty() ? "" : ", ") + std::to_string(id.value);
  }
  const auto* word = why.waiting_for.size() == 1 ? "server " : "servers ";
  return text + "waits for " + word + others + ": " + why.why;
}

const char* status_text(Status status) {
  switch (status) {
    case Status::ok:
      return "done";
    case Status::not_leader:
      return "this server does not lead";
    case Status::unavailable:
      return "the service is not available";
    case Status::busy:
      return "too much to do, try again";
    case Status::too_many:
      return "too many requests: wait a while";
    case Status::suspended:
      return "this account is suspended";
    case Status::wrong_version:
      return "this protocol version is not spoken here";
    case Status::unknown_operation:
      return "unknown operation";
    case Status::malformed:
      return "the request is malformed";
    case Status::too_large:
      return "the request is too large";
    case Status::request_reused:
      return "this request id was used for another request";
    case Status::not_signed_in:
      return "not signed in, or the session has ended";
    case Status::wrong_credentials:
      return "wrong name or password";
    case Status::name_taken:
      return "this name is taken";
    case Status::bad_name:
      return "this is no valid name";
    case Status::bad_password:
      return "this is no valid password";
    case Status::no_such_user:
      return "there is no user of this name";
    case Status::no_such_room:
      return "there is no room of this name";
    case Status::not_a_member:
      return "you are not a member of this room";
    case Status::already_a_member:
      return "you are a member of this room already";
    case Status::bad_text:
      return "this text cannot be sent";
    case Status::bad_cursor:
      return "this is no valid cursor";
    case Status::bad_argument:
      return "an argument is not valid";
    case Status::no_permission:
      return "this is not permitted";
  }
  return "refused";
}

}  // namespace chat262::broker

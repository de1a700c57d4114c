// An operator's wish that a server have another key.
#include <fmt/format.h>

#include <utility>

#include "broker/operator.hpp"
#include "protocol/codec.hpp"

namespace chat262::broker {

void Operator::rotate(ReplyTo to, Request&& request, Now now) {
  const auto asked = std::get<request::RotateKeys>(request.body);
  const auto count = members_.now().servers.size();
  if (asked.server.value >= count) {
    refuse(to, request.number, Status::bad_argument,
           fmt::format("there is no server {}: the cluster has the servers 0 to {}",
                       asked.server.value, count - 1),
           now);
  } else if (!asked.key.empty()) {
    refuse(to, request.number, Status::bad_argument, "a server makes its new key itself", now);
  } else if (asked.server == self_) {
    handle(to, request, now);
  } else {
    pass_to(to, std::move(request), asked.server, now);
  }
}

void Operator::rotate_own(const Asker& asker, const Request& request, Now now) {
  const auto& asked = std::get<request::RotateKeys>(request.body);
  if (!asked.key.empty()) {
    // From the server that has made it, and from nobody else.
    const auto* passed = std::get_if<Passed>(&asker);
    if (passed == nullptr || passed->from != asked.server) return;
    if (node_.summary(now.steady).role != peer::Role::leader) return;  // it asks again
    const auto why = rotation_.append(request, now);
    if (!why.empty()) host_.note(replica::NoteLevel::warning, "a new key was refused: " + why);
  } else if (asked.server != self_) {
    refuse(asker, request.number, Status::bad_argument, "that is another server's to do", now);
  } else if (rotation_.under_way()) {
    refuse(asker, request.number, Status::busy, "a change of keys is under way", now);
  } else if (const auto why = rotation_.begin(request, now); !why.empty()) {
    refuse(asker, request.number, Status::bad_argument, why, now);
  } else {
    host_.note(replica::NoteLevel::info, "an operator asks for another key of this server");
    rotating_ = Replacing{asker, request.number};
  }
}

void Operator::drive_rotating(Now now) {
  auto done = rotation_.drive(now, [&](ServerId leader, const Request& request) {
    send(leader, peer::Relay{0, encode_request(request)}, now);  // no answer is wanted
  });
  if (!done) return;
  const auto rotating = *std::exchange(rotating_, std::nullopt);
  if (*done) {
    answer(rotating.asker, {Status::ok, rotating.number, **done}, now);
  } else {
    refuse(rotating.asker, rotating.number, done->error().status, done->error().text, now);
  }
}

}  // namespace chat262::broker

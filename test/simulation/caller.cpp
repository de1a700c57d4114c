#include "test/simulation/caller.hpp"

#include "protocol/codec.hpp"
#include "test/support/violation.hpp"

namespace chat262::test {

using client::Retry;

Caller::Caller(World& world, Random& random, std::uint64_t& tickets, unsigned servers)
    : world_(world), random_(random), tickets_(tickets), retry_(Retry::Rules{.servers = servers}) {}

void Caller::begin(const Request& request, Time timeout) {
  request_ = request;
  reply_.reset();
  busy_ = true;
  follow(retry_.begin(now_ms(), now_ms() + timeout / milliseconds));
}

void Caller::follow(const Retry::Step& step) {
  asking_ = false;
  if (const auto* ask = std::get_if<Retry::Ask>(&step)) {
    asking_ = true;
    ticket_ = ++tickets_;
    wakes_ = ask->until * milliseconds;
    world_.ask_service(server_id(ask->server), ticket_, request_);
  } else if (const auto* pause = std::get_if<Retry::Pause>(&step)) {
    wakes_ = pause->until * milliseconds;
  } else {
    busy_ = false;
  }
}

void Caller::happened(const Retry::Event& event) {
  follow(retry_.after(event, now_ms(), static_cast<std::uint32_t>(random_.below(65536))));
}

void Caller::run() {
  if (asking_) {
    happened(Retry::NoAnswer{});
  } else {
    happened(Retry::Paused{});
  }
}

bool Caller::hear(std::uint64_t ticket, const Bytes* frame) {
  if (!busy_ || !asking_ || ticket != ticket_) return false;
  if (frame == nullptr) {
    happened(Retry::NoAnswer{});
    return true;
  }
  auto reply = decode_reply(*frame, request_.body);
  if (!reply) throw Violation("a reply does not decode: " + reply.error().text);
  if (reply->number != request_.number) throw Violation("a reply to another request");
  happened(judge(std::move(*reply)));
  return true;
}

Retry::Event Caller::judge(Reply reply) {
  const auto* error = std::get_if<reply::ErrorBody>(&reply.body);
  switch (reply.status) {
    case Status::not_leader:
      if (error == nullptr || !error->server) return Retry::NotLeader{};
      return Retry::NotLeader{.hint = error->server->value};
    case Status::unavailable:
      return Retry::Unavailable{};
    case Status::too_many:
    case Status::busy:
      return Retry::Busy{.retry_ms = error != nullptr ? error->retry_ms : 0};
    default:
      reply_ = std::move(reply);
      return Retry::Answered{};
  }
}

}  // namespace chat262::test

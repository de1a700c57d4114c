#include "broker/operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"

namespace chat262::broker {

using replica::clock_ms;

Operator::Operator(const Members& members, ServerId self, Node& node, NodeHost& host,
                   Service& service, ScrubHost& scrub, Replies& replies, Replacement replacement,
                   Rotation rotation, AccountDesk desk)
    : members_(members),
      self_(self),
      node_(node),
      host_(host),
      service_(service),
      scrub_(scrub),
      replies_(replies),
      replacement_(std::move(replacement)),
      rotation_(std::move(rotation)),
      desk_(std::move(desk)) {}

// ---- who asks

void Operator::request(ReplyTo to, Request&& request, Now now) {
  const auto& body = request.body;
  if (std::holds_alternative<request::Hello>(body)) {
    replies_.reply(to, service_.hello(request.number, now));
  } else if (std::holds_alternative<request::Status>(body)) {
    replies_.reply(to, service_.status(request.number, now));
  } else if (std::holds_alternative<request::Survey>(body)) {
    replies_.reply(to, survey(request.number, now));
  } else if (std::holds_alternative<request::Cluster>(body)) {
    replies_.reply(to, {Status::ok, request.number, members_.reply()});
  } else if (std::holds_alternative<request::ForceLead>(body)) {
    force_lead(to, request.number, now);
  } else if (std::holds_alternative<request::Scrub>(body)) {
    scrub(to, std::move(request), now);
  } else if (std::holds_alternative<request::RotateKeys>(body)) {
    rotate(to, std::move(request), now);
  } else if (!is_operator_request(body)) {
    refuse(to, request.number, Status::unknown_operation,
           "the control socket takes the requests of operators only", now);
  } else {
    sign(request.body, self_);
    const auto summary = node_.summary(now.steady);
    if (summary.leader && *summary.leader != self_) {
      pass_on(to, std::move(request), *summary.leader, now);
    } else {
      handle(to, request, now);
    }
  }
}

// What only this server can do.
void Operator::handle(const Asker& asker, const Request& request, Now now) {
  if (const auto* scrub = std::get_if<request::Scrub>(&request.body)) {
    if (scrub->begin) scrub_.begin_scrub();
    answer(asker, {Status::ok, request.number, scrub_.scrub()}, now);
  } else if (std::holds_alternative<request::RotateKeys>(request.body)) {
    rotate_own(asker, request, now);
  } else if (node_.summary(now.steady).role != peer::Role::leader) {
    refuse(asker, request.number, Status::unavailable, "nobody leads now: see chat262ctl status",
           now);
  } else if (const auto* handover = std::get_if<request::Handover>(&request.body)) {
    hand_over(asker, request.number, handover->to, now);
  } else if (std::holds_alternative<request::Replace>(request.body)) {
    replace(asker, request, now);
  } else if (is_account_request(request.body)) {
    ask_desk(asker, request, now);
  } else {
    refuse(asker, request.number, Status::no_permission,
           "only the operator of this very server may ask for that", now);
  }
}

void Operator::answer(const Asker& asker, const Reply& reply, Now now) {
  if (const auto* to = std::get_if<ReplyTo>(&asker)) {
    replies_.reply(*to, reply);
  } else if (const auto* passed = std::get_if<Passed>(&asker)) {
    send(passed->from, peer::Relayed{passed->ticket, encode_reply(reply)}, now);
  }
}

void Operator::refuse(const Asker& asker, std::uint64_t number, Status status, std::string text,
                      Now now) {
  answer(asker, refusal_reply(number, {status, std::move(text)}), now);
}

Reply Operator::survey(std::uint64_t number, Now now) const {
  const auto summary = node_.summary(now.steady);
  const auto own = service_.status(number, now);
  const auto& self = std::get<reply::ServerStatus>(own.body);
  reply::Survey survey;
  survey.cluster = members_.now().id;
  survey.server = self_;
  survey.leader = summary.leader;
  for (const auto& server : members_.now().servers) {
    reply::SurveyedServer seen;
    seen.id = server.id;
    seen.endpoint = server.client_endpoint();
    seen.member = summary.view && summary.view->view.has(server.id);
    if (server.id == self_) {
      seen.heard = true;
      seen.silent_ms = 0;
      seen.in_sync = self.in_sync;
      seen.lost_disk = self.lost_disk;
      seen.health = self.health;
      seen.last = self.last;
      seen.promised = self.promised;
    }
    for (const auto& peer : summary.peers) {
      if (peer.id != server.id) continue;
      seen.heard = peer.heard;
      if (peer.last_heard) {
        seen.silent_ms = static_cast<std::uint64_t>(
            std::max<std::int64_t>(now.steady.value - peer.last_heard->value, 0));
      }
      seen.in_sync = peer.in_sync;
      seen.lost_disk = peer.lost_disk;
      seen.health = health_name(peer.health);
      seen.last = peer.last;
      seen.promised = peer.promised;
    }
    survey.servers.push_back(std::move(seen));
  }
  return {Status::ok, number, std::move(survey)};
}

// ---- from server to server

void Operator::send(ServerId to, peer::Body body, Now now) {
  peer::Message message;
  message.from = self_;
  message.from_incarnation = node_.summary(now.steady).incarnation;
  message.body = std::move(body);
  host_.send(to, std::move(message));
}

void Operator::scrub(ReplyTo to, Request&& request, Now now) {
  const auto server = std::get<request::Scrub>(request.body).server.value_or(self_);
  if (server == self_) {
    handle(to, request, now);
  } else {
    pass_to(to, std::move(request), server, now);
  }
}

void Operator::pass_to(ReplyTo to, Request&& request, ServerId server, Now now) {
  const auto summary = node_.summary(now.steady);
  const bool heard = std::any_of(summary.peers.begin(), summary.peers.end(),
                                 [&](const auto& peer) { return peer.id == server && peer.heard; });
  if (heard) {
    pass_on(to, std::move(request), server, now);
  } else {
    refuse(to, request.number, Status::unavailable,
           fmt::format("server {} is not heard by server {}", server.value, self_.value), now);
  }
}

void Operator::pass_on(ReplyTo to, Request&& request, ServerId by, Now now) {
  if (relaying_.size() >= limits::relays_max) {
    refuse(to, request.number, Status::busy, status_text(Status::busy), now);
    return;
  }
  const auto ticket = next_ticket_++;
  const auto most = std::holds_alternative<request::Scrub>(request.body)
                        ? limits::relay_scrub_ms_max
                        : limits::relay_ms_max;
  send(by, peer::Relay{ticket, encode_request(request)}, now);
  relaying_.emplace(ticket,
                    Relaying{to, by, std::move(request), clock_ms(now.steady.value + most)});
}

bool Operator::receive(const peer::Message& message, Now now) {
  if (const auto* relay = std::get_if<peer::Relay>(&message.body)) {
    receive_relay(message.from, *relay, now);
  } else if (const auto* relayed = std::get_if<peer::Relayed>(&message.body)) {
    receive_relayed(*relayed, now);
  } else if (const auto* failed = std::get_if<peer::FailedSignIns>(&message.body)) {
    service_.heard_failed(*failed, now);
  } else {
    return false;
  }
  return true;
}

void Operator::receive_relay(ServerId from, const peer::Relay& relay, Now now) {
  const auto request = decode_request(relay.request);
  if (!request || !is_operator_request(request->body)) return;
  handle(Passed{from, relay.ticket}, *request, now);
}

void Operator::receive_relayed(const peer::Relayed& relayed, Now now) {
  const auto place = relaying_.find(relayed.ticket);
  if (place == relaying_.end()) return;
  const auto relaying = std::move(place->second);
  relaying_.erase(place);
  const auto reply = decode_reply(relayed.reply, relaying.request.body);
  if (reply) {
    replies_.reply(relaying.to, *reply);
  } else {
    refuse(relaying.to, relaying.request.number, Status::unavailable,
           fmt::format("the answer of server {} cannot be read: is it of another version?",
                       relaying.by.value),
           now);
  }
}

// ---- a new machine for a number

void Operator::replace(const Asker& asker, const Request& request, Now now) {
  const auto& body = std::get<request::Replace>(request.body);
  auto judged = replacement_.judge(body, now);
  if (!judged) {
    refuse(asker, request.number, judged.error().status, judged.error().text, now);
  } else if (!body.confirmed) {
    answer(asker, {Status::ok, request.number, std::move(*judged)}, now);
  } else if (replacing_) {
    refuse(asker, request.number, Status::busy, "another replacement is under way", now);
  } else {
    replacing_ = Replacing{asker, request.number};
    replacement_.begin(request, std::move(*judged), now);
  }
}

void Operator::drive_replacing(Now now) {
  auto done = replacement_.result(now);
  if (!done) return;
  const auto replacing = *std::exchange(replacing_, std::nullopt);
  if (*done) {
    answer(replacing.asker, {Status::ok, replacing.number, std::move(**done)}, now);
  } else {
    refuse(replacing.asker, replacing.number, done->error().status, done->error().text, now);
  }
}

// ---- accounts

void Operator::ask_desk(const Asker& asker, const Request& request, Now now) {
  if (at_desk_.size() >= limits::relays_max) {
    refuse(asker, request.number, Status::busy, status_text(Status::busy), now);
    return;
  }
  const auto ticket = next_ticket_++;
  at_desk_.emplace(ticket, asker);
  desk_.ask(ticket, request, members_.outdated(node_.summary(now.steady), peer::accounts_level),
            now);
}

void Operator::answer_from_desk(Now now) {
  for (const auto& [ticket, reply] : desk_.take_answers(now)) {
    const auto place = at_desk_.find(ticket);
    if (place == at_desk_.end()) continue;
    answer(place->second, reply, now);
    at_desk_.erase(place);
  }
}

// Whoever leads next goes on counting.
void Operator::tell_failed_sign_ins(Now now) {
  const auto failed = service_.take_failed_sign_ins();
  if (failed.empty()) return;
  for (const auto& server : members_.now().servers) {
    if (server.id == self_ || members_.level(server.id) < peer::accounts_level) continue;
    send(server.id, peer::FailedSignIns{failed}, now);
  }
}

// ---- leading by force

void Operator::force_lead(ReplyTo to, std::uint64_t number, Now now) {
  const auto summary = node_.summary(now.steady);
  if (forcing_) {
    refuse(to, number, Status::busy, "this is being done already", now);
  } else if (summary.leader) {
    refuse(to, number, Status::unavailable,
           *summary.leader == self_
               ? fmt::format("server {} leads already", self_.value)
               : fmt::format("server {} leads, and this one hears it", summary.leader->value),
           now);
  } else {
    forcing_ = Forcing{false, to, number, clock_ms(now.steady.value + limits::force_judge_ms_max)};
  }
}

void Operator::drive_forcing(Now now) {
  const auto summary = node_.summary(now.steady);
  const auto done = *forcing_;
  const auto end = [&](const std::string& why) {
    forcing_.reset();
    refuse(done.to, done.number, Status::unavailable, why, now);
  };
  if (summary.leader && *summary.leader != self_) {
    end(fmt::format("server {} leads now", summary.leader->value));
  } else if (done.forced) {
    if (somebody_serves(summary)) {
      forcing_.reset();
      replies_.reply(done.to, {Status::ok, done.number, reply::HandedOver{self_, summary.epoch}});
    } else if (now.steady >= done.deadline) {
      end("this server was told to lead and does not serve yet: see chat262ctl status");
    }
  } else if (summary.role == peer::Role::leader) {
    end(fmt::format("no force is needed: server {} leads by the rules", self_.value));
  } else if (std::holds_alternative<replica::Unavailable>(node_.routing(now.steady))) {
    forcing_->forced = true;
    forcing_->deadline = clock_ms(now.steady.value + limits::handover_ms_max);
    node_.step(replica::ForceLead{}, now.steady);
  } else if (const auto routing = node_.routing(now.steady); now.steady >= done.deadline) {
    const auto* other = std::get_if<replica::NotLeader>(&routing);
    end(other != nullptr && other->leader
            ? fmt::format("server {} is in-sync and is to lead: see chat262ctl status",
                          other->leader->value)
            : "whether this server may lead by the rules is not known yet: try again");
  } else {
    node_.step(replica::ClientAsked{}, now.steady);  // so that the rules are asked
  }
}

void Operator::finish_turn(Now now) {
  if (forcing_) drive_forcing(now);
  if (replacing_) drive_replacing(now);
  if (rotating_) drive_rotating(now);
  answer_from_desk(now);
  tell_failed_sign_ins(now);
  if (handing_ && handing_->step != Handing::Step::await &&
      node_.summary(now.steady).role != peer::Role::leader) {
    end_handover(Status::unavailable, "this server leads no longer: see chat262ctl status", now);
  }
  if (handing_ && handing_->step == Handing::Step::settle) settle(node_.summary(now.steady), now);
  if (handing_ && handing_->step == Handing::Step::drain) drain(now);
  if (handing_ && handing_->step == Handing::Step::await) {
    await_successor(node_.summary(now.steady), now);
  }
  if (leaving_ && !handing_) leaving_ = false;
  for (auto place = relaying_.begin(); place != relaying_.end();) {
    if (now.steady < place->second.deadline) {
      ++place;
      continue;
    }
    refuse(place->second.to, place->second.request.number, Status::unavailable,
           fmt::format("server {} was asked and has not answered: see chat262ctl status",
                       place->second.by.value),
           now);
    place = relaying_.erase(place);
  }
}

std::optional<replica::Clock> Operator::next_deadline() const {
  std::optional<replica::Clock> next;
  const auto consider = [&next](replica::Clock deadline) {
    if (!next || deadline < *next) next = deadline;
  };
  if (handing_) consider(handing_->deadline);
  if (forcing_) consider(forcing_->deadline);
  if (const auto deadline = rotation_.next_deadline()) consider(*deadline);
  for (const auto& [ticket, relaying] : relaying_) consider(relaying.deadline);
  if (const auto deadline = desk_.next_deadline()) consider(*deadline);
  return next;
}

}  // namespace chat262::broker

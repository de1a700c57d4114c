#include "broker/service.hpp"

#include <sodium.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "broker/refusals.hpp"
#include "broker/server_limits.hpp"
#include "protocol/mutant.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {
constexpr std::int64_t hour_ms = 3'600'000;
}

Service::Service(const ClusterConfig& cluster, ServerId self, Node& node, store::Tables& tables,
                 Replies& replies, PasswordWorkers& passwords)
    : cluster_(cluster),
      self_(self),
      node_(node),
      tables_(tables),
      replies_(replies),
      passwords_(passwords),
      admission_(tables, *this, {cluster.password, cluster.registration}, cluster.limits),
      queries_(tables, *this, cluster.limits.page_items),
      throttle_(cluster.limits.loopback),
      registrations_({.free = cluster.limits.address_registrations_per_h,
                      .leak_ms = hour_ms / cluster.limits.address_registrations_per_h,
                      .delay_ms = 0,
                      .delay_ms_max = 0,
                      .entries_max = limits::login_throttles_max}) {
  node_.listen(this);
}

Service::~Service() {
  node_.listen(nullptr);
}

std::size_t Service::requests_waiting() const {
  return parked_.size() + in_password_.size() + submitted_.size() + commits_.size() +
         events_.size();
}

// ---- routing

void Service::request(ReplyTo to, Request&& request, Now now) {
  turn_ = now.steady;
  if (std::holds_alternative<request::Hello>(request.body)) {
    replies_.reply(to, hello(request.number, now));
  } else if (std::holds_alternative<request::Status>(request.body)) {
    replies_.reply(to, status(request.number, now));
  } else if (is_operator_request(request.body)) {
    replies_.reply(to, refusal_reply(request.number, {Status::no_permission,
                                                      "operators ask at the control socket"}));
  } else if (stopping_) {
    send_not_leader(to, request.number);
  } else if (route(to, request, now)) {
    serve(to, request, now);
  }
}

replica::Routing Service::routing(Now now) const {
  auto routing = node_.routing(now.steady);
  if (held_ && std::holds_alternative<replica::Serve>(routing)) return replica::Undecided{};
  return routing;
}

bool Service::route(ReplyTo to, Request& request, Now now) {
  const auto routing = this->routing(now);
  if (const auto* serve = std::get_if<replica::Serve>(&routing)) {
    if (serve->writes || !is_write(request.body)) return true;
    reply::ErrorBody body;
    body.text = "the disk is full: messages can be read, not sent";
    body.servers = {self_};
    replies_.reply(to, {Status::unavailable, request.number, std::move(body)});
  } else if (const auto* elsewhere = std::get_if<replica::NotLeader>(&routing)) {
    reply::ErrorBody body;
    body.text = status_text(Status::not_leader);
    body.server = elsewhere->leader;
    replies_.reply(to, {Status::not_leader, request.number, std::move(body)});
  } else if (const auto* without = std::get_if<replica::Unavailable>(&routing)) {
    reply::ErrorBody body;
    body.text = waiting_text(self_, *without);
    body.servers = without->waiting_for;
    replies_.reply(to, {Status::unavailable, request.number, std::move(body)});
  } else if (parked_.size() >= limits::parked_max) {
    replies_.reply(to, refusal_reply(request.number, {Status::busy, status_text(Status::busy)}));
  } else {
    parked_.push_back(
        {to, std::move(request), clock_ms(now.steady.value + limits::parked_ms_max), std::nullopt});
  }
  return false;
}

void Service::unpark(Now now) {
  if (parked_.empty()) return;
  if (std::holds_alternative<replica::Undecided>(routing(now))) {
    if (now.steady.value - asked_.value >= limits::parked_ask_every_ms) {
      asked_ = now.steady;
      node_.step(replica::ClientAsked{}, now.steady);
    }
    if (std::holds_alternative<replica::Undecided>(routing(now))) return;
  }
  auto parked = std::move(parked_);
  parked_.clear();
  for (auto& waiting : parked) {
    if (waiting.repairs && *waiting.repairs == node_.repairs()) {
      parked_.push_back(std::move(waiting));
      continue;
    }
    const auto deadline = waiting.deadline;
    const auto before = parked_.size();
    if (route(waiting.to, waiting.request, now)) serve(waiting.to, waiting.request, now);
    if (parked_.size() > before) parked_.back().deadline = deadline;
  }
}

void Service::serve(ReplyTo to, const Request& request, Now now) {
  if (is_write(request.body)) {
    write(to, request, now);
  } else {
    read(to, request, now);
  }
}

// ---- writes

void Service::write(ReplyTo to, const Request& request, Now now) {
  if (tables_.overlay_bytes() > limits::overlay_bytes_max) {
    replies_.reply(to, refusal_reply(request.number, {Status::busy, status_text(Status::busy)}));
    return;
  }
  auto judged = admission_.admit(request, now.wall);
  // Refused without a hash, and counted all the same.
  const auto* refusal = std::get_if<Refusal>(&judged);
  if (refusal != nullptr && refusal->status == Status::wrong_credentials) {
    const auto guess = guess_of(request);
    if (!may_guess(to, request, guess, now)) return;
    guessed(guess, false, now);
    if (audit_ != nullptr) audit_->failed(Audit::Failure::wrong, request, now.wall);
  }
  if (refusal != nullptr && guesses_invitation(request, *refusal) &&
      !may_register(to, request, now)) {
    return;
  }
  verdict(to, request, std::move(judged), now);
}

void Service::verdict(ReplyTo to, const Request& request, Admission::Verdict verdict, Now now) {
  if (tables_.fault()) {  // damage counts as nothing there: nothing can be judged by it
    replies_.reply(to, refusal_reply(request.number, {Status::unavailable, damaged_tables_text}));
  } else if (auto* admitted = std::get_if<Admission::Admitted>(&verdict)) {
    const auto handle = next_handle_++;
    admitted_.push_back(
        {handle, make_operation_entry(admitted->operation, std::move(admitted->text))});
    // Handle 0 is nobody's.
    if (admitted->also) admitted_.push_back({0, make_operation_entry(*admitted->also, {})});
    submitted_.emplace(handle, Submitted{to, request.number, std::move(admitted->reply)});
  } else if (const auto* known = std::get_if<Admission::Known>(&verdict)) {
    wait_for_commit(to, request.number, known->reply, known->at.seq);
  } else if (auto* password = std::get_if<Admission::NeedsPassword>(&verdict)) {
    start_password(to, request, std::move(password->job), now);
  } else {
    refuse_when_committed(to, request.number, std::get<Refusal>(verdict), now);
  }
}

bool Service::end_expired(ReplyTo to, const Request& request, Now now) {
  const auto routing = node_.routing(now.steady);
  const auto* serve = std::get_if<replica::Serve>(&routing);
  if (serve == nullptr || !serve->writes || tables_.fault()) return false;
  auto closing = admission_.close_expired(request, now.wall);
  if (!closing) return false;
  verdict(to, request, std::move(*closing), now);
  return true;
}

void Service::submit(Now now) {
  if (admitted_.empty()) return;
  auto batch = std::move(admitted_);
  admitted_.clear();
  if (std::holds_alternative<replica::Serve>(node_.routing(now.steady))) {
    node_.step(replica::Submit{std::move(batch)}, now.steady);
    return;
  }
  for (const auto& submission : batch) refused(submission.handle);
}

// ---- what the node says

void Service::accepted(std::uint64_t handle, const Position& at) {
  const auto place = submitted_.find(handle);
  if (place == submitted_.end()) return;
  const auto submitted = std::move(place->second);
  submitted_.erase(place);
  wait_for_commit(submitted.to, submitted.number, submitted.reply, at.seq);
}

void Service::refused(std::uint64_t handle) {
  const auto place = submitted_.find(handle);
  if (place == submitted_.end()) return;
  const auto submitted = std::move(place->second);
  submitted_.erase(place);
  send_not_leader(submitted.to, submitted.number);
}

void Service::applied(const Entry& entry) {
  if (audit_ != nullptr) audit_->applied(entry);
  if (events_.size() != 0) events_.touch(tables_.concerned(entry));
}

void Service::committed(Seq seq) {
  if (audit_ != nullptr) audit_->committed(seq);
  taken_.clear();
  commits_.take_committed(seq, taken_);
  send_committed(taken_);
}

void Service::reverted(Seq to) {
  if (audit_ != nullptr) audit_->reverted(to);
  if (mutant("answer-what-was-lost")) return;
  taken_.clear();
  commits_.take_above(to, taken_);
  for (const auto& waiting : taken_) send_not_leader(waiting.to, waiting.number);
}

void Service::deposed() {
  if (mutant("answer-what-was-lost")) return;
  taken_.clear();
  commits_.take_all(taken_);
  for (const auto& waiting : taken_) send_not_leader(waiting.to, waiting.number);
  woken_.clear();
  events_.take_all(woken_);
  for (const auto& waiting : woken_) send_not_leader(waiting.to, waiting.number);
}

// ---- waiting

void Service::wait_for_commit(ReplyTo to, std::uint64_t number, const WriteReply& reply, Seq at) {
  if (at <= node_.committed() || mutant("answer-before-commit")) {
    replies_.reply(to, answer_to_write(reply, number));
    return;
  }
  commits_.add({at, to, number, clock_ms(turn_.value + limits::commit_wait_ms_max), reply});
}

// It is done; the answer may still have to be looked up in what is damaged. The client asks again.
Reply Service::answer_to_write(const WriteReply& reply, std::uint64_t number) {
  auto answer = admission_.answer(reply, number);
  if (node_.take_damage_met()) return refusal_reply(number, {Status::unavailable, damaged_text});
  if (tables_.fault()) {
    return refusal_reply(number, {Status::unavailable, damaged_tables_text});
  }
  return answer;
}

void Service::answer_when_committed(ReplyTo to, Reply&& reply, Now now) {
  if (tables_.fault()) {  // damage counts as nothing there: what was found cannot be trusted
    reply = refusal_reply(reply.number, {Status::unavailable, damaged_tables_text});
  }
  const auto depends_on = tables_.applied();
  if (depends_on <= node_.committed() || mutant("read-without-waiting-for-commit")) {
    replies_.reply(to, reply);
    return;
  }
  const auto number = reply.number;
  commits_.add({depends_on, to, number, clock_ms(now.steady.value + limits::commit_wait_ms_max),
                std::move(reply)});
}

void Service::refuse_when_committed(ReplyTo to, std::uint64_t number, const Refusal& refusal,
                                    Now now) {
  answer_when_committed(to, refusal_reply(number, refusal), now);
}

void Service::send_committed(std::vector<CommitWaiters::Waiting>& taken) {
  for (const auto& waiting : taken) {
    if (const auto* write = std::get_if<WriteReply>(&waiting.what)) {
      replies_.reply(waiting.to, answer_to_write(*write, waiting.number));
    } else {
      replies_.reply(waiting.to, std::get<Reply>(waiting.what));
    }
  }
}

void Service::send_not_leader(ReplyTo to, std::uint64_t number) {
  reply::ErrorBody body;
  body.text = stopping_ ? "this server is stopping" : status_text(Status::not_leader);
  const auto routing = node_.routing(turn_);
  if (const auto* elsewhere = std::get_if<replica::NotLeader>(&routing)) {
    body.server = elsewhere->leader;
  }
  replies_.reply(to, {Status::not_leader, number, std::move(body)});
}

void Service::finish_turn(Now now) {
  turn_ = now.steady;
  if (audit_ != nullptr) audit_->finish_turn(now.steady, now.wall);
  unpark(now);
  submit(now);
  if (events_.touched()) {
    woken_.clear();
    events_.take_touched(tables_, woken_);
    auto woken = std::move(woken_);
    for (const auto& waiting : woken) answer_events(waiting, false, now);
  }
  expire(now);
}

void Service::expire(Now now) {
  woken_.clear();
  events_.take_expired(now.steady, woken_);
  auto expired = std::move(woken_);
  const bool serves =
      !expired.empty() && std::holds_alternative<replica::Serve>(node_.routing(now.steady));
  for (const auto& waiting : expired) {
    if (serves) {
      answer_events(waiting, true, now);
    } else {
      send_not_leader(waiting.to, waiting.number);
    }
  }
  while (!parked_.empty() && parked_.front().deadline <= now.steady) {
    const auto& waiting = parked_.front();
    const char* const why = waiting.repairs ? damaged_text : "no server leads yet";
    replies_.reply(waiting.to, refusal_reply(waiting.request.number, {Status::unavailable, why}));
    parked_.pop_front();
  }
  if (now.steady < next_sweep_) return;
  next_sweep_ = clock_ms(now.steady.value + 250);
  taken_.clear();
  commits_.take_expired(now.steady, taken_);
  for (const auto& waiting : taken_) {
    replies_.reply(waiting.to,
                   refusal_reply(waiting.number,
                                 {Status::unavailable, "not yet on the disks of all servers"}));
  }
}

std::optional<replica::Clock> Service::next_deadline() const {
  auto next = events_.next_deadline();
  const auto consider = [&next](replica::Clock deadline) {
    if (!next || deadline < *next) next = deadline;
  };
  if (!parked_.empty()) {
    consider(parked_.front().deadline);
    consider(clock_ms(asked_.value + limits::parked_ask_every_ms));
  }
  if (commits_.size() != 0) consider(next_sweep_);
  return next;
}

}  // namespace chat262::broker

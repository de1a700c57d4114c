// The part of the service that has to do with passwords: guessing is slowed down before anything is
// hashed.
#include <algorithm>
#include <utility>
#include <variant>

#include "broker/address_group.hpp"
#include "broker/admission_parts.hpp"
#include "broker/server_limits.hpp"
#include "broker/service.hpp"

namespace chat262::broker {

namespace {

std::uint64_t number_of(const AccountId& account) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value = value << 8 | account.bytes.at(i);
  return value;
}

std::string in_seconds(std::int64_t ms) {
  const auto seconds = (ms + 999) / 1000;
  if (seconds >= 120) return std::to_string((seconds + 59) / 60) + " minutes";
  return std::to_string(seconds) + (seconds == 1 ? " second" : " seconds");
}

Refusal too_many(const std::string& what, std::int64_t wait_ms) {
  return {Status::too_many, what + ": try again in " + in_seconds(wait_ms),
          static_cast<std::uint32_t>(std::max<std::int64_t>(wait_ms, 1))};
}

}  // namespace

// Of a log-in, and of what a signed-in client has to prove with its password: a token that was
// stolen is no key to it.
Service::Guess Service::guess_of(const Request& request) const {
  if (const auto* login = std::get_if<request::LogIn>(&request.body)) {
    return SignInThrottle::Try{throttle_name(login->name), request.address};
  }
  if (const auto* reset = std::get_if<request::ResetPassword>(&request.body)) {
    return SignInThrottle::Try{throttle_name(reset->name), request.address};
  }
  if (std::holds_alternative<request::ChangePassword>(request.body) ||
      std::holds_alternative<request::DeleteAccount>(request.body)) {
    const auto session = tables_.session(hash_of(request.token));
    if (session) return SignInThrottle::Try{number_of(session->account), request.address};
  }
  return std::nullopt;
}

// Of who has a session: it is a matter of the address as well, for the token may be stolen. Failed
// log-ins of others do not count against it.
bool Service::comes_from_home(const Request& request, Now now) const {
  const auto group = address_group(request.address);
  const auto time = std::max(now.wall, tables_.applied_time());
  const auto opened_from_there = [&](const AccountId& account) {
    const auto sessions = tables_.sessions(account);
    return std::any_of(sessions.begin(), sessions.end(), [&](const auto& session) {
      return session.record.expires > time && address_group(session.record.address) == group;
    });
  };
  const std::string* name = nullptr;
  if (const auto* login = std::get_if<request::LogIn>(&request.body)) name = &login->name;
  if (const auto* reset = std::get_if<request::ResetPassword>(&request.body)) name = &reset->name;
  if (name == nullptr) {
    const auto session = tables_.session(hash_of(request.token));
    return session && opened_from_there(session->account);
  }
  const auto candidates = admission::login_candidates(tables_, *name);
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const auto& account) { return opened_from_there(account.id); });
}

bool Service::may_guess(ReplyTo to, const Request& request, const Guess& guess, Now now) {
  if (!guess) return true;
  const auto known = [&] { return comes_from_home(request, now); };
  const auto verdict = throttle_.begin(*guess, known, now.steady);
  if (verdict.wait_ms == 0) return true;
  auto refusal = too_many("too many wrong passwords", verdict.wait_ms);
  if (audit_ != nullptr && !verdict.busy) {
    audit_->failed(Audit::Failure::throttled, request, now.wall);
  }
  if (verdict.busy) refusal = {Status::busy, status_text(Status::busy)};
  replies_.reply(to, refusal_reply(request.number, refusal));
  return false;
}

void Service::guessed(const Guess& guess, std::optional<bool> right, Now now) {
  if (!guess) return;
  if (!right) {
    throttle_.abandoned(*guess);
  } else if (*right) {
    throttle_.succeeded(*guess, now.steady);
  } else {
    throttle_.failed(*guess, now.steady);
  }
}

// A wrong one counts as an account that was registered.
bool Service::guesses_invitation(const Request& request, const Refusal& refusal) const {
  const auto* body = std::get_if<request::Register>(&request.body);
  return body != nullptr && refusal.status == Status::no_permission &&
         cluster_.registration == Registration::invitation && !body->invitation.empty();
}

bool Service::may_register(ReplyTo to, const Request& request, Now now) {
  if (!std::holds_alternative<request::Register>(request.body)) return true;
  const auto group = limited_group(request.address, cluster_.limits.loopback);
  if (group.empty()) return true;
  const auto wait_ms = registrations_.wait_ms(group, now.steady);
  if (wait_ms == 0) {
    registrations_.add(group, now.steady);
    return true;
  }
  const auto refusal = too_many("too many accounts were registered from your address", wait_ms);
  replies_.reply(to, refusal_reply(request.number, refusal));
  return false;
}

void Service::start_password(ReplyTo to, const Request& request, PasswordJob job, Now now) {
  auto guess = guess_of(request);
  if (!may_register(to, request, now) || !may_guess(to, request, guess, now)) return;
  queue_password(to, request, std::move(job), std::move(guess));
}

void Service::queue_password(ReplyTo to, const Request& request, PasswordJob job, Guess guess) {
  job.id = next_job_++;
  InPassword waiting{to, request, {}, std::move(guess)};
  waiting.job.id = job.id;
  waiting.job.hash = job.hash;
  waiting.job.candidate = job.candidate;
  waiting.job.make = job.make;
  const auto id = job.id;
  if (!passwords_.start(std::move(job))) {
    guessed(waiting.guess, std::nullopt, {turn_, {}});
    replies_.reply(to, refusal_reply(request.number, {Status::busy, status_text(Status::busy)}));
    return;
  }
  in_password_.emplace(id, std::move(waiting));
}

void Service::password_done(std::uint64_t job, bool verified, const std::string& hash, Now now) {
  turn_ = now.steady;
  const auto place = in_password_.find(job);
  if (place == in_password_.end()) return;
  auto waiting = std::move(place->second);
  in_password_.erase(place);
  if (!std::holds_alternative<replica::Serve>(node_.routing(now.steady))) {
    guessed(waiting.guess, std::nullopt, now);
    send_not_leader(waiting.to, waiting.request.number);
    return;
  }
  auto next =
      admission_.admit_with_password(waiting.request, waiting.job, verified, hash, now.wall);
  if (auto* more = std::get_if<Admission::NeedsPassword>(&next)) {
    // Whoever once had the name is part of the same try.
    queue_password(waiting.to, waiting.request, std::move(more->job), std::move(waiting.guess));
    return;
  }
  guessed(waiting.guess, verified, now);
  if (audit_ != nullptr && !verified) {
    audit_->failed(Audit::Failure::wrong, waiting.request, now.wall);
  }
  verdict(waiting.to, waiting.request, std::move(next), now);
}

void Service::heard_failed(const peer::FailedSignIns& failed, Now now) {
  std::size_t taken = 0;
  for (const auto& one : failed.failed) {
    if (++taken > limits::failed_sign_ins_max) break;
    throttle_.heard(one, now.steady);
  }
}

}  // namespace chat262::broker

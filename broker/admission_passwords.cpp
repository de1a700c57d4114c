// Admission of requests that come with a password: what the workers have to do, and what becomes of
// it.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "broker/admission_parts.hpp"
#include "broker/server_limits.hpp"
#include "protocol/codes.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

namespace admission {

namespace {
constexpr const char* bad_invitation_text =
    "this invitation is not good: it is mistyped, used up, or has expired";
constexpr const char* bad_code_text = "wrong name or code; or the code was used, or has expired";
}  // namespace

std::optional<store::AccountRecord> living_account(const store::Tables& tables,
                                                   const std::string& typed) {
  const auto name = fold(typed);
  if (!name) return std::nullopt;
  auto record = tables.account_named(*name);
  if (!record || record->deleted) return std::nullopt;
  return record;
}

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

namespace {

Refusal outdated_refusal(ServerId server) {
  return {Status::unavailable, "server " + std::to_string(server.value) +
                                   " runs an older version, which does not know of this: it must "
                                   "be updated first"};
}

std::optional<Refusal> refused_registration(const store::Tables& tables,
                                            const request::Register& body,
                                            const AccountRules& rules,
                                            std::optional<ServerId> outdated, TimeMs time) {
  if (rules.registration == Registration::open) return std::nullopt;
  if (rules.registration == Registration::closed) {
    return Refusal{Status::no_permission, "nobody can register here"};
  }
  if (body.invitation.empty()) {
    return Refusal{Status::no_permission, "to register here takes an invitation"};
  }
  if (outdated) return outdated_refusal(*outdated);
  const auto code = code_hash(body.invitation);
  const auto invitation = code ? tables.invitation(*code) : std::nullopt;
  if (!invitation || invitation->uses == 0 || invitation->expires <= time) {
    return Refusal{Status::no_permission, bad_invitation_text};
  }
  return std::nullopt;
}

// The hash of the code, if it is the account's and still good.
std::optional<Hash> good_reset_code(const store::Tables& tables, const request::ResetPassword& body,
                                    const std::optional<store::AccountRecord>& account,
                                    TimeMs time) {
  const auto code = code_hash(body.reset_code);
  const auto reset = account ? tables.reset_code(account->id) : std::nullopt;
  const bool good = code && reset && reset->code == *code && !reset->used && reset->expires > time;
  return good ? code : std::nullopt;
}

}  // namespace

Admission::Verdict job_for_register(const store::Tables& tables, const request::Register& body,
                                    const AccountRules& rules, std::optional<ServerId> outdated,
                                    TimeMs time) {
  const auto name = parse_name(body.name);
  if (!name) return Refusal{Status::bad_name, name.error().text};
  if (const auto fine = check_password(body.password); !fine) {
    return Refusal{Status::bad_password, fine.error().text};
  }
  if (auto refusal = refused_registration(tables, body, rules, outdated, time)) return *refusal;
  if (tables.account_named(name->folded)) return refuse(Status::name_taken);
  PasswordJob job;
  job.make = true;
  job.new_password = body.password;
  return Admission::NeedsPassword{std::move(job)};
}

Admission::Verdict job_for_login(const store::Tables& tables, const request::LogIn& body,
                                 unsigned candidate, const AccountRules& rules) {
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
  job.hash =
      candidates.empty() ? nobodys_hash(rules.password) : candidates[candidate].password_hash;
  job.renew = !candidates.empty();
  return Admission::NeedsPassword{std::move(job)};
}

Admission::Verdict job_for_account(const store::Tables& tables, const Session& session,
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

Admission::Verdict job_for_reset(const store::Tables& tables, const request::ResetPassword& body,
                                 std::optional<ServerId> outdated, TimeMs time) {
  if (const auto fine = check_password(body.new_password); !fine) {
    return Refusal{Status::bad_password, fine.error().text};
  }
  if (!good_reset_code(tables, body, living_account(tables, body.name), time)) {
    return Refusal{Status::wrong_credentials, bad_code_text};
  }
  if (outdated) return outdated_refusal(*outdated);
  PasswordJob job;
  job.make = true;
  job.new_password = body.new_password;
  return Admission::NeedsPassword{std::move(job)};
}

// What a program says of itself, fit to be shown to people.
std::string described(const std::string& client) {
  std::string text;
  for (const char c : printable(client)) {
    if (text.size() >= chat262::limits::client_text_bytes_max) break;
    text += c;
  }
  // No part of a character at the end.
  std::size_t whole = text.size();
  const auto byte = [&text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (whole > 0 && (byte(whole - 1) & 0xC0U) == 0x80U) --whole;
  if (whole > 0 && byte(whole - 1) >= 0xC0U) {
    const unsigned first = byte(whole - 1);
    const std::size_t needed = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : 2;
    text.resize(text.size() - (whole - 1) < needed ? whole - 1 : text.size());
  }
  return text;
}

}  // namespace admission

using namespace admission;

Admission::Verdict Admission::admit_with_password(const Request& request, const PasswordJob& job,
                                                  bool verified, const std::string& hash,
                                                  TimeMs now) {
  if (const auto outcome = tables_.request({request.client, request.number})) {
    return Known{outcome->at, reply_for(request)};
  }
  if (!verified) {
    const auto* login = std::get_if<request::LogIn>(&request.body);
    if (login != nullptr) return job_for_login(tables_, *login, job.candidate + 1, rules_);
    return refuse(Status::wrong_credentials);
  }
  if (job.make && hash.empty()) return Refusal{Status::busy, "no memory for a password hash"};

  if (const auto* body = std::get_if<request::Register>(&request.body)) {
    auto name = parse_name(body->name);
    if (!name) return Refusal{Status::bad_name, name.error().text};
    const auto time = std::max(now, tables_.applied_time());
    if (auto refusal = refused_registration(tables_, *body, rules_, outdated_, time)) {
      return *refusal;
    }
    if (tables_.account_named(name->folded)) return refuse(Status::name_taken);
    op::Register made;
    made.account = account_id({request.client, request.number});
    made.name = std::move(name->shown);
    made.folded = std::move(name->folded);
    made.password_hash = hash;
    if (rules_.registration == Registration::invitation) {
      made.invitation = code_hash(body->invitation).value_or(Hash{});
    }
    return make(request, now, std::move(made));
  }
  if (const auto* body = std::get_if<request::LogIn>(&request.body)) {
    return log_in(request, *body, job, hash, now);
  }
  if (const auto* body = std::get_if<request::ResetPassword>(&request.body)) {
    const auto account = living_account(tables_, body->name);
    const auto time = std::max(now, tables_.applied_time());
    const auto code = good_reset_code(tables_, *body, account, time);
    if (!code) return Refusal{Status::wrong_credentials, bad_code_text};
    return make(request, now, op::ResetPassword{account->id, *code, hash});
  }
  const auto session = find_session(tables_, request.token, now);
  if (!session) return refuse(Status::not_signed_in);
  const auto account = tables_.account(session->account);
  if (!account || account->deleted) return refuse(Status::not_signed_in);
  if (account->password_hash != job.hash) return admit(request, now);  // once more
  if (std::holds_alternative<request::ChangePassword>(request.body)) {
    return make(request, now, op::ChangePassword{session->account, hash, session->token_hash});
  }
  return make(request, now, op::DeleteAccount{session->account});
}

Admission::Verdict Admission::log_in(const Request& request, const request::LogIn& body,
                                     const PasswordJob& job, const std::string& hash, TimeMs now) {
  const auto candidates = login_candidates(tables_, body.name);
  if (job.candidate >= candidates.size()) return refuse(Status::wrong_credentials);
  const auto& account = candidates[job.candidate];
  // The password was right for a hash that is no longer the account's: once more, with the new one.
  if (account.password_hash != job.hash) {
    return job_for_login(tables_, body, job.candidate, rules_);
  }
  if (account.suspended) return refuse(Status::suspended);
  const Hash token_hash = hash_of(body.token);
  if (tables_.session(token_hash)) {
    return Refusal{Status::bad_argument, "this session token is in use"};
  }
  auto admitted = make(request, now, op::OpenSession{account.id, token_hash, {}});
  auto& session = std::get<op::OpenSession>(admitted.operation.body);
  session.expires = TimeMs{{admitted.operation.time.value + limits::session_ms}};
  if (!outdated_) {  // an older server could not read it
    session.address = request.address.substr(0, chat262::limits::address_bytes_max);
    session.client = described(body.client);
  }
  if (!hash.empty() && !outdated_) {  // the same password, at the cost that it should have
    const Hash before =
        hash_of({reinterpret_cast<const std::uint8_t*>(account.password_hash.data()),
                 account.password_hash.size()});
    auto& renewal = admitted.also.emplace();
    renewal.request = servers_own_request("rehash", before, 1);
    renewal.time = admitted.operation.time;
    renewal.body = op::Rehash{account.id, before, hash};
  }
  return admitted;
}

}  // namespace chat262::broker

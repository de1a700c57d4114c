// What the files of the admission share.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/admission.hpp"

namespace chat262::broker::admission {

using Made = std::variant<OperationBody, Refusal>;

[[nodiscard]] inline Refusal refuse(Status status) {
  return {status, status_text(status)};
}

// admission_answers.cpp
[[nodiscard]] WriteReply reply_for(const Request& request);

// By any spelling of the name.
[[nodiscard]] std::optional<store::AccountRecord> living_account(const store::Tables& tables,
                                                                 const std::string& typed);
// Whose password a log-in may be given: the holder of the name, then those whom a merge renamed.
[[nodiscard]] std::vector<store::AccountRecord> login_candidates(const store::Tables& tables,
                                                                 const std::string& typed);

// admission_requests.cpp: writes of a signed-in client that need no password.
[[nodiscard]] Made make_signed_in(const store::Tables& tables, const Request& request,
                                  const Session& session);

// admission_passwords.cpp: what the workers have to do first.
[[nodiscard]] Admission::Verdict job_for_register(const store::Tables& tables,
                                                  const request::Register& body,
                                                  const AccountRules& rules,
                                                  std::optional<ServerId> outdated, TimeMs time);
[[nodiscard]] Admission::Verdict job_for_reset(const store::Tables& tables,
                                               const request::ResetPassword& body,
                                               std::optional<ServerId> outdated, TimeMs time);
[[nodiscard]] Admission::Verdict job_for_login(const store::Tables& tables,
                                               const request::LogIn& body, unsigned candidate,
                                               const AccountRules& rules);
[[nodiscard]] Admission::Verdict job_for_account(const store::Tables& tables,
                                                 const Session& session,
                                                 const std::string& password,
                                                 const std::string* new_password);

[[nodiscard]] std::string described(const std::string& client);

}  // namespace chat262::broker::admission

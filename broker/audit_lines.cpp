#include "broker/audit_lines.hpp"

#include <fmt/format.h>

#include <ctime>

#include "store/hex.hpp"

namespace chat262::broker {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20U) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void AuditLine::key(std::string_view key) {
  if (text_.size() > 1) text_ += ',';
  text_ += '"';
  text_ += key;
  text_ += "\":";
}

AuditLine& AuditLine::field(std::string_view key, std::string_view text) {
  this->key(key);
  text_ += '"' + escaped(text) + '"';
  return *this;
}

AuditLine& AuditLine::field(std::string_view key, std::uint64_t number) {
  this->key(key);
  text_ += std::to_string(number);
  return *this;
}

AuditLine& AuditLine::flag(std::string_view key) {
  this->key(key);
  text_ += "true";
  return *this;
}

AuditLine& AuditLine::time(TimeMs time) {
  const auto seconds = static_cast<std::time_t>(time.value / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return field("time", fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                                   parts.tm_hour, parts.tm_min, parts.tm_sec, time.value % 1000));
}

AuditLine& AuditLine::at(const Position& position) {
  field("seq", position.seq.value);
  return field("epoch", fmt::format("{}.{}", position.epoch.counter, position.epoch.server.value));
}

// ---- operations

void AuditedOperation::about(std::string_view what, const AccountId& account) {
  this->what(what);
  if (const auto record = tables_.account(account)) line_.field("account", record->name);
  line_.field("id", store::hex(account.bytes));
}

void AuditedOperation::by(const std::string& by) {
  if (!by.empty()) line_.field("by", by);
}

bool AuditedOperation::operator()(const op::Register& body) {
  about("registered", body.account);
  if (body.invitation != Hash{}) line_.flag("invited");
  return true;
}

bool AuditedOperation::operator()(const op::OpenSession& body) {
  about("logged-in", body.account);
  line_.field("session", store::hex(session_id(body.token_hash).bytes));
  if (!body.address.empty()) line_.field("address", body.address);
  if (!body.client.empty()) line_.field("client", body.client);
  return true;
}

bool AuditedOperation::operator()(const op::CloseSession& body) {
  about("session-ended", body.account);
  line_.field("session", store::hex(session_id(body.token_hash).bytes));
  return true;
}

bool AuditedOperation::operator()(const op::CloseAllSessions& body) {
  about("logged-out-everywhere", body.account);
  by(body.by);
  return true;
}

bool AuditedOperation::operator()(const op::ChangePassword& body) {
  about("password-changed", body.account);
  return true;
}

bool AuditedOperation::operator()(const op::DeleteAccount& body) {
  about("account-deleted", body.account);
  by(body.by);
  return true;
}

bool AuditedOperation::operator()(const op::ReplaceServer& body) {
  what("server-replaced");
  line_.field("server", body.server.value).field("place", place_text(body.place));
  return true;
}

bool AuditedOperation::operator()(const op::SetServerKey& body) {
  what("server-key-set");
  line_.field("server", body.server.value);
  return true;
}

bool AuditedOperation::operator()(const op::Rehash& body) {
  about("password-rehashed", body.account);
  return true;
}

bool AuditedOperation::operator()(const op::CreateInvitation& body) {
  what("invitation-made");
  line_.field("uses", body.uses);
  by(body.by);
  return true;
}

bool AuditedOperation::operator()(const op::SuspendAccount& body) {
  about(body.suspended ? "account-suspended" : "account-resumed", body.account);
  by(body.by);
  return true;
}

bool AuditedOperation::operator()(const op::OfferReset& body) {
  about("reset-code-made", body.account);
  by(body.by);
  return true;
}

bool AuditedOperation::operator()(const op::ResetPassword& body) {
  about("password-reset", body.account);
  return true;
}

}  // namespace chat262::broker

// The lines of DIR/audit.log: JSON by hand, a field at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/entry.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

class AuditLine {
 public:
  AuditLine& field(std::string_view key, std::string_view text);
  AuditLine& field(std::string_view key, std::uint64_t number);
  AuditLine& flag(std::string_view key);  // true
  AuditLine& time(TimeMs time);           // "2026-01-31T23:59:59.999Z"
  AuditLine& at(const Position& position);
  [[nodiscard]] std::string text() const { return text_ + "}"; }

 private:
  void key(std::string_view key);
  std::string text_ = "{";
};

// What an operation came to, if it is one that is written down.
class AuditedOperation {
 public:
  AuditedOperation(AuditLine& line, const store::Tables& tables) : line_(line), tables_(tables) {}

  bool operator()(const op::Register& body);
  bool operator()(const op::OpenSession& body);
  bool operator()(const op::CloseSession& body);
  bool operator()(const op::CloseAllSessions& body);
  bool operator()(const op::ChangePassword& body);
  bool operator()(const op::DeleteAccount& body);
  bool operator()(const op::ReplaceServer& body);
  bool operator()(const op::SetServerKey& body);
  bool operator()(const op::Rehash& body);
  bool operator()(const op::CreateInvitation& body);
  bool operator()(const op::SuspendAccount& body);
  bool operator()(const op::OfferReset& body);
  bool operator()(const op::ResetPassword& body);
  template <class Other>
  bool operator()(const Other& /*body*/) {
    return false;
  }

 private:
  void what(std::string_view what) { line_.field("what", what); }
  void about(std::string_view what, const AccountId& account);
  void by(const std::string& by);

  AuditLine& line_;
  const store::Tables& tables_;
};

}  // namespace chat262::broker

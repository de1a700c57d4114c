// chat262ctl audit: what a server has written down of accounts, readably.
#pragma once

#include <filesystem>
#include <string>

#include "client/control/outcome.hpp"

namespace chat262::control {

struct AuditOptions {
  std::filesystem::path data;
  std::string account;  // only of this one; any spelling
  bool follow = false;
  bool json = false;
};
[[nodiscard]] Exit show_audit(const AuditOptions& options);

// A line of DIR/audit.log for people; "" for what is not for them.
[[nodiscard]] std::string audit_text(const std::string& line);

}  // namespace chat262::control

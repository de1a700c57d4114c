// chat262ctl account ... and invite: what operators do with accounts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "client/control/outcome.hpp"

namespace chat262::control {

struct AccountOptions {
  std::filesystem::path data;
  std::string name;
  std::string pattern = "*";
  bool json = false;
  bool yes = false;
};

[[nodiscard]] Exit list_accounts(const AccountOptions& options);
[[nodiscard]] Exit show_account(const AccountOptions& options);
[[nodiscard]] Exit suspend_account(const AccountOptions& options, bool suspended);
[[nodiscard]] Exit reset_account_password(const AccountOptions& options);
[[nodiscard]] Exit log_out_account(const AccountOptions& options);
[[nodiscard]] Exit delete_account(const AccountOptions& options);

struct InviteOptions {
  std::filesystem::path data;
  std::uint32_t uses = 1;
  std::uint32_t days = 7;
};
[[nodiscard]] Exit invite(const InviteOptions& options);

}  // namespace chat262::control

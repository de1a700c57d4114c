#include "client/control/account_commands.hpp"

#include <memory>

#include "client/control/account.hpp"
#include "client/control/audit.hpp"

namespace chat262::control {
namespace {

using Run = std::function<Exit()>;

void add_data_option(CLI::App& command, std::filesystem::path& data) {
  command.add_option("--data", data,
                     "data directory of a server on this machine (the one in /var/lib/chat262)");
}

using Action = std::function<Exit(const AccountOptions&)>;

CLI::App& add(CLI::App& app, Run& run, const std::shared_ptr<AccountOptions>& options,
              const char* name, const char* help, Action action, bool takes_name = true) {
  auto* command = app.add_subcommand(name, help);
  add_data_option(*command, options->data);
  command->add_flag("--json", options->json, "as JSON");
  if (takes_name) command->add_option("NAME", options->name, "of the account")->required();
  command->callback([&run, options, action = std::move(action)] {
    run = [options, action] { return action(*options); };
  });
  return *command;
}

}  // namespace

void add_account_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<AccountOptions>();
  auto* account = app.add_subcommand("account", "list accounts, suspend, log out, delete them");
  account->require_subcommand(1);
  add_data_option(*account, options->data);  // before or behind the command
  add(*account, run, options, "list", "all accounts, deleted ones too", list_accounts, false)
      .add_option("--pattern", options->pattern, "only these names; * stands for anything");
  add(*account, run, options, "show", "one account and its sessions", show_account);
  add(*account, run, options, "suspend", "end its sessions and let nobody sign in",
      [](const auto& o) { return suspend_account(o, true); });
  add(*account, run, options, "resume", "end a suspension",
      [](const auto& o) { return suspend_account(o, false); });
  add(*account, run, options, "reset-password",
      "make a code with which its owner sets a new password, once, within a day",
      reset_account_password);
  add(*account, run, options, "log-out", "end all of its sessions", log_out_account);
  add(*account, run, options, "delete", "delete it for ever and erase all it wrote", delete_account)
      .add_flag("--yes", options->yes, "do not ask");

  auto invitation = std::make_shared<InviteOptions>();
  auto* invite_command = app.add_subcommand("invite", "make a code with which people may register");
  add_data_option(*invite_command, invitation->data);
  invite_command->add_option("--uses", invitation->uses, "for so many accounts (1)");
  invite_command->add_option("--days", invitation->days, "for so many days (7)");
  invite_command->callback(
      [&run, invitation] { run = [invitation] { return invite(*invitation); }; });

  auto audit = std::make_shared<AuditOptions>();
  auto* audit_command = app.add_subcommand(
      "audit", "what was done to accounts, and which sign-ins failed, as a server wrote it down");
  add_data_option(*audit_command, audit->data);
  audit_command->add_flag("--follow", audit->follow, "go on until interrupted");
  audit_command->add_option("--account", audit->account, "only of this account");
  audit_command->add_flag("--json", audit->json, "the lines as they are");
  audit_command->callback([&run, audit] { run = [audit] { return show_audit(*audit); }; });
}

}  // namespace chat262::control

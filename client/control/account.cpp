#include "client/control/account.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "client/control/confirm.hpp"
#include "client/control/control_socket.hpp"
#include "protocol/codes.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"
#include "store/hex.hpp"

namespace chat262::control {
namespace {

using nlohmann::json;

constexpr std::int64_t answer_within_ms = 10'000;  // the servers give up sooner, and say why

std::string asker() {
  const uid_t uid = getuid();
  const passwd* user = getpwuid(uid);
  return user != nullptr ? std::string(user->pw_name) : "uid " + std::to_string(uid);
}

std::string time_text(TimeMs time) {
  const auto seconds = static_cast<std::time_t>(time.value / 1000);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts);
  return text.data();
}

std::string new_code() {
  Bytes random(code_digits);
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw Failure{Exit::degraded, "no random numbers from the system"};
  }
  return code_text(random);
}

std::string state_text(const reply::AccountState& account) {
  if (account.deleted) return "deleted";
  return account.suspended ? "suspended" : "";
}

json json_of(const reply::AccountState& account) {
  return {{"account", store::hex(account.id.bytes)},
          {"name", account.name},
          {"created_ms", account.created.value},
          {"suspended", account.suspended},
          {"deleted", account.deleted},
          {"sessions", account.sessions}};
}

std::string one_line(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

void say(const AccountOptions& options, const std::string& what) {
  if (options.json) {
    std::puts(R"({"outcome":"done"})");
  } else {
    fmt::print("{} {}\n", printable(options.name), what);
  }
}

}  // namespace

Exit list_accounts(const AccountOptions& options) {
  ControlSocket server(data_directory(options.data));
  request::ListAccounts request{options.pattern, "", limits::page_items_max};
  for (;;) {
    const auto page = server.get<reply::AccountStates>(request, answer_within_ms);
    for (const auto& account : page.accounts) {
      if (options.json) {
        fmt::print("{}\n", one_line(json_of(account)));
      } else {
        fmt::print("{:<24} since {}  {:>3} session{}  {}\n", printable(account.name),
                   time_text(account.created), account.sessions, account.sessions == 1 ? " " : "s",
                   state_text(account));
      }
    }
    if (!page.more || page.accounts.empty()) return Exit::ok;
    request.after = page.accounts.back().name;
  }
}

Exit show_account(const AccountOptions& options) {
  ControlSocket server(data_directory(options.data));
  const auto shown =
      server.get<reply::AccountShown>(request::ShowAccount{options.name}, answer_within_ms);
  const auto& account = shown.account;
  if (options.json) {
    auto object = json_of(account);
    object["former_name"] = shown.former_name;
    object["reset_until_ms"] = shown.reset_until ? json(shown.reset_until->value) : json(nullptr);
    object["open"] = json::array();
    for (const auto& one : shown.sessions) {
      object["open"].push_back({{"session", store::hex(one.id.bytes)},
                                {"created_ms", one.created.value},
                                {"expires_ms", one.expires.value},
                                {"address", one.address},
                                {"client", one.client}});
    }
    fmt::print("{}\n", one_line(object));
    return Exit::ok;
  }
  fmt::print("name      {}\nid        {}\ncreated   {}\n", printable(account.name),
             store::hex(account.id.bytes), time_text(account.created));
  if (!shown.former_name.empty()) {
    fmt::print("was       {}, until a network split was healed\n", printable(shown.former_name));
  }
  if (!state_text(account).empty()) fmt::print("state     {}\n", state_text(account));
  if (shown.reset_until) {
    fmt::print("reset     a code for a new password is good until {}\n",
               time_text(*shown.reset_until));
  }
  fmt::print("sessions  {}\n", account.sessions);
  for (const auto& one : shown.sessions) {
    fmt::print("  {}  since {}  until {}  {}  {}\n", store::hex(one.id.bytes).substr(0, 12),
               time_text(one.created), time_text(one.expires),
               one.address.empty() ? "-" : printable(one.address), printable(one.client));
  }
  return Exit::ok;
}

Exit suspend_account(const AccountOptions& options, bool suspended) {
  ControlSocket server(data_directory(options.data));
  static_cast<void>(server.get<reply::Done>(
      request::SuspendAccount{options.name, suspended, asker()}, answer_within_ms));
  say(options, suspended ? "is suspended; its sessions are ended" : "may sign in again");
  return Exit::ok;
}

Exit reset_account_password(const AccountOptions& options) {
  ControlSocket server(data_directory(options.data));
  const auto code = new_code();
  const auto made = server.get<reply::CodeMade>(
      request::OfferReset{options.name, *code_hash(code), asker()}, answer_within_ms);
  if (options.json) {
    const json object = {{"code", code}, {"expires_ms", made.expires.value}};
    fmt::print("{}\n", one_line(object));
  } else {
    std::fprintf(stderr,
                 "With this code %s sets a new password, once, until %s:\n"
                 "    chat262 reset-password %s\n",
                 printable(options.name).c_str(), time_text(made.expires).c_str(),
                 printable(options.name).c_str());
    fmt::print("{}\n", code);
  }
  return Exit::ok;
}

Exit log_out_account(const AccountOptions& options) {
  ControlSocket server(data_directory(options.data));
  static_cast<void>(
      server.get<reply::Done>(request::LogOutAccount{options.name, asker()}, answer_within_ms));
  say(options, "is logged out everywhere");
  return Exit::ok;
}

Exit delete_account(const AccountOptions& options) {
  ControlSocket server(data_directory(options.data));
  if (!options.yes) {
    const auto shown =
        server.get<reply::AccountShown>(request::ShowAccount{options.name}, answer_within_ms);
    std::fprintf(stderr,
                 "This deletes the account %s for ever and erases all it wrote. Its name stays "
                 "taken.\n",
                 printable(shown.account.name).c_str());
    need_word("delete");
  }
  static_cast<void>(
      server.get<reply::Done>(request::RemoveAccount{options.name, asker()}, answer_within_ms));
  say(options, "is deleted");
  return Exit::ok;
}

Exit invite(const InviteOptions& options) {
  ControlSocket server(data_directory(options.data));
  const auto code = new_code();
  const auto made = server.get<reply::CodeMade>(
      request::Invite{*code_hash(code), options.uses, options.days, asker()}, answer_within_ms);
  std::fprintf(stderr, "Good for %u account%s until %s:\n", options.uses,
               options.uses == 1 ? "" : "s", time_text(made.expires).c_str());
  fmt::print("{}\n", code);
  return Exit::ok;
}

}  // namespace chat262::control

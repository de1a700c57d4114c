#include "client/replay/session.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace chat262::replay {
namespace {

// One call's deadline. Longer waits are made of several, so that the run can be interrupted.
constexpr client::Milliseconds call_timeout{2'500};

// While servers are away the same happens again and again: it is told now and then.
class SeldomNotes {
 public:
  bool pass(const client::Progress& progress) {
    if (progress.kind == client::Progress::Kind::trying) return false;
    const auto now = Deadline::Clock::now();
    auto& last = told_[{static_cast<int>(progress.kind), progress.server}];
    const bool again = last && now - *last < std::chrono::seconds(5);
    if (!again) last = now;
    return !again;
  }

 private:
  std::map<std::pair<int, unsigned>, std::optional<Deadline::Clock::time_point>> told_;
};

client::Options options_of(const Login& login, std::function<void(const std::string&)> note) {
  client::Options options;
  try {
    options.servers = client::servers_from(login.addresses, login.cluster_file);
  } catch (const std::invalid_argument& wrong) {
    throw Failure{Exit::usage, wrong.what()};
  }
  options.timeout = call_timeout;
  options.on_progress = [note = std::move(note),
                         seldom = SeldomNotes()](const client::Progress& progress) mutable {
    if (seldom.pass(progress)) note(progress.text);
  };
  return options;
}

// Echo is off while this lives.
class NoEcho {
 public:
  NoEcho() {
    tcgetattr(STDIN_FILENO, &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
};

std::string first_line(std::istream& input, const std::string& name) {
  std::string line;
  if (!std::getline(input, line)) throw Failure{Exit::usage, "no password in " + name};
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

std::string read_password(const Login& login) {
  if (!login.password_file.empty()) {
    std::ifstream file(login.password_file);
    if (!file) throw Failure{Exit::usage, "cannot read " + login.password_file};
    return first_line(file, login.password_file);
  }
  if (login.password_stdin) return first_line(std::cin, "standard input");
  if (isatty(STDIN_FILENO) == 0) {
    throw Failure{Exit::usage, "no password: use --password-file or --password-stdin"};
  }
  std::fprintf(stderr, "password of %s: ", login.account.c_str());
  const NoEcho silent;
  auto password = first_line(std::cin, "the terminal");
  std::fputc('\n', stderr);
  return password;
}

Session::Session(const Login& login, IfMissing missing, const Deadline& deadline,
                 std::function<void(const std::string&)> note)
    : deadline_(deadline),
      client_(options_of(login, std::move(note))),
      account_(login.account),
      password_(read_password(login)) {
  auto in = try_log_in();
  const auto* refused = in.refused();
  // Servers do not tell a wrong password from a name that does not exist; registering does.
  if (refused != nullptr && refused->code == "wrong_credentials" && missing == IfMissing::make) {
    register_account();
    in = try_log_in();
  }
  me_ = need(in, "signing in as " + account_);
}

bool Session::passes(const client::Refused& refused) {
  return refused.code == "no_answer" || refused.code == "unavailable" || refused.code == "busy" ||
         refused.code == "not_leader";
}

void Session::sign_in() {
  auto in = try_log_in();
  me_ = need(in, "signing in as " + account_);
}

// Not by insist(): a session's token is made by each call, so an unknown one is of no use.
client::Outcome<client::LoggedIn> Session::try_log_in() {
  for (;;) {
    auto outcome = client_.log_in(account_, password_);
    const auto* refused = outcome.refused();
    if (outcome.done() || (refused != nullptr && !passes(*refused))) return outcome;
    deadline_.check("signing in");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void Session::register_account() {
  auto made = insist<client::IdText>(
      "registering " + account_, [this] { return client_.register_account(account_, password_); });
  const auto* refused = made.refused();
  if (refused != nullptr && refused->code == "name_taken") {
    throw Failure{Exit::refused, "wrong password for the account " + account_};
  }
  if (refused != nullptr && refused->code == "no_permission") {
    throw Failure{Exit::refused, "either there is no account " + account_ +
                                     ", or this is not its password; and " + refused->text};
  }
  need(made, "registering " + account_);
}

void Session::enter_room(const std::string& room) {
  const std::string doing = "entering the room " + room;
  auto joined = insist<client::IdText>(doing, [&] { return client_.join_room(room); });
  if (const auto* refused = joined.refused()) {
    if (refused->code == "already_a_member") return;
    if (refused->code == "no_such_room") {
      joined = insist<client::IdText>(doing, [&] { return client_.create_room(room); });
      const auto* taken = joined.refused();
      if (taken != nullptr && taken->code == "name_taken") return enter_room(room);
    }
  }
  need(joined, doing);
}

}  // namespace chat262::replay

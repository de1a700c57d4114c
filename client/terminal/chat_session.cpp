// Signing in and out in the interactive session.
#include <algorithm>
#include <utility>

#include "client/terminal/chat.hpp"
#include "protocol/names.hpp"

namespace chat262::client {

// The session kept by `chat262 login`, if the servers still know it.
bool Chat::resume_session() {
  const auto saved = sessions_.load(arguments_.account);
  if (!saved) return false;
  std::optional<Outcome<Events>> now;
  wait_for([&](Client& client) {
    client.resume(saved->token);
    now = client.events(std::nullopt, Milliseconds{0}, 1);
  });
  if (!*now) {
    note("the session kept for " + saved->account + " cannot be used: " + now->error_text());
    return false;
  }
  keep_session_ = true;
  LoggedIn in;
  in.name = saved->account;
  in.now = now->value().next;
  start_session(in);
  return true;
}

bool Chat::dialog() {
  const Line what = input_->read_line("log in or register? [l/r] ", false);
  if (what.kind == Line::Kind::abandoned) return true;
  if (what.kind != Line::Kind::text) return false;
  const std::string answer = what.text;
  if (answer == "/quit" || answer == "q" || answer == "quit") return false;
  const bool fresh = answer == "r" || answer == "register";
  if (!fresh && answer != "l" && answer != "login" && answer != "log in") {
    if (!answer.empty()) note("l to log in, r to register a new account, q to leave");
    return true;
  }
  Line name = input_->read_line(
      arguments_.account.empty() ? "name: " : "name [" + printable(arguments_.account) + "]: ",
      false);
  if (name.kind != Line::Kind::text) return name.kind != Line::Kind::end;
  if (name.text.empty()) name.text = arguments_.account;
  if (const auto parsed = parse_name(name.text); fresh && !parsed) {
    note(parsed.error().text);
    return input_->interactive();
  }
  const Line password = input_->read_secret("password: ");
  if (password.kind != Line::Kind::text) return password.kind != Line::Kind::end;
  if (fresh) {
    if (const auto fine = check_password(password.text); !fine) {
      note(fine.error().text);
      return input_->interactive();
    }
    if (input_->interactive()) {
      const Line again = input_->read_secret("password again: ");
      if (again.kind != Line::Kind::text) return again.kind != Line::Kind::end;
      if (again.text != password.text) {
        note("the two passwords differ");
        return true;
      }
    }
    if (!register_account(name.text, password.text)) return input_->interactive();
  }
  if (log_in(name.text, password.text)) return true;
  return input_->interactive();  // a script does not get a second try
}

bool Chat::register_account(const std::string& name, const std::string& password) {
  std::string invitation;
  std::optional<Outcome<IdText>> outcome;
  const auto ask = [&] {
    wait_for([&](Client& client) {
      outcome = worker_->insist<IdText>(
          client, [&](Client& c) { return c.register_account(name, password, invitation); },
          [&](const Unknown&) {
            mailbox_.post(
                [this] { note("no answer yet, asking again; it will not be done twice"); });
          });
    });
  };
  ask();
  const Refused* first = outcome->refused();
  if (first != nullptr && first->code == "no_permission" && input_->interactive()) {
    note(first->text);
    const Line code = input_->read_line("invitation (nothing to give up): ", false);
    if (code.kind != Line::Kind::text || code.text.empty()) return false;
    invitation = code.text;
    ask();
  }
  if (*outcome) {
    note("registered " + name);
    return true;
  }
  note(outcome->error_text());
  if (const Refused* refused = outcome->refused()) exit_code_ = exit_code_of(*refused);
  return false;
}

bool Chat::log_in(const std::string& name, const std::string& password) {
  std::optional<Outcome<LoggedIn>> outcome;
  wait_for([&](Client& client) {
    outcome = worker_->insist<LoggedIn>(
        client, [&](Client& c) { return c.log_in(name, password); },
        [&](const Unknown&) { mailbox_.post([this] { note("no answer yet, asking again"); }); });
  });
  if (!*outcome) {
    note(outcome->error_text());
    if (const Refused* refused = outcome->refused()) exit_code_ = exit_code_of(*refused);
    return false;
  }
  const LoggedIn& in = outcome->value();
  // Kept only when asked for: two people may try this at one machine.
  keep_session_ = !arguments_.account.empty() || !arguments_.session_file.empty();
  if (keep_session_) {
    const auto saved =
        sessions_.save({.account = in.name, .token = in.token, .expires_ms = in.expires_ms});
    if (!saved) note(saved.error().text);
  }
  start_session(in);
  return true;
}

void Chat::start_session(const LoggedIn& in) {
  exit_code_ = ExitCode::ok;
  name_ = in.name;
  conversation_.reset();
  note("you are " + name_);
  worker_->add([this, since = in.now](Client& client) {
    client.subscribe(
        since,
        [this](const Event& event, const Cursor&) {
          mailbox_.post([this, event] { on_event(event); });
        },
        [this](const Progress& progress) {
          mailbox_.post([this, progress] { on_progress(progress); });
        },
        [this](const Refused& refused) {
          mailbox_.post([this, refused] { end_session(refused.text); });
        });
  });
  show_conversations();
}

void Chat::end_session(const std::string& why) {
  if (name_.empty()) return;
  note(why);
  sessions_.remove(name_);
  name_.clear();
  conversation_.reset();
  keep_session_ = false;
  worker_->add([](Client& client) { client.unsubscribe(); });
  input_->stop_reading();  // back to the dialog
}

void Chat::log_out(bool everywhere) {
  std::optional<Outcome<Done>> outcome;
  wait_for([&](Client& client) {
    client.unsubscribe();  // or it would report the end of the session as news
    outcome = everywhere ? client.log_out_everywhere() : client.log_out();
  });
  if (!*outcome) note(outcome->error_text());
  end_session(everywhere ? "logged out everywhere" : "logged out");
}

void Chat::change_password() {
  const Line present = input_->read_secret("present password: ");
  if (present.kind != Line::Kind::text) return;
  const Line fresh = input_->read_secret("new password: ");
  if (fresh.kind != Line::Kind::text) return;
  if (input_->interactive()) {
    const Line again = input_->read_secret("new password again: ");
    if (again.kind != Line::Kind::text) return;
    if (again.text != fresh.text) return note("the two passwords differ");
  }
  write<Done>(
      "change of password",
      [old_password = present.text, new_password = fresh.text](Client& client) {
        return client.change_password(old_password, new_password);
      },
      [this](const Outcome<Done>& outcome) {
        if (!outcome) return complain(outcome, "the password is not changed");
        note("the password is changed; your other sessions are logged out");
      });
}

void Chat::delete_account() {
  note("this deletes the account " + name_ + " for ever and erases all it wrote");
  const Line password = input_->read_secret("password, or nothing to keep the account: ");
  if (password.kind != Line::Kind::text || password.text.empty()) return;
  std::optional<Outcome<Done>> outcome;
  wait_for([&](Client& client) {
    outcome = worker_->insist<Done>(
        client, [&](Client& c) { return c.delete_account(password.text); },
        [&](const Unknown&) {
          mailbox_.post([this] { note("no answer yet, asking again; it will not be done twice"); });
        });
  });
  if (!*outcome) return note("the account is not deleted: " + outcome->error_text());
  end_session("the account " + name_ + " is deleted");
}

}  // namespace chat262::client

// The interactive session.
//
// One thread, the one that calls run(), owns the screen and all state here. The worker talks to the
// cluster, the library's own thread brings events, the watcher looks for servers that come back;
// all of them post what they have to say to the mailbox.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chat262/client.hpp"
#include "client/terminal/arguments.hpp"
#include "client/terminal/exit_code.hpp"
#include "client/terminal/files.hpp"
#include "client/terminal/input.hpp"
#include "client/terminal/mailbox.hpp"
#include "client/terminal/show.hpp"
#include "client/terminal/worker.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::client {

class Chat {
 public:
  Chat(const Arguments& arguments, const ClusterConfig& cluster, SessionStore sessions);
  ExitCode run();

 private:
  // ---- signing in and out (chat_session.cpp)
  bool resume_session();
  bool dialog();  // false: the person leaves
  bool log_in(const std::string& name, const std::string& password);
  bool register_account(const std::string& name, const std::string& password);
  void show_sessions();
  void end_one_session(const std::string& id);
  void start_session(const LoggedIn& in);
  void end_session(const std::string& why);
  void log_out(bool everywhere);
  void change_password();
  void delete_account();

  // ---- commands (chat_commands.cpp)
  void handle(const std::string& line);
  void command(const std::string& name, const std::string& rest);
  void send(const Target& to, const std::string& text);
  void choose(const std::optional<Target>& target);
  void join(const std::string& room, bool create);
  void leave(const std::string& rest);
  void show_rooms(const std::string& pattern);
  void show_users(const std::string& pattern);
  void show_members(const std::string& rest);
  void show_history(const std::string& rest);
  void show_conversations();
  void mark_read();
  void show_servers();

  // ---- the screen (chat.cpp)
  void print(const std::vector<std::string>& lines);
  void note(const std::string& text);  // about the session, not from a person
  void show_message(const Message& message);
  void on_event(const Event& event);
  void on_renamed(const Renamed& renamed);
  void take_name(const std::string& name);  // our account is called so now
  void on_progress(const Progress& progress);
  void on_tick();
  [[nodiscard]] std::string prompt() const;
  [[nodiscard]] std::string label(unsigned server) const;

  // Runs `task` on the worker, and waits for it, showing what happens meanwhile. False: the person
  // interrupted, and the program ends.
  bool wait_for(const Worker::Job& task);
  bool wait_until(const std::function<bool()>& over);
  template <class T>
  void complain(const Outcome<T>& outcome, const std::string& what);
  // A write on the worker that is repeated until its outcome is known; then `then` on our thread.
  template <class T>
  void write(const std::string& what, std::function<Outcome<T>(Client&)> call,
             std::function<void(const Outcome<T>&)> then);
  // A read on the worker; `then` with its value on our thread.
  template <class T>
  void read(const std::string& what, std::function<Outcome<T>(Client&)> call,
            std::function<void(const T&)> then);

  struct Pending {  // a message on its way
    std::uint64_t number = 0;
    std::string text;
    std::chrono::steady_clock::time_point since;
    bool noted = false;
  };

  Arguments arguments_;
  std::vector<Address> servers_;
  SessionStore sessions_;
  Mailbox mailbox_;
  Signals signals_;
  std::unique_ptr<Input> input_;
  Style style_;
  Transcript transcript_;

  std::string name_;           // empty: not signed in
  bool keep_session_ = false;  // leave it open at the end: it is kept in a file
  std::optional<Target> conversation_;
  std::set<IdText> shown_;  // messages on the screen, with their order of coming
  std::deque<IdText> shown_order_;
  std::deque<Pending> pending_;
  std::uint64_t sends_ = 0;
  std::set<unsigned> silent_;  // servers that did not answer last time
  bool trouble_ = false;       // told the person that a server does not answer
  bool hopeless_ = false;      // told the person that none does
  bool quit_ = false;
  ExitCode exit_code_ = ExitCode::ok;

  // Last: their threads use the rest.
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<Worker> worker_;
};

[[nodiscard]] ExitCode run_chat(const Arguments& arguments, const ClusterConfig& cluster,
                                const SessionStore& sessions);

// ---- templates

template <class T>
void Chat::complain(const Outcome<T>& outcome, const std::string& what) {
  const Refused* refused = outcome.refused();
  if (refused != nullptr && refused->code == "not_signed_in") {
    end_session("this session has ended");
    return;
  }
  if (const Unknown* unknown = outcome.unknown()) {  // only while leaving: see Worker::insist()
    note(unknown->text + " (request id " + to_text(unknown->request) + ")");
    exit_code_ = ExitCode::unknown;
    return;
  }
  note(what + ": " + outcome.error_text());
}

template <class T>
void Chat::write(const std::string& what, std::function<Outcome<T>(Client&)> call,
                 std::function<void(const Outcome<T>&)> then) {
  worker_->add([this, what, call = std::move(call), then = std::move(then)](Client& client) {
    const auto outcome = worker_->insist<T>(client, call, [&](const Unknown&) {
      mailbox_.post([this, what] {
        note("no answer yet: it is not known whether this is done: " + what +
             "; asking again, it will not be done twice");
      });
    });
    mailbox_.post([then, outcome] { then(outcome); });
  });
}

template <class T>
void Chat::read(const std::string& what, std::function<Outcome<T>(Client&)> call,
                std::function<void(const T&)> then) {
  worker_->add([this, what, call = std::move(call), then = std::move(then)](Client& client) {
    const auto outcome = call(client);
    mailbox_.post([this, what, then, outcome] {
      if (outcome) {
        then(outcome.value());
      } else {
        complain(outcome, what);
      }
    });
  });
}

}  // namespace chat262::client

// A signed-in connection that goes on asking until the run's deadline.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "chat262/client.hpp"
#include "client/replay/run.hpp"

namespace chat262::replay {

struct Login {
  std::vector<std::string> addresses;  // of the cluster; else cluster_file; else CHAT262_CLUSTER
  std::string cluster_file;
  std::string account;
  std::string password_file;
  bool password_stdin = false;
};

// From the file, the first line of standard input, or the terminal. Throws Failure.
[[nodiscard]] std::string read_password(const Login& login);

class Session {
 public:
  enum class IfMissing { refuse, make };

  // Signs in; an account that does not exist is registered if `missing` says so. Throws Failure.
  Session(const Login& login, IfMissing missing, const Deadline& deadline,
          std::function<void(const std::string&)> note);

  [[nodiscard]] client::Client& client() { return client_; }
  [[nodiscard]] const client::LoggedIn& me() const { return me_; }
  [[nodiscard]] const Deadline& deadline() const { return deadline_; }

  // Makes the room, or joins it if it exists.
  void enter_room(const std::string& room);

  // Asks until there is an answer: of a write that is unknown under the same request id, so that it
  // is done once. Returns a value or a refusal that would not change. Throws Failure when the run
  // must end.
  template <class T>
  client::Outcome<T> insist(const std::string& doing,
                            const std::function<client::Outcome<T>()>& call) {
    for (;;) {
      client::Outcome<T> outcome = call();
      if (outcome.done()) return outcome;
      if (const auto* unknown = outcome.unknown()) {
        client_.with_request(unknown->request);
      } else if (const auto* refused = outcome.refused()) {
        if (refused->code == "not_signed_in") {
          sign_in();
        } else if (!passes(*refused)) {
          return outcome;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      deadline_.check(doing);
    }
  }

 private:
  // A refusal that may be gone when asked again.
  [[nodiscard]] static bool passes(const client::Refused& refused);
  void sign_in();
  client::Outcome<client::LoggedIn> try_log_in();
  void register_account();

  Deadline deadline_;
  client::Client client_;
  std::string account_;
  std::string password_;
  client::LoggedIn me_;
};

// Throws Failure unless `outcome` is a value.
template <class T>
T& need(client::Outcome<T>& outcome, const std::string& doing) {
  if (outcome.done()) return outcome.value();
  throw Failure{Exit::refused, doing + ": " + outcome.error_text()};
}

}  // namespace chat262::replay

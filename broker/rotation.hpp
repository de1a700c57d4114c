// A server's change to another key while it runs, asked for by an operator. Step by step, and a
// crash between any two leaves a server that starts: it makes the new pair and writes it to its
// directory beside the present one; has the leader say the public half in the log; and when that is
// committed and applied the reactor changes over (Reactor::change_over), as it does whenever the
// log says so.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <string>

#include "broker/members.hpp"
#include "broker/node.hpp"
#include "broker/own_keys.hpp"
#include "broker/refusals.hpp"
#include "broker/service.hpp"

namespace chat262::broker {

class Rotation {
 public:
  // All references must outlive this. `own`: the reactor's; `data`: the directory.
  Rotation(const Members& members, ServerId self, Node& node, const store::Tables& tables,
           OwnKeys& own, std::filesystem::path data);

  // A new key for this server; "" or why not.
  [[nodiscard]] std::string begin(const Request& request, Now now);
  [[nodiscard]] bool under_way() const { return changing_.has_value(); }
  // After begin(), every turn: what came of it, once it is known. Then it is over. `ask` passes the
  // request on to the leader.
  using Result = tl::expected<reply::Rotated, Refusal>;
  [[nodiscard]] std::optional<Result> drive(
      Now now, const std::function<void(ServerId leader, const Request&)>& ask);
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

  // The leader's part: the server that is to have the key has asked. Again and again, with the same
  // request. "" or why not.
  [[nodiscard]] std::string append(const Request& request, Now now);

 private:
  struct Changing {
    Request request;  // with the new key
    KeyPair pair;
    std::future<chat262::Result<void>> writing;
    bool written = false;
    replica::Clock ask_at{};
    replica::Clock deadline{};
  };

  const Members& members_;
  ServerId self_;
  Node& node_;
  const store::Tables& tables_;
  OwnKeys& own_;
  std::filesystem::path data_;
  std::optional<Changing> changing_;
};

}  // namespace chat262::broker

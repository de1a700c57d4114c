// What operators do with accounts: reads them, and appends the entries that change them. Only on a
// leader. Several may be under way at once.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/node.hpp"
#include "broker/refusals.hpp"
#include "broker/service.hpp"

namespace chat262::broker {

[[nodiscard]] bool is_account_request(const RequestBody& body);
// Who asked, as it is written down: "root at server 1". Of what is no such request: nothing.
void sign(RequestBody& body, ServerId asked);

class AccountDesk {
 public:
  // All references must outlive this.
  AccountDesk(Node& node, const store::Tables& tables) : node_(node), tables_(tables) {}

  // `ticket` comes back with the answer. `outdated`: a server that could not read what is written.
  void ask(std::uint64_t ticket, const Request& request, std::optional<ServerId> outdated, Now now);
  // The answers that are known now, each once.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, Reply>> take_answers(Now now);
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

 private:
  struct Write {
    RequestId request{};
    std::uint64_t fingerprint = 0;
    ReplyBody reply;  // if it is done
  };
  struct Waiting {
    std::uint64_t ticket = 0;
    std::uint64_t number = 0;
    replica::Clock deadline{};
    Seq depends_on{};  // of a reply
    std::variant<Reply, Write> what;
  };
  struct Planned {
    OperationBody operation;
    ReplyBody reply = reply::Done{};
  };
  using Plan = std::variant<Planned, Refusal>;

  [[nodiscard]] Plan plan(const Request& request, TimeMs time) const;
  [[nodiscard]] Plan plan_invitation(const request::Invite& invite, TimeMs time) const;
  [[nodiscard]] ReplyBody list(const request::ListAccounts& list, TimeMs now) const;
  [[nodiscard]] std::optional<reply::AccountShown> show(const std::string& name, TimeMs now) const;
  [[nodiscard]] reply::AccountState state_of(const store::AccountRecord& account, TimeMs now) const;
  [[nodiscard]] std::optional<Reply> answer(const Waiting& waiting, bool leads, Now now) const;
  void write(std::uint64_t ticket, const Request& request, Planned planned, Now now);

  Node& node_;
  const store::Tables& tables_;
  std::vector<Waiting> waiting_;
};

}  // namespace chat262::broker

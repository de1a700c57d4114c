// The leader's part in giving a server's number to a new machine: whether it may be done, and the
// entry in the log that does it. One at a time.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <optional>
#include <string>

#include "broker/members.hpp"
#include "broker/node.hpp"
#include "broker/refusals.hpp"
#include "broker/service.hpp"

namespace chat262::broker {

class Replacement {
 public:
  // All references must outlive this. `insecure`: the cluster may go beyond loopback.
  Replacement(const Members& members, ServerId self, Node& node, const store::Tables& tables,
              bool insecure);

  using Judged = tl::expected<reply::Replaced, Refusal>;
  // What would be done, or why it will not be. Only on a leader.
  [[nodiscard]] Judged judge(const request::Replace& asked, Now now) const;

  // Appends the entry. `judged` is what judge() said of the same request in the same turn.
  void begin(const Request& request, reply::Replaced judged, Now now);
  // After begin(): what came of it, once it is known. Then it is over.
  [[nodiscard]] std::optional<Judged> result(Now now);

 private:
  struct Writing {
    RequestId request{};
    reply::Replaced reply;
    replica::Clock deadline{};
  };
  [[nodiscard]] std::string refused_place(ServerId server, const Place& place) const;
  [[nodiscard]] std::string cannot_now(ServerId server, const replica::Summary& summary,
                                       Now now) const;

  const Members& members_;
  ServerId self_;
  Node& node_;
  const store::Tables& tables_;
  bool insecure_;
  std::optional<Writing> writing_;
};

}  // namespace chat262::broker

// What the server does for its operator: requests that come by the control socket, or that another
// server passes on because only this one can do them; and giving up leadership before a stop.
//
// A handover, step by step, each with a deadline: wait, still serving, for a sign of life of the
// successor and until all servers may give promises; hold clients' new requests while what is under
// way comes to its end; name the successor; when it serves, tell who asked.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "broker/account_desk.hpp"
#include "broker/members.hpp"
#include "broker/node.hpp"
#include "broker/replacement.hpp"
#include "broker/rotation.hpp"
#include "broker/service.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::broker {

// A server's scrub, as operators know it.
class ScrubHost {
 public:
  virtual ~ScrubHost() = default;
  virtual void begin_scrub() = 0;
  [[nodiscard]] virtual reply::Scrub scrub() const = 0;
};

class Operator {
 public:
  // All references must outlive the operator. `replies` go to the control socket.
  Operator(const Members& members, ServerId self, Node& node, NodeHost& host, Service& service,
           ScrubHost& scrub, Replies& replies, Replacement replacement, Rotation rotation,
           AccountDesk desk);

  void request(ReplyTo to, Request&& request, Now now);

  // Messages of other servers that are not for the core. False: this one is.
  bool receive(const peer::Message& message, Now now);

  // To be called once a turn, after the service's.
  void finish_turn(Now now);
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

  // This server is to stop: hands over if it leads and anybody is fit, and lets clients have the
  // replies that are under way.
  void leave(Now now);
  // After leave(): nothing keeps the server any more.
  [[nodiscard]] bool gone() const { return !leaving_; }

 private:
  struct Passed {  // by another server
    ServerId from{};
    std::uint64_t ticket = 0;
  };
  // Who is to be told; none: this server is stopping.
  using Asker = std::variant<std::monostate, ReplyTo, Passed>;

  struct Handing {
    enum class Step { settle, drain, await } step = Step::settle;
    Asker asker;
    std::uint64_t number = 0;
    std::optional<ServerId> to;
    replica::Clock asked{};
    replica::Clock deadline{};  // of the step
    Epoch left{};               // the leadership given up
  };
  // An operator wants this server to lead: first the rules must say that it may not.
  struct Forcing {
    bool forced = false;
    ReplyTo to{};
    std::uint64_t number = 0;
    replica::Clock deadline{};
  };
  struct Relaying {
    ReplyTo to{};
    ServerId by{};  // who is to do it
    Request request;
    replica::Clock deadline{};
  };

  void handle(const Asker& asker, const Request& request, Now now);
  void answer(const Asker& asker, const Reply& reply, Now now);
  void refuse(const Asker& asker, std::uint64_t number, Status status, std::string text, Now now);

  [[nodiscard]] Reply survey(std::uint64_t number, Now now) const;
  void scrub(ReplyTo to, Request&& request, Now now);
  // To the one that is meant, if it is heard.
  void pass_to(ReplyTo to, Request&& request, ServerId server, Now now);
  void pass_on(ReplyTo to, Request&& request, ServerId by, Now now);
  void receive_relay(ServerId from, const peer::Relay& relay, Now now);
  void receive_relayed(const peer::Relayed& relayed, Now now);
  void send(ServerId to, peer::Body body, Now now);

  // operator_handover.cpp
  void hand_over(const Asker& asker, std::uint64_t number, std::optional<ServerId> to, Now now);
  void begin_handover(const Asker& asker, std::uint64_t number, std::optional<ServerId> to,
                      const replica::Summary& summary, Now now);
  // A leader serves from the commit of the first view of its epoch on.
  [[nodiscard]] static bool somebody_serves(const replica::Summary& summary);
  // Each goes on to the next step, or ends the handover.
  void settle(const replica::Summary& summary, Now now);
  void drain(Now now);
  void await_successor(const replica::Summary& summary, Now now);
  void end_handover(Status status, const std::string& why, Now now);
  // Why the server cannot lead next; "" if it can.
  [[nodiscard]] std::string unfit(ServerId server, const replica::Summary& summary, Now now) const;

  void force_lead(ReplyTo to, std::uint64_t number, Now now);
  void drive_forcing(Now now);
  void replace(const Asker& asker, const Request& request, Now now);
  void drive_replacing(Now now);
  // operator_rotation.cpp
  void rotate(ReplyTo to, Request&& request, Now now);
  void rotate_own(const Asker& asker, const Request& request, Now now);
  void drive_rotating(Now now);
  void ask_desk(const Asker& asker, const Request& request, Now now);
  void answer_from_desk(Now now);
  void tell_failed_sign_ins(Now now);

  struct Replacing {
    Asker asker;
    std::uint64_t number = 0;
  };

  const Members& members_;
  const ServerId self_;
  Node& node_;
  NodeHost& host_;
  Service& service_;
  ScrubHost& scrub_;
  Replies& replies_;
  std::optional<Handing> handing_;
  std::optional<Forcing> forcing_;
  Replacement replacement_;
  std::optional<Replacing> replacing_;
  Rotation rotation_;
  std::optional<Replacing> rotating_;
  AccountDesk desk_;
  std::map<std::uint64_t, Asker> at_desk_;      // by ticket
  std::map<std::uint64_t, Relaying> relaying_;  // by ticket
  std::uint64_t next_ticket_ = 1;
  bool leaving_ = false;
};

}  // namespace chat262::broker

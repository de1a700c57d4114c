// What the server does with a client's request: answers it, holds it until somebody leads, admits
// it as a write, or lets it wait. No sockets and no threads; the clock comes with every call.
//
// Every reply that depends on the tables leaves when all that was applied when it was made is
// committed, and never after leadership was lost meanwhile.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/admission.hpp"
#include "broker/audit.hpp"
#include "broker/node.hpp"
#include "broker/queries.hpp"
#include "broker/repair.hpp"
#include "broker/scrub.hpp"
#include "broker/server_limits.hpp"
#include "broker/throttle.hpp"
#include "broker/waiters.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::broker {

struct Now {
  replica::Clock steady{};
  TimeMs wall{};
};

[[nodiscard]] const char* health_name(peer::Health health);

class Replies {
 public:
  virtual ~Replies() = default;
  // Exactly once for every request.
  virtual void reply(ReplyTo to, const Reply& reply) = 0;
};

// What a status reply says beyond the core's summary.
struct ServerFigures {
  std::uint64_t log_bytes = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t uptime_ms = 0;
  Scrubbed scrubbed;
  RepairFigures repair;
};

class Service final : public NodeListener, private EntrySource {
 public:
  // All references must outlive the service.
  Service(const ClusterConfig& cluster, ServerId self, Node& node, store::Tables& tables,
          Replies& replies, PasswordWorkers& passwords);
  ~Service() override;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void request(ReplyTo to, Request&& request, Now now);
  // About this server.
  [[nodiscard]] Reply hello(std::uint64_t number, Now now) const;
  [[nodiscard]] Reply status(std::uint64_t number, Now now) const;
  // Wrong passwords of this server, to be told to the others; and of another one.
  [[nodiscard]] std::vector<peer::FailedSignIn> take_failed_sign_ins() {
    return throttle_.take_failed();
  }
  void heard_failed(const peer::FailedSignIns& failed, Now now);
  void password_done(std::uint64_t job, bool verified, const std::string& hash, Now now);

  // To be called once a turn, after all input of the turn: submits what was admitted as one batch,
  // looks at parked requests again, wakes `events`, answers what has waited too long.
  void finish_turn(Now now);
  // When finish_turn() is due at the latest, if nothing happens before.
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

  // While it is held, requests wait instead of being served, so that what is under way comes to its
  // end.
  void hold(bool held) { held_ = held; }
  // New requests are refused from now on.
  void stop() { stopping_ = true; }
  // Writes that are submitted and not answered.
  [[nodiscard]] bool idle() const { return commits_.size() == 0 && admitted_.empty(); }

  // See Admission::set_outdated().
  void set_outdated(std::optional<ServerId> server) { admission_.set_outdated(server); }
  // What happens to accounts is told to it; it must outlive the service. None by default.
  void tell(Audit* audit) { audit_ = audit; }
  void set_figures(const ServerFigures& figures) { figures_ = figures; }
  [[nodiscard]] std::size_t requests_waiting() const;

 private:
  using Guess = std::optional<SignInThrottle::Try>;  // none: nothing can be guessed by it
  struct Parked {
    ReplyTo to{};
    Request request;
    replica::Clock deadline{};
    std::optional<std::uint64_t> repairs;  // it met damage: again when Node::repairs() is another
  };
  struct InPassword {
    ReplyTo to{};
    Request request;
    PasswordJob job;  // without the passwords
    Guess guess;
  };
  struct Submitted {
    ReplyTo to{};
    std::uint64_t number = 0;
    WriteReply reply;
  };

  // NodeListener
  void accepted(std::uint64_t handle, const Position& at) override;
  void refused(std::uint64_t handle) override;
  void applied(const Entry& entry) override;
  void committed(Seq seq) override;
  void reverted(Seq to) override;
  void deposed() override;
  // EntrySource
  [[nodiscard]] std::optional<Entry> entry(Seq seq) const override { return node_.entry(seq); }
  [[nodiscard]] Position applied() const override { return node_.applied(); }

  [[nodiscard]] replica::Routing routing(Now now) const;
  // True if the request is to be served now; else it was answered or parked.
  bool route(ReplyTo to, Request& request, Now now);
  void serve(ReplyTo to, const Request& request, Now now);
  void write(ReplyTo to, const Request& request, Now now);
  void verdict(ReplyTo to, const Request& request, Admission::Verdict verdict, Now now);
  // service_passwords.cpp
  void start_password(ReplyTo to, const Request& request, PasswordJob job, Now now);
  void queue_password(ReplyTo to, const Request& request, PasswordJob job, Guess guess);
  // False: it was answered, with a wait. After true, guessed() must be told what came of it.
  [[nodiscard]] bool may_guess(ReplyTo to, const Request& request, const Guess& guess, Now now);
  void guessed(const Guess& guess, std::optional<bool> right, Now now);
  [[nodiscard]] Guess guess_of(const Request& request) const;
  [[nodiscard]] bool comes_from_home(const Request& request, Now now) const;
  [[nodiscard]] bool guesses_invitation(const Request& request, const Refusal& refusal) const;
  [[nodiscard]] bool may_register(ReplyTo to, const Request& request, Now now);
  // True if the request's session has expired: the answer comes when it is closed in the log.
  bool end_expired(ReplyTo to, const Request& request, Now now);
  void read(ReplyTo to, const Request& request, Now now);
  void read_events(ReplyTo to, const Request& request, const Session& session,
                   const request::Events& events, Now now);
  void answer_events(const EventWaiters::Waiting& waiting, bool even_if_empty, Now now);

  // A read's: held while what it met is damaged.
  void answer_read(ReplyTo to, const Request& request, Reply&& reply, Now now);
  [[nodiscard]] Reply answer_to_write(const WriteReply& reply, std::uint64_t number);
  // A reply that depends on all that is applied now.
  void answer_when_committed(ReplyTo to, Reply&& reply, Now now);
  void refuse_when_committed(ReplyTo to, std::uint64_t number, const Refusal& refusal, Now now);
  void wait_for_commit(ReplyTo to, std::uint64_t number, const WriteReply& reply, Seq at);
  void send_committed(std::vector<CommitWaiters::Waiting>& taken);
  void send_not_leader(ReplyTo to, std::uint64_t number);
  void submit(Now now);
  void unpark(Now now);
  void expire(Now now);

  const ClusterConfig& cluster_;
  const ServerId self_;
  Node& node_;
  store::Tables& tables_;
  Replies& replies_;
  PasswordWorkers& passwords_;
  Admission admission_;
  Queries queries_;
  SignInThrottle throttle_;
  LeakyCounts registrations_;
  ServerFigures figures_;
  Audit* audit_ = nullptr;

  std::deque<Parked> parked_;
  replica::Clock asked_{};  // the core was last told that a client waits
  std::map<std::uint64_t, InPassword> in_password_;
  std::uint64_t next_job_ = 1;

  std::vector<replica::Submission> admitted_;
  std::unordered_map<std::uint64_t, Submitted> submitted_;  // by handle
  std::uint64_t next_handle_ = 1;

  CommitWaiters commits_;
  EventWaiters events_;
  std::vector<CommitWaiters::Waiting> taken_;
  std::vector<EventWaiters::Waiting> woken_;
  replica::Clock turn_{};  // of the present turn
  replica::Clock next_sweep_{};
  bool held_ = false;
  bool stopping_ = false;
};

}  // namespace chat262::broker

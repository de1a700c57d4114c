// Admission of writes: a client's request becomes an operation, pure data. Everything that is not
// deterministic is fixed here: time stamp, ids, password hash, session token's hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "broker/password.hpp"
#include "broker/refusals.hpp"
#include "broker/waiters.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/entry.hpp"
#include "protocol/service_limits.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

// The account behind a session token, if the session is there and has not expired: by the clock, or
// by the time of the log, which does not go back.
struct Session {
  AccountId account{};
  Hash token_hash{};
};
[[nodiscard]] std::optional<Session> find_session(const store::Tables& tables, ByteView token,
                                                  TimeMs now);
// The same, if it is there and has expired.
[[nodiscard]] std::optional<Session> find_expired(const store::Tables& tables, ByteView token,
                                                  TimeMs now);

// The log, for what the tables do not hold: texts, and what an operation was about.
class EntrySource {
 public:
  virtual ~EntrySource() = default;
  [[nodiscard]] virtual std::optional<Entry> entry(Seq seq) const = 0;
  // Of the last entry applied.
  [[nodiscard]] virtual Position applied() const = 0;
};

// What the cluster file says about accounts.
struct AccountRules {
  PasswordCost password;
  Registration registration = Registration::open;
};

class Admission {
 public:
  // `tables`, `entries` and `limits` must outlive it.
  Admission(const store::Tables& tables, const EntrySource& entries, const AccountRules& rules,
            const ServiceLimits& limits)
      : tables_(tables), entries_(entries), limits_(limits), rules_(rules) {}

  struct Admitted {
    Operation operation;
    Bytes text;
    WriteReply reply;
    std::optional<Operation> also;  // that nobody waits for
  };
  // A repeat: the first one's outcome is in the tables and stands at `at`.
  struct Known {
    Position at{};
    WriteReply reply;
  };
  // `id` of the job is for the caller to fill in. Then admit_with_password().
  struct NeedsPassword {
    PasswordJob job;
  };
  using Verdict = std::variant<Admitted, Known, NeedsPassword, Refusal>;

  // `request` is a write. `now`: wall clock.
  [[nodiscard]] Verdict admit(const Request& request, TimeMs now);

  // If the request's session has expired: what closes it for good, so that no clock that is set
  // back revives it. The reply to it is a refusal.
  [[nodiscard]] std::optional<Admitted> close_expired(const Request& request, TimeMs now);

  // A server that is heard and does not know the newest operations: until it is updated, none of
  // them is made.
  [[nodiscard]] std::optional<ServerId> outdated() const { return outdated_; }
  void set_outdated(std::optional<ServerId> server) { outdated_ = server; }

  // Continues after a NeedsPassword. Everything is looked up again: the world may have moved on.
  // NeedsPassword again: the name is also the former one of an account that a merge renamed, and
  // the password may be that one's.
  [[nodiscard]] Verdict admit_with_password(const Request& request, const PasswordJob& job,
                                            bool verified, const std::string& hash, TimeMs now);

  // The reply to a write whose outcome is in the tables.
  [[nodiscard]] Reply answer(const WriteReply& reply, std::uint64_t number) const;

 private:
  const store::Tables& tables_;
  const EntrySource& entries_;
  const ServiceLimits& limits_;
  TimeMs last_time_{};  // given out
  const AccountRules rules_;
  std::optional<ServerId> outdated_;

  [[nodiscard]] TimeMs stamp(TimeMs now);
  // What the request came to be about, from the log; nullopt if that cannot be read.
  [[nodiscard]] std::optional<OperationBody> operation_of(const WriteReply& reply,
                                                          const store::Outcome& outcome) const;
  [[nodiscard]] std::optional<store::AccountRecord> account_of(const WriteReply& reply,
                                                               const store::Outcome& outcome) const;
  [[nodiscard]] std::optional<store::RoomRecord> room_of(const WriteReply& reply,
                                                         const store::Outcome& outcome) const;
  // Of an operation that nothing else is against (admission_limits.cpp).
  [[nodiscard]] std::optional<Refusal> over_limit(const OperationBody& made,
                                                  std::size_t text_bytes) const;
  [[nodiscard]] Admitted make(const Request& request, TimeMs now, OperationBody body,
                              Bytes text = {});
  [[nodiscard]] Verdict log_in(const Request& request, const request::LogIn& body,
                               const PasswordJob& job, const std::string& hash, TimeMs now);
};

}  // namespace chat262::broker

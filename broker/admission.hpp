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
#include "store/tables.hpp"

namespace chat262::broker {

// The account behind a session token, if the session is there and has not expired.
struct Session {
  AccountId account{};
  Hash token_hash{};
};
[[nodiscard]] std::optional<Session> find_session(const store::Tables& tables, ByteView token,
                                                  TimeMs now);

class Admission {
 public:
  explicit Admission(const store::Tables& tables) : tables_(tables) {}

  struct Admitted {
    Operation operation;
    Bytes text;
    WriteReply reply;
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

  // Continues after a NeedsPassword. Everything is looked up again: the world may have moved on.
  // Never NeedsPassword.
  [[nodiscard]] Verdict admit_with_password(const Request& request, const PasswordJob& job,
                                            bool verified, const std::string& hash, TimeMs now);

  // The reply to a write whose outcome is in the tables.
  [[nodiscard]] Reply answer(const WriteReply& reply, std::uint64_t number) const;

 private:
  const store::Tables& tables_;
  TimeMs last_time_{};  // given out

  [[nodiscard]] TimeMs stamp(TimeMs now);
  [[nodiscard]] Admitted make(const Request& request, TimeMs now, OperationBody body,
                              Bytes text = {});
};

}  // namespace chat262::broker

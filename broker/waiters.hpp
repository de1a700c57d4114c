// What waits inside the server: replies for their commit, `events` requests for something to
// happen. Both are bounded, and nothing waits without a deadline.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "broker/replica/io.hpp"
#include "protocol/client_messages.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

// Names a request that has to be answered, once; the gateway knows to whom.
struct ReplyTo : Number<struct ReplyToTag, std::uint64_t> {
  constexpr auto operator<=>(const ReplyTo&) const = default;
};

// What to tell a write's client when the write is committed; the outcome is in the tables then.
struct WriteReply {
  enum class Kind : std::uint8_t {
    registered,
    logged_in,
    done,
    room_made,
    room_joined,
    sent,
    session_ended,   // it may have been gone already
    session_expired  // the servers closed it; whoever used it is refused
  };
  RequestId id{};
  std::uint64_t fingerprint = 0;
  Kind kind = Kind::done;
  std::string folded;  // the account's or room's name, where the reply is about one
};

// Replies that leave when `commit` has reached what they depend on.
class CommitWaiters {
 public:
  struct Waiting {
    Seq depends_on{};
    ReplyTo to{};
    std::uint64_t number = 0;  // the request's
    replica::Clock deadline{};
    std::variant<WriteReply, Reply> what;
  };

  void add(Waiting waiting);
  // Each of these moves what it takes out to the end of `taken`.
  void take_committed(Seq committed, std::vector<Waiting>& taken);
  void take_above(Seq seq, std::vector<Waiting>& taken);  // what was cut
  void take_expired(replica::Clock now, std::vector<Waiting>& taken);
  void take_all(std::vector<Waiting>& taken);
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

 private:
  std::deque<Waiting> waiting_;  // by depends_on
};

// `events` requests that found nothing yet, by account.
class EventWaiters {
 public:
  struct Waiting {
    AccountId account{};
    Hash session{};  // of the token
    ReplyTo to{};
    std::uint64_t number = 0;
    Seq since{};
    unsigned limit = 0;
    replica::Clock deadline{};
  };

  enum class Added { yes, too_many_of_account, too_many };
  [[nodiscard]] Added add(const Waiting& waiting, std::size_t of_account_max);
  // An entry was applied that concerns these; they are marked to be woken.
  void touch(const store::Concerned& concerned);
  // Takes out those of the marked accounts, and of the members of marked rooms.
  void take_touched(const store::Tables& tables, std::vector<Waiting>& taken);
  void take_expired(replica::Clock now, std::vector<Waiting>& taken);
  void take_all(std::vector<Waiting>& taken);
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool touched() const { return !accounts_.empty() || !rooms_.empty(); }
  [[nodiscard]] std::optional<replica::Clock> next_deadline() const;

 private:
  std::map<AccountId, std::vector<Waiting>> waiting_;
  std::multiset<replica::Clock> deadlines_;
  std::size_t count_ = 0;
  std::set<AccountId> accounts_;
  std::set<RoomId> rooms_;

  void take(std::map<AccountId, std::vector<Waiting>>::iterator where, std::vector<Waiting>& taken);
};

}  // namespace chat262::broker

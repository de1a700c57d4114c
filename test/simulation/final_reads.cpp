#include "test/simulation/final_reads.hpp"

#include <string>
#include <utility>

#include "broker/queries.hpp"
#include "protocol/limits.hpp"
#include "test/simulation/answers.hpp"
#include "test/simulation/reference_chat.hpp"
#include "test/support/text.hpp"
#include "test/support/violation.hpp"

namespace chat262::test {

namespace {

class LogSource final : public broker::EntrySource {
 public:
  explicit LogSource(const std::vector<Entry>& log) : log_(log) {}
  std::optional<Entry> entry(Seq seq) const override { return log_.at(seq.value - 1); }
  Position applied() const override { return log_.back().position(); }

 private:
  const std::vector<Entry>& log_;
};

class Comparison {
 public:
  Comparison(const store::Tables& tables, const std::vector<Entry>& log)
      : tables_(tables),
        log_(log),
        source_(log),
        queries_(tables, source_, limits::page_items_max) {
    for (const Entry& entry : log) chat_.apply(entry);
  }

  void check() {
    for (const Entry& entry : log_) check_outcome(entry);
    for (const AccountId& account : chat_.accounts()) {
      const auto stored = tables_.account(account);
      if (!stored) fail(account, "the account");
      if (stored->password_hash != chat_.password_hash(account)) fail(account, "the password");
      if (!stored->deleted) check_reads(account);
    }
  }

 private:
  [[noreturn]] void fail(const AccountId& account, const std::string& what) const {
    const auto stored = tables_.account(account);
    throw Violation("in the end " + what + " is not what the log comes to, for " +
                    (stored ? stored->name : "an account that is not there"));
  }

  void check_outcome(const Entry& entry) const {
    if (entry.kind == EntryKind::view) return;
    const ReferenceChat::Outcome* expected = chat_.outcome(entry.request);
    const auto stored = tables_.request(entry.request);
    const bool same = expected != nullptr && stored && stored->at == expected->at &&
                      stored->status == expected->status &&
                      stored->fingerprint == expected->fingerprint;
    if (!same) {
      throw Violation("in the end the outcome of " + text_of(entry.request) + " at " +
                      text_of(entry.position()) + " is " +
                      (stored ? status_name(stored->status) : "not there") + ", by the log " +
                      (expected != nullptr ? status_name(expected->status) : "nothing"));
    }
    const auto decoded = decode_operation(entry);
    const auto* opened = decoded ? std::get_if<op::OpenSession>(&decoded->operation.body) : nullptr;
    if (opened == nullptr) return;
    const auto session = tables_.session(opened->token_hash);
    const AccountId* holder = chat_.session(opened->token_hash);
    if (session.has_value() != (holder != nullptr) || (session && session->account != *holder)) {
      throw Violation("in the end the session opened at " + text_of(entry.position()) +
                      (session ? " is open" : " is closed"));
    }
  }

  template <class T>
  T compare(const AccountId& asker, const RequestBody& body, broker::Queries::Answer<T> answer) {
    const Reply expected = chat_.reply_to_read(asker, body);
    Reply reply{answer ? Status::ok : answer.error().status, 0, {}};
    if (answer) reply.body = *answer;
    if (!same_answer(expected, reply)) fail(asker, kind_of(body) + of(body));
    return std::move(*answer);
  }

  static std::string of(const RequestBody& body) {
    const auto* history = std::get_if<request::History>(&body);
    return history == nullptr ? "" : " of " + history->of.name;
  }

  void check_reads(const AccountId& asker) {
    const request::SearchAccounts everybody{"*", "", limits::page_items_max};
    compare(asker, everybody, queries_.search(everybody));
    const request::ListRooms all_rooms{"*", "", limits::page_items_max};
    const auto rooms = compare(asker, all_rooms, queries_.rooms(asker, all_rooms));
    for (const Room& room : rooms.rooms) {
      const request::ListMembers of{room.name, "", limits::page_items_max};
      compare(asker, of, queries_.members(of));
    }
    const request::ListConversations mine{{}, limits::page_items_max};
    const auto list = compare(asker, mine, queries_.conversations(asker, mine));
    for (const Conversation& one : list.conversations) {
      const request::History page{one.target, std::nullopt, true, limits::page_items_max};
      compare(asker, page, queries_.history(asker, page));
    }
    request::Events events{make_cursor(Position{}), 0, limits::page_items_max};
    for (Seq since{};;) {
      const auto found = queries_.events(asker, since, events.limit);
      compare<reply::Events>(asker, events, found);
      if (found.events.empty()) return;
      events.since = found.next;
      since = read_cursor(found.next)->seq;
    }
  }

  const store::Tables& tables_;
  const std::vector<Entry>& log_;
  LogSource source_;
  broker::Queries queries_;
  ReferenceChat chat_;
};

}  // namespace

void check_final_reads(const store::Tables& tables, const std::vector<Entry>& log) {
  Comparison(tables, log).check();
}

}  // namespace chat262::test

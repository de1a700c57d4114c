#include "test/simulation/answers.hpp"

#include <array>
#include <map>
#include <set>

#include "test/support/violation.hpp"

namespace chat262::test {

std::string kind_of(const RequestBody& body) {
  static constexpr std::array<const char*, std::variant_size_v<RequestBody>> names = {
      "hello",       "status",      "register",        "log-in",         "log-out",
      "log-out-all", "password",    "delete",          "search",         "conversations",
      "create-room", "join",        "leave",           "rooms",          "members",
      "send",        "history",     "events",          "mark-read",      "survey",
      "handover",    "force-lead",  "scrub",           "replace",        "cluster",
      "sessions",    "end-session", "reset-password",  "list-accounts",  "show-account",
      "suspend",     "offer-reset", "log-out-account", "remove-account", "invite"};
  return names.at(body.index());
}

bool same_answer(const Reply& a, const Reply& b) {
  if (a.status != b.status) return false;
  if (a.status != Status::ok) return true;
  const auto* page = std::get_if<reply::Conversations>(&a.body);
  const auto* other = std::get_if<reply::Conversations>(&b.body);
  if (page != nullptr && other != nullptr) {  // where to go on from is the servers' affair
    return page->conversations == other->conversations && page->account == other->account &&
           page->next.empty() == other->next.empty();
  }
  return a.body == b.body;
}

namespace {

// What holds on any side of a split: nobody is told of what nobody said.
void check_messages(const History& history) {
  std::map<MessageId, std::string> sent;
  for (const Call& call : history) {
    const auto* send = std::get_if<request::Send>(&call.request.body);
    if (send == nullptr) continue;
    sent.emplace(message_id({call.request.client, call.request.number}), send->text);
  }
  const auto check = [&sent](const Message& message) {
    const auto found = sent.find(message.id);
    if (found == sent.end()) throw Violation("a message that nobody sent: " + message.text);
    if (message.erased || found->second == message.text) return;
    throw Violation("a message with another text: " + message.text + ", not " + found->second);
  };
  for (const Call& call : history) {
    if (!call.reply) continue;
    std::set<MessageId> met;
    if (const auto* page = std::get_if<reply::History>(&call.reply->body)) {
      for (const Message& message : page->messages) {
        check(message);
        if (!met.insert(message.id).second) {
          throw Violation("a message twice in one page: " + message.text);
        }
      }
    } else if (const auto* events = std::get_if<reply::Events>(&call.reply->body)) {
      for (const Event& event : events->events) {
        if (const auto* message = std::get_if<Message>(&event)) check(*message);
      }
    }
  }
}

// What was acknowledged on any side is there in the end, once.
void check_kept(const History& history, const std::vector<Entry>& log) {
  std::map<RequestId, unsigned> times;
  for (const Entry& entry : log) {
    if (entry.kind != EntryKind::view) ++times[entry.request];
  }
  for (const Call& call : history) {
    if (!call.reply || call.reply->status != Status::ok || !is_write(call.request.body)) continue;
    const unsigned count = times[{call.request.client, call.request.number}];
    if (count == 1) continue;
    throw Violation("client " + std::to_string(call.client) + " was told that its " +
                    kind_of(call.request.body) + " " + std::to_string(call.request.number) +
                    " is done; the final log has it " + std::to_string(count) + " times (I2, I4)");
  }
}

}  // namespace

void check_answers(const History& history, const std::vector<Entry>& log, const Regime& regime,
                   const OneHistory& explained) {
  check_messages(history);
  if (regime.keeps_all) check_kept(history, log);
  check_explained(history, log, explained);
}

}  // namespace chat262::test

#include "test/simulation/falsify.hpp"

#include <utility>

namespace chat262::test {

namespace {

bool spoil(reply::History& page, const std::string& falsehood) {
  auto& messages = page.messages;
  if (falsehood == "late" && !messages.empty()) {
    messages[0].late = !messages[0].late;
    return true;
  }
  if (messages.size() < 2) return false;
  if (falsehood == "missing") {
    messages.erase(messages.begin() + 1);
  } else if (falsehood == "swapped") {
    std::swap(messages[0], messages[1]);
  } else if (falsehood == "twice") {
    messages[1] = messages[0];
  } else if (falsehood == "text") {
    messages[0].text += "?";
  } else {
    return false;
  }
  return true;
}

bool spoil(Call& call, const std::string& falsehood) {
  if (auto* page = std::get_if<reply::History>(&call.reply->body)) return spoil(*page, falsehood);
  if (auto* events = std::get_if<reply::Events>(&call.reply->body);
      falsehood == "event" && events) {
    if (events->events.empty()) return false;
    events->events.pop_back();
    return true;
  }
  auto* list = std::get_if<reply::Conversations>(&call.reply->body);
  if (falsehood == "unread" && list != nullptr && !list->conversations.empty()) {
    ++list->conversations.front().unread;
    return true;
  }
  if (falsehood == "status" && std::holds_alternative<request::JoinRoom>(call.request.body) &&
      call.reply->status == Status::ok) {
    call.reply = Reply{Status::already_a_member, call.reply->number, reply::ErrorBody{}};
    return true;
  }
  return false;
}

}  // namespace

void falsify(History& history, const std::string& falsehood) {
  for (auto call = history.rbegin(); call != history.rend(); ++call) {
    if (call->reply && spoil(*call, falsehood)) return;
  }
}

}  // namespace chat262::test

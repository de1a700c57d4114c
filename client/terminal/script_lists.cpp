// The subcommands that print lists.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "client/terminal/json.hpp"
#include "client/terminal/script.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::client {

using nlohmann::json;

ExitCode Script::print_accounts(
    const std::function<Outcome<Accounts>(const std::string& after)>& page) {
  std::string after;
  for (;;) {
    const auto outcome = page(after);
    if (!outcome) return explain(outcome);
    for (const Account& account : outcome.value().accounts) {
      const json object = {{"account", account.id}, {"name", account.name}};
      print(one_line(object), printable(account.name));
    }
    if (!outcome.value().more || outcome.value().accounts.empty()) return ExitCode::ok;
    after = outcome.value().accounts.back().name;
  }
}

ExitCode Script::users() {
  const std::string pattern = arguments_.name.empty() ? "*" : arguments_.name;
  return print_accounts(
      [&](const std::string& after) { return client_.search_accounts(pattern, after); });
}

ExitCode Script::members() {
  return print_accounts(
      [&](const std::string& after) { return client_.list_members(arguments_.name, after); });
}

ExitCode Script::rooms() {
  const std::string pattern = arguments_.name.empty() ? "*" : arguments_.name;
  std::vector<std::vector<std::string>> rows;
  std::string after;
  for (;;) {
    const auto outcome = client_.list_rooms(pattern, after);
    if (!outcome) return explain(outcome);
    for (const Room& room : outcome.value().rooms) {
      if (arguments_.json) {
        const json object = {{"room", room.id},
                             {"name", room.name},
                             {"members", room.members},
                             {"joined", room.joined}};
        fmt::print("{}\n", one_line(object));
      }
      rows.push_back({printable(room.name),
                      fmt::format("{} member{}", room.members, room.members == 1 ? "" : "s"),
                      room.joined ? "joined" : ""});
    }
    if (!outcome.value().more || outcome.value().rooms.empty()) break;
    after = outcome.value().rooms.back().name;
  }
  if (!arguments_.json) {
    for (const std::string& line : table(rows)) fmt::print("{}\n", line);
  }
  return ExitCode::ok;
}

ExitCode Script::read() {
  const bool newer = arguments_.after.has_value();
  std::optional<Cursor> from = newer ? arguments_.after : arguments_.before;
  std::deque<Message> messages;
  while (messages.size() < arguments_.last) {
    const auto wanted = static_cast<unsigned>(
        std::min<std::size_t>(arguments_.last - messages.size(), limits::page_items_max));
    auto outcome = client_.history(*arguments_.to, from, newer, wanted);
    if (!outcome) return explain(outcome);
    std::vector<Message>& page = outcome.value().messages;
    if (page.empty()) break;
    from = newer ? page.back().at : page.front().at;
    messages.insert(newer ? messages.end() : messages.begin(),
                    std::make_move_iterator(page.begin()), std::make_move_iterator(page.end()));
    if (!outcome.value().more) break;
  }
  Transcript transcript(Style{.colour = Style::wants_colour(1)});
  for (const Message& message : messages) {
    if (arguments_.json) {
      fmt::print("{}\n", one_line(json_of(message)));
      continue;
    }
    for (const std::string& line : transcript.lines(message)) fmt::print("{}\n", line);
  }
  return ExitCode::ok;
}

ExitCode Script::list() {
  std::vector<std::vector<std::string>> rows;
  std::string after;
  do {
    const auto outcome = client_.list_conversations(after);
    if (!outcome) return explain(outcome);
    for (const Conversation& conversation : outcome.value().conversations) {
      if (arguments_.json) fmt::print("{}\n", one_line(json_of(conversation)));
      rows.push_back({conversation_tag(conversation.target),
                      conversation.unread > 0 ? fmt::format("{} unread", conversation.unread)
                                              : std::string("read")});
    }
    after = outcome.value().next;
  } while (!after.empty());
  if (!arguments_.json) {
    for (const std::string& line : table(rows)) fmt::print("{}\n", line);
  }
  return ExitCode::ok;
}

std::vector<std::string> status_row(const std::string& name, const Outcome<ServerStatus>& outcome) {
  if (!outcome) return {name, "down", printable(outcome.error_text())};
  const ServerStatus& status = outcome.value();
  std::string remark = status.in_sync ? "in sync" : "not in sync";
  if (status.health != "able") remark += ", " + status.health;
  if (!status.waiting_why.empty()) remark += ", waiting: " + status.waiting_why;
  return {name, printable(status.role),
          fmt::format("epoch {}.{}", status.epoch_counter, status.epoch_server),
          fmt::format("last {} commit {}", status.last, status.commit), printable(remark)};
}

ExitCode Script::servers() {
  std::vector<std::vector<std::string>> rows;
  bool any = false;
  for (const Address& server : server_addresses_) {
    const auto outcome = client_.status(server.server);
    any = any || outcome.done();
    if (arguments_.json) {
      json object = outcome ? json_of(outcome.value())
                            : json{{"server", server.server}, {"down", outcome.error_text()}};
      object["address"] = server.endpoint;
      fmt::print("{}\n", one_line(object));
    }
    rows.push_back(status_row(fmt::format("{} {}", server.server, server.endpoint), outcome));
  }
  if (!arguments_.json) {
    for (const std::string& line : table(rows)) fmt::print("{}\n", line);
  }
  return any ? ExitCode::ok : ExitCode::no_answer;
}

}  // namespace chat262::client

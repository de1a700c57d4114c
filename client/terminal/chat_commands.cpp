// What can be typed in the interactive session.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "client/terminal/chat.hpp"
#include "client/terminal/script.hpp"
#include "client/terminal/typed.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::client {
namespace {

constexpr unsigned history_default = 20;
constexpr unsigned outbox_max = 200;  // requests that wait for a server

std::vector<std::string> help_lines() {
  return table({
      {"TEXT", "send it to the present conversation (//TEXT if it begins with a slash)"},
      {"/to NAME", "talk with a user"},
      {"/room NAME", "talk in a room you are in"},
      {"/msg NAME TEXT", "one message to a user"},
      {"/join NAME, /create NAME", "join a room, or make one; then talk there"},
      {"/leave [NAME]", "leave a room"},
      {"/rooms [PATTERN]", "find rooms; * stands for anything"},
      {"/users [PATTERN]", "find users"},
      {"/members [NAME]", "who is in a room"},
      {"/history [N]", "the last messages of the conversation"},
      {"/list", "your conversations and what is unread in them"},
      {"/read", "mark the conversation as read"},
      {"/servers", "the state of every server"},
      {"/password", "change the password"},
      {"/sessions, /sessions end ID", "where you are signed in; end one of these sessions"},
      {"/logout, /logout-all", "end this session, or all of yours"},
      {"/delete-account", "delete the account for ever"},
      {"/quit", "leave"},
  });
}

Target named(const std::string& name, Target::Kind kind) {
  // "#lobby" and "@alice", as the prompt shows them, are understood too.
  if (kind == Target::Kind::room)
    return Target::room(name.starts_with("#") ? name.substr(1) : name);
  return Target::user(name.starts_with("@") ? name.substr(1) : name);
}

}  // namespace

void Chat::handle(const std::string& line) {
  const Typed typed = parse_typed(line);
  if (typed.command != "quit" && worker_->waiting() >= outbox_max) {
    return note(fmt::format("{} requests wait for a server already: not sent, say it again later",
                            outbox_max));
  }
  if (!typed.command.empty()) return command(typed.command, typed.rest);
  if (typed.rest.find_first_not_of(" \t") == std::string::npos) return;
  if (!conversation_)
    return note("to whom? /to NAME or /room NAME first; /help lists all commands");
  input_->erase_entered();  // it comes back with its time when it is acknowledged
  send(*conversation_, typed.rest);
}

void Chat::command(const std::string& name, const std::string& rest) {
  const auto room_or_current = [&](const std::string& given) -> std::string {
    if (!given.empty()) return named(given, Target::Kind::room).name;
    if (conversation_ && conversation_->kind == Target::Kind::room) return conversation_->name;
    return {};
  };
  const bool needs_name = name == "to" || name == "room" || name == "join" || name == "create";
  if (needs_name && rest.empty()) return note("/" + name + " NAME");
  if (name == "to") return choose(named(rest, Target::Kind::user));
  if (name == "room") return choose(named(rest, Target::Kind::room));
  if (name == "join" || name == "create") {
    return join(named(rest, Target::Kind::room).name, name == "create");
  }
  if (name == "leave") return leave(room_or_current(rest));
  if (name == "members") return show_members(room_or_current(rest));
  if (name == "rooms") return show_rooms(rest.empty() ? "*" : rest);
  if (name == "users") return show_users(rest.empty() ? "*" : rest);
  if (name == "history") return show_history(rest);
  if (name == "list") return show_conversations();
  if (name == "read") return mark_read();
  if (name == "servers") return show_servers();
  if (name == "password") return change_password();
  if (name == "sessions") {
    const auto [what, id] = split_word(rest);
    if (what.empty()) return show_sessions();
    if (what == "end" && !id.empty()) return end_one_session(id);
    return note("/sessions, or /sessions end ID");
  }
  if (name == "logout" || name == "logout-all") return log_out(name == "logout-all");
  if (name == "delete-account") return delete_account();
  if (name == "help") return print(help_lines());
  if (name == "quit" || name == "exit") {
    quit_ = true;
    return;
  }
  if (name == "msg") {
    const auto [to, text] = split_word(rest);
    if (text.empty()) return note("/msg NAME TEXT");
    return send(named(to, Target::Kind::user), text);
  }
  note("there is no command /" + name + "; /help lists them all");
}

void Chat::send(const Target& to, const std::string& text) {
  const std::uint64_t number = ++sends_;
  pending_.push_back({.number = number, .text = text, .since = std::chrono::steady_clock::now()});
  write<Sent>(
      "sending \"" + text + "\"", [to, text](Client& client) { return client.send(to, text); },
      [this, number, to, text](const Outcome<Sent>& outcome) {
        std::erase_if(pending_, [number](const Pending& p) { return p.number == number; });
        if (!outcome) return complain(outcome, "not sent: \"" + text + "\"");
        Message message;
        message.id = outcome.value().message;
        message.time_ms = outcome.value().time_ms;
        message.conversation = to;
        message.from = name_;
        message.text = text;
        show_message(message);
      });
}

void Chat::choose(const std::optional<Target>& target) {
  conversation_ = target;
  input_->set_prompt(prompt());
}

void Chat::join(const std::string& room, bool create) {
  write<IdText>((create ? "making room " : "joining room ") + room,
                [room, create](Client& client) {
                  return create ? client.create_room(room) : client.join_room(room);
                },
                [this, room, create](const Outcome<IdText>& outcome) {
                  const Refused* refused = outcome.refused();
                  const bool in_already = refused != nullptr && refused->code == "already_a_member";
                  if (!outcome && !in_already) {
                    return complain(outcome, create ? "not made" : "not joined");
                  }
                  choose(Target::room(room));
                });
}

void Chat::leave(const std::string& room) {
  if (room.empty()) return note("/leave NAME");
  write<Done>(
      "leaving room " + room, [room](Client& client) { return client.leave_room(room); },
      [this, room](const Outcome<Done>& outcome) {
        if (!outcome) return complain(outcome, "not left");
        note("left " + room);
        const bool here = conversation_ && conversation_->kind == Target::Kind::room &&
                          conversation_->name == room;
        if (here) choose(std::nullopt);
      });
}

void Chat::show_rooms(const std::string& pattern) {
  read<Rooms>(
      "rooms", [pattern](Client& client) { return client.list_rooms(pattern); },
      [this](const Rooms& page) {
        std::vector<std::vector<std::string>> rows;
        for (const Room& room : page.rooms) {
          rows.push_back({"#" + printable(room.name),
                          fmt::format("{} member{}", room.members, room.members == 1 ? "" : "s"),
                          room.joined ? "you are in" : ""});
        }
        if (rows.empty()) return note("no room has such a name");
        print(table(rows));
        if (page.more) note("there are more: give a longer pattern");
      });
}

void Chat::show_users(const std::string& pattern) {
  read<Accounts>(
      "users", [pattern](Client& client) { return client.search_accounts(pattern); },
      [this](const Accounts& page) {
        if (page.accounts.empty()) return note("no user has such a name");
        for (const Account& account : page.accounts) print({"@" + printable(account.name)});
        if (page.more) note("there are more: give a longer pattern");
      });
}

void Chat::show_members(const std::string& room) {
  if (room.empty()) return note("/members NAME");
  read<Accounts>(
      "members", [room](Client& client) { return client.list_members(room); },
      [this, room](const Accounts& page) {
        std::string line = "#" + printable(room) + ":";
        for (const Account& account : page.accounts) line += " " + printable(account.name);
        if (page.more) line += " ...";
        print({line});
      });
}

void Chat::show_history(const std::string& rest) {
  if (!conversation_) return note("of which conversation? /to NAME or /room NAME first");
  unsigned count = history_default;
  if (!rest.empty()) {
    const char* const end = rest.data() + rest.size();
    const auto [stop, error] = std::from_chars(rest.data(), end, count);
    if (error != std::errc{} || stop != end || count == 0 || count > limits::page_items_max) {
      return note(fmt::format("/history N, from 1 to {}", limits::page_items_max));
    }
  }
  read<History>(
      "history",
      [target = *conversation_, count](Client& client) {
        return client.history(target, std::nullopt, false, count);
      },
      [this](const History& page) {
        if (page.messages.empty()) return note("no messages");
        // Asked for: shown even if they are on the screen already.
        Transcript transcript(style_);
        for (const Message& message : page.messages) {
          print(transcript.lines(message));
          shown_.insert(message.id);
        }
        note(page.more ? "there are older ones" : "that is all");
      });
}

void Chat::show_conversations() {
  read<Conversations>(
      "conversations", [](Client& client) { return client.list_conversations(); },
      [this](const Conversations& page) {
        if (!page.account.empty() && page.account != name_) {  // renamed while nobody was here
          note("your account is called " + page.account + " now");
          take_name(page.account);
        }
        std::vector<std::vector<std::string>> rows;
        for (const Conversation& conversation : page.conversations) {
          rows.push_back({conversation_tag(conversation.target),
                          conversation.unread > 0 ? fmt::format("{} unread", conversation.unread)
                                                  : std::string()});
        }
        if (rows.empty()) return note("no conversations yet: /to NAME, /join NAME, /users, /rooms");
        print(table(rows));
        if (!page.next.empty()) note("there are more");
      });
}

void Chat::mark_read() {
  if (!conversation_) return note("which conversation? /to NAME or /room NAME first");
  const Target target = *conversation_;
  read<History>(
      "not marked",
      [target](Client& client) { return client.history(target, std::nullopt, false, 1); },
      [this, target](const History& newest) {
        if (newest.messages.empty()) return note("no messages");
        const Cursor upto = newest.messages.back().at;
        write<Done>(
            "marking as read",
            [target, upto](Client& client) { return client.mark_read(target, upto); },
            [this, target](const Outcome<Done>& outcome) {
              if (!outcome) return complain(outcome, "not marked");
              note(conversation_tag(target) + " is read");
            });
      });
}

void Chat::show_sessions() {
  read<Sessions>(
      "sessions", [](Client& client) { return client.list_sessions(); },
      [this](const Sessions& page) {
        print(session_lines(page.sessions));
        if (page.more) note("there are more");
      });
}

void Chat::end_one_session(const std::string& id) {
  read<Sessions>(
      "not ended", [](Client& client) { return client.list_sessions(); },
      [this, id](const Sessions& page) {
        const Session* found = nullptr;
        for (const Session& session : page.sessions) {
          if (!session.id.starts_with(id)) continue;
          if (found != nullptr) return note("more than one session's id begins with this");
          found = &session;
        }
        if (found == nullptr) return note("you have no session whose id begins with this");
        if (found->current) return note("that is this one: /logout ends it");
        write<Done>(
            "ending a session",
            [session = found->id](Client& client) { return client.end_session(session); },
            [this](const Outcome<Done>& outcome) {
              if (!outcome) return complain(outcome, "not ended");
              note("the session is ended");
            });
      });
}

void Chat::show_servers() {
  worker_->add([this](Client& client) {
    std::vector<std::vector<std::string>> rows;
    for (const Address& server : servers_) {
      rows.push_back(status_row(label(server.server), client.status(server.server)));
    }
    mailbox_.post([this, rows] { print(table(rows)); });
  });
}

}  // namespace chat262::client

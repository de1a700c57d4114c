// What reads are answered.
#include <algorithm>

#include "protocol/limits.hpp"
#include "test/simulation/reference_chat.hpp"

namespace chat262::test {

std::size_t ReferenceChat::cost(const Message& message) {
  return message.text.size() + message.from.size() + message.conversation.name.size() +
         (message.original ? message.original->author.size() : 0) + 96;
}

Target ReferenceChat::shown(const With& with) const {
  if (const auto* account = std::get_if<AccountId>(&with)) {
    return {TargetKind::user, accounts_.at(*account).name};
  }
  return {TargetKind::room, rooms_.at(std::get<RoomId>(with)).name};
}

Message ReferenceChat::message(const AccountId& asker, Seq at) const {
  const Entry& entry = log_[at.value - 1];
  const Operation& operation = operation_at(at);
  const auto& sent = std::get<op::SendMessage>(operation.body);
  Message message;
  message.id = sent.message;
  message.at = make_cursor(entry.position());
  message.time = operation.time;
  const Account& author = accounts_.at(sent.from);
  message.from = author.name;
  const auto* receiver = std::get_if<AccountId>(&sent.to);
  message.conversation =
      shown(receiver != nullptr && sent.from != asker ? With(sent.from) : sent.to);
  if (sent.original) message.original = Original{sent.original->author, sent.original->time};
  message.erased = author.deleted();
  message.late = entry.kind == EntryKind::merged;
  message.undelivered = undelivered_.contains(at);
  if (!message.erased) message.text.assign(entry.text.begin(), entry.text.end());
  return message;
}

Reply ReferenceChat::reply_to_read(const Request& request) const {
  const AccountId* asker = signed_in(request);
  Reply reply{Status::not_signed_in, 0, reply::ErrorBody{}};
  if (asker != nullptr && std::holds_alternative<request::ListSessions>(request.body)) {
    reply = {Status::ok, 0, sessions(*asker, request.token)};
  } else if (asker != nullptr) {
    reply = reply_to_read(*asker, request.body);
  }
  reply.number = request.number;
  return reply;
}

Reply ReferenceChat::reply_to_read(const AccountId& asker, const RequestBody& body) const {
  Reply reply{Status::ok, 0, {}};
  if (const auto* page = std::get_if<request::History>(&body)) {
    reply = history(asker, *page);
  } else if (std::holds_alternative<request::ListConversations>(body)) {
    reply.body = conversations(asker);
  } else if (const auto* since = std::get_if<request::Events>(&body)) {
    reply.body = events(asker, *since);
  } else if (std::holds_alternative<request::ListRooms>(body)) {
    reply::Rooms list;
    for (const auto& [name, id] : room_names_) {
      const Room& room = rooms_.at(id);
      list.rooms.push_back({id, room.name, room.members.size(), seat(asker, id) != nullptr});
    }
    reply.body = std::move(list);
  } else if (const auto* of = std::get_if<request::ListMembers>(&body)) {
    const RoomId* room = room_named(of->room);
    if (room == nullptr) return {Status::no_such_room, 0, reply::ErrorBody{}};
    reply::Members list;
    for (const auto& [name, id] : rooms_.at(*room).members) list.members.push_back({id, name});
    reply.body = std::move(list);
  } else {
    reply::Accounts list;  // everybody's name is in the pattern
    for (const auto& [name, id] : account_names_) {
      if (live(id)) list.accounts.push_back({id, name});
    }
    reply.body = std::move(list);
  }
  return reply;
}

reply::Sessions ReferenceChat::sessions(const AccountId& asker, const Bytes& token) const {
  reply::Sessions list;
  for (const auto& [hash, one] : sessions_) {
    if (one.account != asker) continue;
    list.sessions.push_back({session_id(hash), one.opened, one.expires, one.address, one.client,
                             hash == hash_of(token)});
  }
  std::sort(list.sessions.begin(), list.sessions.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return list;
}

Reply ReferenceChat::history(const AccountId& asker, const request::History& request) const {
  ConversationId id{};
  const Status status = target_refusal(asker, request.of, true);
  if (status != Status::ok) return {status, 0, reply::ErrorBody{}};
  if (request.of.kind == TargetKind::user) {
    id = direct_conversation(asker, *account_named(request.of.name));
  } else {
    id = room_conversation(*room_named(request.of.name));
  }
  std::vector<Seq> places;  // of messages, as they are met
  const auto timeline = timelines_.find(id);
  Seq below = seq(UINT64_MAX);
  Seq above{};
  if (request.from) {
    (request.newer ? above : below) = resolve(read_cursor(*request.from).value_or(Position{}));
  }
  if (timeline != timelines_.end()) {
    for (const auto& [at, item] : timeline->second) {
      if (item.kind != Item::Kind::message) continue;
      if (at > above && at < below) places.push_back(at);
    }
  }
  if (!request.newer) std::reverse(places.begin(), places.end());
  reply::History page;
  std::size_t bytes = 0;
  for (const Seq at : places) {
    page.more = page.messages.size() >= request.limit || bytes >= limits::page_bytes_max;
    if (page.more) break;
    page.messages.push_back(message(asker, at));
    bytes += cost(page.messages.back());
  }
  if (!request.newer) std::reverse(page.messages.begin(), page.messages.end());
  return {Status::ok, 0, std::move(page)};
}

reply::Conversations ReferenceChat::conversations(const AccountId& asker) const {
  reply::Conversations list;
  list.account = accounts_.at(asker).name;
  const auto mine = seats_.find(asker);
  if (mine == seats_.end()) return list;
  std::size_t bytes = 0;
  for (const auto& [with, one] : mine->second) {  // users before rooms, then by id
    if (bytes >= limits::page_bytes_max) {
      list.next = {1};  // some place to go on from
      break;
    }
    Conversation shown_one;
    shown_one.target = shown(with);
    shown_one.read_upto = make_cursor(one.read_upto);
    const auto timeline = timelines_.find(one.id);
    if (timeline != timelines_.end()) {
      for (const auto& [at, item] : timeline->second) {
        if (item.kind != Item::Kind::message) continue;
        // What a deleted account wrote has no text any more: there is nothing to read.
        const bool unread = at > one.read_upto.seq && item.who != asker && live(item.who);
        if (unread) ++shown_one.unread;
        shown_one.last = message(asker, at);
      }
    }
    bytes += shown_one.target.name.size() + 64;
    if (shown_one.last) bytes += cost(*shown_one.last);
    list.conversations.push_back(std::move(shown_one));
  }
  return list;
}

}  // namespace chat262::test

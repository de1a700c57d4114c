// What requests are answered.
#include "test/simulation/reference_chat.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "test/support/world.hpp"

namespace chat262::test {

namespace {

constexpr std::int64_t session_ms = 30LL * 24 * 3600 * 1000;

std::size_t cost(const Message& message) {
  return message.text.size() + message.from.size() + message.conversation.name.size() +
         (message.original ? message.original->author.size() : 0) + 96;
}

template <class T>
bool is(const RequestBody& body) {
  return std::holds_alternative<T>(body);
}

Reply refused(const Request& request, Status status) {
  return {status, request.number, reply::ErrorBody{}};
}

}  // namespace

// Names of the simulation are their own folded form.
const AccountId* ReferenceChat::account_named(const std::string& name) const {
  const auto found = account_names_.find(name);
  return found == account_names_.end() ? nullptr : &found->second;
}

const RoomId* ReferenceChat::room_named(const std::string& name) const {
  const auto found = room_names_.find(name);
  return found == room_names_.end() ? nullptr : &found->second;
}

const AccountId* ReferenceChat::signed_in(const Request& request) const {
  const auto found = sessions_.find(hash_of(request.token));
  return found == sessions_.end() ? nullptr : &found->second;
}

Target ReferenceChat::shown(const With& with) const {
  if (const auto* account = std::get_if<AccountId>(&with)) {
    return {TargetKind::user, accounts_.at(*account).name};
  }
  return {TargetKind::room, rooms_.at(std::get<RoomId>(with)).name};
}

Message ReferenceChat::message(const AccountId& asker, Seq at) const {
  const Entry& entry = log_[at.value - 1];
  const Operation& operation = operations_[at.value - 1];
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
  message.erased = author.deleted;
  message.late = entry.kind == EntryKind::merged;
  if (!message.erased) message.text.assign(entry.text.begin(), entry.text.end());
  return message;
}

// ---- writes

Reply ReferenceChat::reply_to_write(const Request& request) const {
  const RequestId id{request.client, request.number};
  const Outcome& outcome = outcomes_.at(id);
  if (outcome.fingerprint != fingerprint(request.body)) {
    return refused(request, Status::request_reused);
  }
  if (outcome.status != Status::ok) return refused(request, outcome.status);
  Reply reply{Status::ok, request.number, reply::Done{}};
  if (is<request::Register>(request.body)) {
    reply.body = reply::Registered{account_id(id), accounts_.at(account_id(id)).name};
  } else if (const auto* in = std::get_if<request::LogIn>(&request.body)) {
    const AccountId account = *account_named(in->name);
    reply.body =
        reply::LoggedIn{account, accounts_.at(account).name,
                        TimeMs{{outcome.time.value + session_ms}}, make_cursor(outcome.at)};
  } else if (is<request::CreateRoom>(request.body)) {
    reply.body = reply::RoomDone{room_id(id), rooms_.at(room_id(id)).name};
  } else if (const auto* join = std::get_if<request::JoinRoom>(&request.body)) {
    const RoomId room = *room_named(join->name);
    reply.body = reply::RoomDone{room, rooms_.at(room).name};
  } else if (is<request::Send>(request.body)) {
    reply.body = reply::Sent{message_id(id), make_cursor(outcome.at), outcome.time};
  }
  return reply;
}

Status ReferenceChat::target_refusal(const AccountId& account, const Target& target,
                                     bool deleted_too) const {
  if (target.kind == TargetKind::user) {
    const AccountId* other = account_named(target.name);
    return other != nullptr && (deleted_too || live(*other)) ? Status::ok : Status::no_such_user;
  }
  const RoomId* room = room_named(target.name);
  if (room == nullptr) return Status::no_such_room;
  return seat(account, *room) != nullptr ? Status::ok : Status::not_a_member;
}

Status ReferenceChat::refusal(const Request& request) const {
  if (const auto* body = std::get_if<request::Register>(&request.body)) {
    return account_named(body->name) == nullptr ? Status::ok : Status::name_taken;
  }
  const auto right = [this](const AccountId& account, const std::string& password) {
    return accounts_.at(account).password_hash == cheap_hash(password);
  };
  if (const auto* body = std::get_if<request::LogIn>(&request.body)) {
    const AccountId* account = account_named(body->name);
    if (account == nullptr || !live(*account) || !right(*account, body->password)) {
      return Status::wrong_credentials;
    }
    return sessions_.contains(hash_of(body->token)) ? Status::bad_argument : Status::ok;
  }
  const AccountId* account = signed_in(request);
  if (account == nullptr) return Status::not_signed_in;
  if (const auto* change = std::get_if<request::ChangePassword>(&request.body)) {
    return right(*account, change->old_password) ? Status::ok : Status::wrong_credentials;
  }
  if (const auto* gone = std::get_if<request::DeleteAccount>(&request.body)) {
    return right(*account, gone->password) ? Status::ok : Status::wrong_credentials;
  }
  if (const auto* send = std::get_if<request::Send>(&request.body)) {
    return target_refusal(*account, send->to, false);
  }
  if (const auto* create = std::get_if<request::CreateRoom>(&request.body)) {
    return room_named(create->name) == nullptr ? Status::ok : Status::name_taken;
  }
  if (const auto* join = std::get_if<request::JoinRoom>(&request.body)) {
    const Status found = target_refusal(*account, {TargetKind::room, join->name}, true);
    if (found == Status::not_a_member) return Status::ok;
    return found == Status::ok ? Status::already_a_member : found;
  }
  if (const auto* left = std::get_if<request::LeaveRoom>(&request.body)) {
    return target_refusal(*account, {TargetKind::room, left->name}, true);
  }
  if (const auto* mark = std::get_if<request::MarkRead>(&request.body)) {
    const auto upto = read_cursor(mark->upto);
    if (!upto || upto->seq > at_.seq) return Status::bad_cursor;
    return target_refusal(*account, mark->conversation, true);
  }
  return Status::ok;
}

// ---- reads

Reply ReferenceChat::reply_to_read(const Request& request) const {
  const AccountId* asker = signed_in(request);
  if (asker == nullptr) return refused(request, Status::not_signed_in);
  Reply reply{Status::ok, request.number, {}};
  if (const auto* page = std::get_if<request::History>(&request.body)) {
    reply = history(*asker, *page);
    reply.number = request.number;
  } else if (is<request::ListConversations>(request.body)) {
    reply.body = conversations(*asker);
  } else if (const auto* since = std::get_if<request::Events>(&request.body)) {
    reply.body = events(*asker, *since);
  } else if (is<request::ListRooms>(request.body)) {
    reply::Rooms list;
    for (const auto& [name, id] : room_names_) {
      const Room& room = rooms_.at(id);
      list.rooms.push_back({id, room.name, room.members.size(), seat(*asker, id) != nullptr});
    }
    reply.body = std::move(list);
  } else if (const auto* of = std::get_if<request::ListMembers>(&request.body)) {
    const RoomId* room = room_named(of->room);
    if (room == nullptr) return refused(request, Status::no_such_room);
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
    (request.newer ? above : below) = read_cursor(*request.from).value_or(Position{}).seq;
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

reply::Events ReferenceChat::events(const AccountId& asker, const request::Events& request) const {
  reply::Events found;
  found.next = make_cursor(at_);
  if (!request.since) return found;
  const Seq since = std::min(read_cursor(*request.since).value_or(Position{}).seq, at_.seq);
  std::set<Seq> places;
  if (const auto mine = seats_.find(asker); mine != seats_.end()) {
    for (const auto& [with, one] : mine->second) {
      const auto timeline = timelines_.find(one.id);
      if (timeline == timelines_.end()) continue;
      const auto& items = timeline->second;
      for (auto item = items.lower_bound(std::max(since.next(), one.since)); item != items.end();
           ++item) {
        places.insert(item->first);
      }
    }
  }
  if (const auto mine = notices_.find(asker); mine != notices_.end()) {
    places.insert(mine->second.upper_bound(since), mine->second.end());
  }
  std::size_t bytes = 0;
  std::size_t count = 0;
  Seq last = since;
  for (const Seq at : places) {
    if (count++ >= request.limit || bytes >= limits::page_bytes_max) break;
    add_events(asker, at, found, bytes);
    last = at;
  }
  const bool all = places.size() < request.limit && (places.empty() || last == *places.rbegin());
  if (!all && last.value > 0) found.next = make_cursor(log_[last.value - 1].position());
  return found;
}

void ReferenceChat::add_events(const AccountId& asker, Seq at, reply::Events& events,
                               std::size_t& bytes) const {
  const Operation& operation = operations_[at.value - 1];
  const Cursor cursor = make_cursor(log_[at.value - 1].position());
  if (std::holds_alternative<op::SendMessage>(operation.body)) {
    events.events.emplace_back(message(asker, at));
    bytes += cost(std::get<Message>(events.events.back()));
    return;
  }
  const auto add = [&](Event event) {
    events.events.push_back(std::move(event));
    bytes += 160;
  };
  const auto name = [this](const AccountId& account) { return accounts_.at(account).name; };
  const auto room_name = [this](const RoomId& room) { return rooms_.at(room).name; };
  if (const auto* made = std::get_if<op::CreateRoom>(&operation.body)) {
    add(event::Joined{cursor, operation.time, room_name(made->room), name(made->account)});
  } else if (const auto* join = std::get_if<op::JoinRoom>(&operation.body)) {
    add(event::Joined{cursor, operation.time, room_name(join->room), name(join->account)});
  } else if (const auto* left = std::get_if<op::LeaveRoom>(&operation.body)) {
    add(event::Left{cursor, operation.time, room_name(left->room), name(left->account)});
  } else if (const auto* mark = std::get_if<op::MarkRead>(&operation.body)) {
    add(event::Read{cursor, shown(mark->conversation), make_cursor(mark->upto)});
  } else if (const auto* gone = std::get_if<op::DeleteAccount>(&operation.body)) {
    for (const RoomId& room : left_by_deletion_.at(gone->account)) {
      if (seat(asker, room) == nullptr) continue;
      add(event::Left{cursor, operation.time, room_name(room), name(gone->account)});
    }
  }
}

}  // namespace chat262::test

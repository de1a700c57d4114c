#include "broker/queries.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "broker/server_limits.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

namespace {

using chat262::limits::page_bytes_max;
using chat262::limits::page_items_max;

tl::unexpected<Refusal> refuse(Status status) {
  return tl::unexpected<Refusal>(Refusal{status, status_text(status)});
}

// What a message costs on the wire, about.
std::size_t cost(const Message& message) {
  return message.text.size() + message.from.size() + message.conversation.name.size() +
         (message.original ? message.original->author.size() : 0) + 96;
}

std::size_t cost(const Event& event) {
  if (const auto* message = std::get_if<Message>(&event)) return cost(*message);
  return 160;
}

// A page of named records; `scan` is one look-up of the tables, which may come back short or empty
// and say where to go on. An empty page with `more` would leave a client nothing to go on from.
template <class T, class Scan>
std::pair<std::vector<T>, bool> collect(std::string after, unsigned limit, const Scan& scan) {
  std::vector<T> items;
  for (unsigned round = 0; round < limits::name_scan_rounds_max; ++round) {
    auto page = scan(after, limit - static_cast<unsigned>(items.size()));
    std::move(page.items.begin(), page.items.end(), std::back_inserter(items));
    after = std::move(page.next);
    if (after.empty()) return {std::move(items), false};
    if (items.size() >= limit) break;
  }
  return {std::move(items), true};
}

// Pattern and start of a search, folded.
struct Search {
  std::string pattern;
  std::string after;
};
Queries::Answer<Search> folded(const std::string& pattern, const std::string& after) {
  if (pattern.size() > chat262::limits::pattern_bytes_max) return refuse(Status::bad_argument);
  auto pattern_folded = fold(pattern.empty() ? "*" : pattern);
  auto after_folded = fold(after);
  if (!pattern_folded || !after_folded) return refuse(Status::bad_argument);
  return Search{std::move(*pattern_folded), std::move(*after_folded)};
}

}  // namespace

unsigned Queries::page_limit(std::uint32_t asked) const {
  return std::clamp(asked, std::uint32_t{1}, std::uint32_t{page_items_});
}

class Queries::Names {
 public:
  explicit Names(const store::Tables& tables) : tables_(tables) {}

  const store::AccountRecord& account(const AccountId& id) {
    const auto [place, fresh] = accounts_.try_emplace(id);
    if (fresh) place->second = tables_.account(id).value_or(store::AccountRecord{});
    return place->second;
  }
  const store::RoomRecord& room_record(const RoomId& id) {
    const auto [place, fresh] = rooms_.try_emplace(id);
    if (fresh) place->second = tables_.room(id).value_or(store::RoomRecord{});
    return place->second;
  }
  const std::string& room(const RoomId& id) { return room_record(id).name; }
  Target target(const std::variant<AccountId, RoomId>& with) {
    if (const auto* id = std::get_if<AccountId>(&with)) {
      return {TargetKind::user, account(*id).name};
    }
    return {TargetKind::room, room(std::get<RoomId>(with))};
  }

 private:
  const store::Tables& tables_;
  std::map<AccountId, store::AccountRecord> accounts_;
  std::map<RoomId, store::RoomRecord> rooms_;
};

// ---- names

Queries::Answer<reply::Accounts> Queries::search(const request::SearchAccounts& request) const {
  const auto search = folded(request.pattern, request.after);
  if (!search) return tl::unexpected<Refusal>(search.error());
  auto [records, more] = collect<store::AccountRecord>(
      search->after, page_limit(request.limit), [&](const std::string& after, unsigned limit) {
        return tables_.accounts(search->pattern, after, limit);
      });
  reply::Accounts answer;
  answer.more = more;
  for (auto& record : records) {
    if (!record.deleted) answer.accounts.push_back({record.id, std::move(record.name)});
  }
  return answer;
}

Queries::Answer<reply::Rooms> Queries::rooms(const AccountId& asker,
                                             const request::ListRooms& request) const {
  const auto search = folded(request.pattern, request.after);
  if (!search) return tl::unexpected<Refusal>(search.error());
  auto [records, more] = collect<store::RoomRecord>(
      search->after, page_limit(request.limit), [&](const std::string& after, unsigned limit) {
        return tables_.rooms(search->pattern, after, limit);
      });
  reply::Rooms answer;
  answer.more = more;
  for (auto& record : records) {
    answer.rooms.push_back(
        {record.id, std::move(record.name), record.members, tables_.is_member(record.id, asker)});
  }
  return answer;
}

Queries::Answer<reply::Members> Queries::members(const request::ListMembers& request) const {
  const auto name = fold(request.room);
  const auto after_folded = fold(request.after);
  if (!name || !after_folded) return refuse(Status::bad_argument);
  const auto room = tables_.room_named(*name);
  if (!room) return refuse(Status::no_such_room);
  auto [records, more] = collect<store::AccountRecord>(
      *after_folded, page_limit(request.limit), [&](const std::string& after, unsigned limit) {
        return tables_.members(room->id, after, limit);
      });
  reply::Members answer;
  answer.more = more;
  for (auto& record : records) answer.members.push_back({record.id, std::move(record.name)});
  return answer;
}

// ---- conversations

std::optional<Message> Queries::message(const AccountId& asker, Seq seq, bool undelivered,
                                        Names& names) const {
  auto entry = entries_.entry(seq);
  if (!entry) return std::nullopt;
  const auto decoded = decode_operation(*entry);
  if (!decoded) return std::nullopt;
  const auto* sent = std::get_if<op::SendMessage>(&decoded->operation.body);
  if (sent == nullptr) return std::nullopt;

  Message message;
  message.id = sent->message;
  message.at = make_cursor(entry->position());
  message.time = decoded->operation.time;
  const auto& author = names.account(sent->from);
  message.from = author.name;
  if (const auto* room = std::get_if<RoomId>(&sent->to)) {
    message.conversation = names.target(*room);
  } else {
    const auto& receiver = std::get<AccountId>(sent->to);
    message.conversation = names.target(sent->from == asker ? receiver : sent->from);
  }
  if (sent->original) message.original = Original{sent->original->author, sent->original->time};
  // The texts of a deleted account are hidden at once, and erased from the disk a little later.
  message.erased = entry->erased || author.deleted;
  if (!message.erased) message.text.assign(entry->text.begin(), entry->text.end());
  message.late = decoded->merged.has_value();
  message.undelivered = undelivered;
  return message;
}

Conversation Queries::conversation(const AccountId& asker, const store::ConversationRef& ref,
                                   Names& names, unsigned& looked) const {
  Conversation found;
  found.target = names.target(ref.with);
  found.read_upto = make_cursor(ref.read_upto);
  const Seq read = tables_.resolve(ref.read_upto);
  std::optional<store::Tables::Item> last;
  std::optional<Seq> from;
  // From the newest down: what counts is near the end, however long the conversation is.
  for (unsigned here = 0; here < limits::unread_scan_max;) {
    const auto items = tables_.items_below(ref.id, from, here == 0 ? 8 : page_items_max);
    for (const auto& item : items) {
      from = item.seq;
      if (item.kind != store::Tables::ItemKind::message) continue;
      if (!last) last = item;
      // What a deleted account wrote has no text any more: there is nothing to read.
      if (item.seq > read && item.who != asker && !names.account(item.who).deleted) ++found.unread;
    }
    here += static_cast<unsigned>(items.size());
    looked += static_cast<unsigned>(items.size()) + 1;
    if (items.empty() || found.unread >= limits::unread_max || (last && *from <= read)) break;
  }
  found.unread = std::min(found.unread, std::uint64_t{limits::unread_max});
  if (last) found.last = message(asker, last->seq, last->undelivered, names);
  return found;
}

Queries::Answer<reply::Conversations> Queries::conversations(
    const AccountId& asker, const request::ListConversations& request) const {
  Names names(tables_);
  reply::Conversations answer;
  answer.account = names.account(asker).name;
  std::size_t bytes = 0;
  unsigned looked = 0;
  Bytes after = request.after;
  const auto limit = page_limit(request.limit);
  // One at a time: only so there is a place to go on from wherever the page is full.
  while (answer.conversations.size() < limit && bytes < page_bytes_max &&
         looked < limits::conversations_scan_max) {
    auto page = tables_.conversations(asker, after, 1);
    for (const auto& ref : page.items) {
      auto found = conversation(asker, ref, names, looked);
      bytes += found.target.name.size() + 64;
      if (found.last) bytes += cost(*found.last);
      answer.conversations.push_back(std::move(found));
    }
    after = std::move(page.next);
    if (after.empty()) break;
  }
  answer.next = std::move(after);
  return answer;
}

Queries::Answer<reply::History> Queries::history(const AccountId& asker,
                                                 const request::History& request) const {
  ConversationId conversation{};
  const auto name = fold(request.of.name);
  if (request.of.kind == TargetKind::user) {
    const auto other = name ? tables_.account_named(*name) : std::nullopt;
    if (!other) return refuse(Status::no_such_user);
    conversation = direct_conversation(asker, other->id);
  } else {
    const auto room = name ? tables_.room_named(*name) : std::nullopt;
    if (!room) return refuse(Status::no_such_room);
    if (!tables_.is_member(room->id, asker)) return refuse(Status::not_a_member);
    conversation = room_conversation(room->id);
  }
  std::optional<Seq> from;
  if (request.from) {
    const auto position = read_cursor(*request.from);
    if (!position) return refuse(Status::bad_cursor);
    // At the very start there is nothing older.
    from = tables_.resolve(*position);
  }

  Names names(tables_);
  reply::History answer;
  const auto limit = page_limit(request.limit);
  std::size_t bytes = 0;
  unsigned scanned = 0;
  while (!answer.more) {
    const auto items = request.newer
                           ? tables_.items_above(conversation, from.value_or(Seq{}), limit + 1)
                           : tables_.items_below(conversation, from, limit + 1);
    if (items.empty()) break;
    for (const auto& item : items) {
      from = item.seq;
      ++scanned;
      if (item.kind != store::Tables::ItemKind::message) continue;
      if (answer.messages.size() >= limit || bytes >= page_bytes_max) {
        answer.more = true;
        break;
      }
      if (auto found = message(asker, item.seq, item.undelivered, names)) {
        bytes += cost(*found);
        answer.messages.push_back(std::move(*found));
      }
    }
    if (scanned >= limits::item_scan_max) break;
  }
  if (!request.newer) std::reverse(answer.messages.begin(), answer.messages.end());
  return answer;
}

// ---- events

Queries::Answer<Seq> Queries::events_since(const request::Events& request) const {
  if (!request.since) return tables_.applied();
  const auto position = read_cursor(*request.since);
  if (!position) return refuse(Status::bad_cursor);
  return std::min(tables_.resolve(*position), tables_.applied());
}

std::vector<Event> Queries::events_at(const AccountId& asker,
                                      const store::Tables::Happening& happening,
                                      Names& names) const {
  using Kind = store::Tables::Happening::Kind;
  if (happening.kind == Kind::message) return message_events(asker, happening, names);
  const auto entry = entries_.entry(happening.seq);
  if (!entry) return {};
  const auto decoded = decode_operation(*entry);
  if (!decoded) return {};
  const auto at = make_cursor(entry->position());
  const auto time = decoded->operation.time;
  return std::visit(
      [&](const auto& body) -> std::vector<Event> {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, op::Register>) {
          const auto& account = names.account(body.account);
          return {event::Renamed{
              at, time, {TargetKind::user, account.former_name}, account.name, true}};
        } else if constexpr (std::is_same_v<Body, op::CreateRoom> ||
                             std::is_same_v<Body, op::JoinRoom>) {
          const auto& account = names.account(body.account);
          const auto& room = names.room_record(body.room);
          std::vector<Event> found;
          // Who joined while the network was split may know a name that is another's now.
          if (decoded->merged && body.account == asker && !room.former_name.empty()) {
            found.push_back(
                event::Renamed{at, time, {TargetKind::room, room.former_name}, room.name, false});
          }
          if (decoded->merged && body.account != asker && !account.former_name.empty()) {
            found.push_back(event::Renamed{
                at, time, {TargetKind::user, account.former_name}, account.name, false});
          }
          found.push_back(event::Joined{at, time, room.name, account.name});
          return found;
        } else if constexpr (std::is_same_v<Body, op::LeaveRoom>) {
          return {event::Left{at, time, names.room(body.room), names.account(body.account).name}};
        } else if constexpr (std::is_same_v<Body, op::MarkRead>) {
          return {event::Read{at, names.target(body.conversation), make_cursor(body.upto)}};
        } else if constexpr (std::is_same_v<Body, op::DeleteAccount>) {
          std::vector<Event> left;
          for (const auto& room : tables_.concerned(*entry).more_rooms) {
            if (!tables_.is_member(room, asker)) continue;
            left.push_back(
                event::Left{at, time, names.room(room), names.account(body.account).name});
          }
          auto undelivered = undelivered_to(asker, body.account, *entry, names);
          std::move(undelivered.begin(), undelivered.end(), std::back_inserter(left));
          return left;
        } else {
          return {};
        }
      },
      decoded->operation.body);
}

// No message before it told the asker of the other, or in a room, since the asker is there, nothing
// of its sender.
bool Queries::is_first(const AccountId& asker, const op::SendMessage& sent, Seq at) const {
  const auto* room = std::get_if<RoomId>(&sent.to);
  if (room == nullptr) {
    const auto& receiver = std::get<AccountId>(sent.to);
    const auto first = tables_.items_above(direct_conversation(sent.from, receiver), Seq{}, 1);
    return !first.empty() && first.front().seq == at;
  }
  using Kind = store::Tables::ItemKind;
  for (const auto& item : tables_.items_below(room_conversation(*room), at, page_items_max)) {
    if (item.who == asker && item.kind == Kind::joined) return true;
    if (item.who == sent.from && item.kind != Kind::left) return false;
  }
  return true;
}

std::vector<Event> Queries::message_events(const AccountId& asker,
                                           const store::Tables::Happening& happening,
                                           Names& names) const {
  auto found = message(asker, happening.seq, happening.undelivered_message, names);
  if (!found) return {};
  std::vector<Event> events;
  const auto entry = entries_.entry(happening.seq);
  const auto decoded = entry ? decode_operation(*entry) : tl::unexpected<Error>(Error{});
  const auto* sent = decoded ? std::get_if<op::SendMessage>(&decoded->operation.body) : nullptr;
  if (found->late && sent != nullptr) {
    const auto* receiver = std::get_if<AccountId>(&sent->to);
    const bool mine = sent->from == asker;
    const auto& other = names.account(mine && receiver != nullptr ? *receiver : sent->from);
    if (other.id != asker && !other.former_name.empty() && is_first(asker, *sent, happening.seq)) {
      events.push_back(event::Renamed{
          found->at, found->time, {TargetKind::user, other.former_name}, other.name, false});
    }
  }
  // One that was here first became undelivered by a merged deletion, and is told there.
  const bool told = found->late && found->undelivered && sent != nullptr && sent->from == asker;
  const event::Undelivered undelivered{found->at, found->time, found->id, found->conversation};
  events.push_back(std::move(*found));
  if (told) events.push_back(undelivered);
  return events;
}

std::vector<Event> Queries::undelivered_to(const AccountId& asker, const AccountId& deleted,
                                           const Entry& deletion, Names& names) const {
  std::vector<Event> events;
  const auto decoded = decode_operation(deletion);
  if (!decoded || !decoded->merged) return events;
  Seq from = decoded->merged->fork.seq;
  while (events.size() < limits::undelivered_told_max) {
    const auto items =
        tables_.items_above(direct_conversation(asker, deleted), from, page_items_max);
    for (const auto& item : items) {
      if (item.seq >= deletion.seq) return events;
      from = item.seq;
      if (!item.undelivered || item.who != asker) continue;
      if (const auto found = message(asker, item.seq, true, names)) {
        events.push_back(event::Undelivered{make_cursor(deletion.position()),
                                            decoded->operation.time, found->id,
                                            found->conversation});
      }
    }
    if (items.empty()) return events;
  }
  return events;
}

reply::Events Queries::events(const AccountId& asker, Seq since, unsigned limit) const {
  Names names(tables_);
  reply::Events answer;
  limit = page_limit(limit);
  const auto happenings = tables_.happenings(asker, since, limit);
  std::size_t bytes = 0;
  bool all = happenings.size() < limit;
  Seq last = since;
  for (const auto& happening : happenings) {
    if (bytes >= page_bytes_max) {
      all = false;
      break;
    }
    for (auto& found : events_at(asker, happening, names)) {
      bytes += cost(found);
      answer.events.push_back(std::move(found));
    }
    last = happening.seq;
  }
  // What is no event of the asker's need not be looked at again.
  const auto entry = all ? std::nullopt : entries_.entry(last);
  answer.next = make_cursor(entry ? entry->position() : entries_.applied());
  return answer;
}

}  // namespace chat262::broker

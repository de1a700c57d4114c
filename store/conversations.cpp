// Looking up: conversations, what was said in them, what happened for an account.
#include <algorithm>

#include "store/disk_tables.hpp"

namespace chat262::store {

namespace {

ConversationRef to_ref(const std::variant<AccountId, RoomId>& with,
                       const schema::Conversation& conversation) {
  return {.with = with, .id = conversation.id, .read_upto = conversation.read_upto};
}

Tables::Item to_item(Seq at, std::string_view value) {
  using Stored = schema::Item::Kind;
  const schema::Item stored = schema::read_item(value);
  Tables::Item item{.seq = at, .who = stored.who};
  if (stored.kind == Stored::joined) item.kind = Tables::ItemKind::joined;
  if (stored.kind == Stored::left) item.kind = Tables::ItemKind::left;
  item.undelivered = stored.kind == Stored::undelivered;
  return item;
}

Tables::Happening to_happening(const Tables::Item& item) {
  using Kind = Tables::Happening::Kind;
  Tables::Happening happening{.seq = item.seq, .undelivered_message = item.undelivered};
  if (item.kind == Tables::ItemKind::joined) happening.kind = Kind::joined;
  if (item.kind == Tables::ItemKind::left) happening.kind = Kind::left;
  return happening;
}

Tables::Happening::Kind kind_of(schema::Notice notice) {
  using Kind = Tables::Happening::Kind;
  switch (notice) {
    case schema::Notice::read:
      return Kind::read;
    case schema::Notice::renamed:
      return Kind::renamed;
    case schema::Notice::undelivered:
      return Kind::undelivered;
    case schema::Notice::left:
      break;
  }
  return Kind::left;
}

// The first `limit` of what is added, by seq. Ones of equal seq happened in several conversations
// by one entry, and are one.
class Earliest {
 public:
  explicit Earliest(unsigned limit) : limit_(limit) {}

  // False if nothing at or above `at` can be among them any more.
  [[nodiscard]] bool wants(Seq at) const {
    return found_.size() < limit_ || (!found_.empty() && at <= found_.rbegin()->first);
  }
  void add(const Tables::Happening& happening) {
    found_.emplace(happening.seq, happening);
    if (found_.size() > limit_) found_.erase(std::prev(found_.end()));
  }
  [[nodiscard]] std::vector<Tables::Happening> take() const {
    std::vector<Tables::Happening> all;
    all.reserve(found_.size());
    for (const auto& [at, happening] : found_) all.push_back(happening);
    return all;
  }

 private:
  const unsigned limit_;
  std::map<Seq, Tables::Happening> found_;
};

}  // namespace

Tables::ConversationPage DiskTables::conversations(const AccountId& account, const Bytes& after,
                                                   unsigned limit) const {
  ConversationPage page;
  const schema::Key prefix = schema::conversations_prefix(account);
  schema::Key from = prefix;
  if (after.size() > AccountId::size + 1) return page;
  if (!after.empty()) from.raw(after.data(), after.size()).u8(0);
  Scan scan = records_.scan(Direction::up, prefix.text(), from.text());
  for (; scan.valid(); scan.next()) {
    const std::string_view tail = scan.key().substr(prefix.size());
    if (page.items.size() >= limit) break;
    if (const auto conversation = schema::read_conversation(scan.value())) {
      page.items.push_back(to_ref(schema::read_with(tail), *conversation));
    }
    page.next.assign(tail.begin(), tail.end());
  }
  if (!scan.valid()) page.next.clear();
  records_.finish(scan);
  return page;
}

std::optional<ConversationRef> DiskTables::conversation(
    const AccountId& account, const std::variant<AccountId, RoomId>& with) const {
  const auto stored = records_.get(schema::conversation_key(account, with).text());
  if (!stored) return std::nullopt;
  const auto conversation = schema::read_conversation(*stored);
  if (!conversation) return std::nullopt;
  return to_ref(with, *conversation);
}

unsigned DiskTables::rooms_of(const AccountId& account, unsigned max) const {
  const schema::Key mine = schema::conversation_key(account, RoomId{});
  const std::string_view prefix = mine.text().substr(0, mine.size() - RoomId::size);
  unsigned found = 0;
  Scan scan = records_.scan(Direction::up, prefix, prefix);
  for (; scan.valid() && found < max; scan.next()) ++found;
  records_.finish(scan);
  return found;
}

std::vector<Tables::Item> DiskTables::items(Direction direction, const ConversationId& conversation,
                                            Seq bound, unsigned limit) const {
  std::vector<Item> found;
  const schema::Key prefix = schema::timeline_prefix(conversation);
  Scan scan = records_.scan(direction, prefix.text(), schema::Key(prefix).seq(bound).text());
  for (; scan.valid() && found.size() < limit; scan.next()) {
    found.push_back(to_item(Reader(scan.key().substr(prefix.size())).seq(), scan.value()));
  }
  records_.finish(scan);
  return found;
}

std::vector<Tables::Item> DiskTables::items_above(const ConversationId& conversation, Seq from,
                                                  unsigned limit) const {
  if (from == highest_seq) return {};
  return items(Direction::up, conversation, from.next(), limit);
}

std::vector<Tables::Item> DiskTables::items_below(const ConversationId& conversation,
                                                  std::optional<Seq> from, unsigned limit) const {
  return items(Direction::down, conversation, from.value_or(highest_seq), limit);
}

std::uint64_t DiskTables::unread(const ConversationId& conversation, const AccountId& account,
                                 Seq read, std::uint64_t max) const {
  if (read == highest_seq) return 0;
  std::uint64_t count = 0;
  const schema::Key prefix = schema::timeline_prefix(conversation);
  const schema::Key from = schema::Key(prefix).seq(read.next());
  Scan scan = records_.scan(Direction::up, prefix.text(), from.text());
  for (; scan.valid() && count < max; scan.next()) {
    const Item item = to_item(Seq{}, scan.value());
    if (item.kind == ItemKind::message && item.who != account) ++count;
  }
  records_.finish(scan);
  return count;
}

// ---- events

std::vector<Tables::Happening> DiskTables::happenings(const AccountId& account, Seq since,
                                                      unsigned limit) const {
  if (limit == 0 || since >= tip_.seq) return {};
  Earliest earliest(limit);
  // Whoever waits for events is past what is on disk, most of the time: then every conversation
  // costs a look into memory only.
  const bool recent = since.value >= durable_;
  const auto scan_from = [&](const schema::Key& prefix, Seq from) {
    const schema::Key bound = schema::Key(prefix).seq(from);
    return recent ? records_.scan_overlay(Direction::up, prefix.text(), bound.text())
                  : records_.scan(Direction::up, prefix.text(), bound.text());
  };
  const schema::Key mine = schema::conversations_prefix(account);
  Scan conversations = records_.scan(Direction::up, mine.text(), mine.text());
  for (; conversations.valid(); conversations.next()) {
    const auto conversation = schema::read_conversation(conversations.value());
    if (!conversation) continue;
    const schema::Key prefix = schema::timeline_prefix(conversation->id);
    Scan scan = scan_from(prefix, std::max(since.next(), conversation->since));
    for (; scan.valid(); scan.next()) {
      const Seq at = Reader(scan.key().substr(prefix.size())).seq();
      if (!earliest.wants(at)) break;
      earliest.add(to_happening(to_item(at, scan.value())));
    }
    records_.finish(scan);
  }
  records_.finish(conversations);

  const schema::Key prefix = schema::notices_prefix(account);
  Scan scan = scan_from(prefix, since.next());
  for (; scan.valid(); scan.next()) {
    const Seq at = Reader(scan.key().substr(prefix.size())).seq();
    if (!earliest.wants(at)) break;
    earliest.add(
        {.seq = at, .kind = kind_of(static_cast<schema::Notice>(Reader(scan.value()).u8()))});
  }
  records_.finish(scan);
  return earliest.take();
}

Seq DiskTables::resolve(const Position& cursor) const {
  return resolve_cursor(records_, cursor);
}

Concerned DiskTables::concerned(const Entry& entry) const {
  if (entry.kind == EntryKind::view) return {};
  const auto outcome = request(entry.request);
  if (!outcome || outcome->at != entry.position() || outcome->status != Status::ok) return {};
  const auto decoded = decode_operation(entry);
  if (!decoded) return {};
  Concerned concerned;
  const auto add = [&concerned](const std::variant<AccountId, RoomId>& with) {
    if (const auto* user = std::get_if<AccountId>(&with)) {
      concerned.accounts.push_back(*user);
    } else {
      concerned.room = std::get<RoomId>(with);
    }
  };
  const OperationBody& body = decoded->operation.body;
  if (const auto* message = std::get_if<op::SendMessage>(&body)) {
    concerned.accounts.push_back(message->from);
    add(message->to);
  } else if (const auto* create = std::get_if<op::CreateRoom>(&body)) {
    concerned.accounts.push_back(create->account);
    concerned.room = create->room;
  } else if (const auto* join = std::get_if<op::JoinRoom>(&body)) {
    concerned.accounts.push_back(join->account);
    concerned.room = join->room;
  } else if (const auto* leave = std::get_if<op::LeaveRoom>(&body)) {
    concerned.accounts.push_back(leave->account);
    concerned.room = leave->room;
  } else if (const auto* made = std::get_if<op::Register>(&body)) {
    concerned.accounts.push_back(made->account);
  } else if (const auto* mark = std::get_if<op::MarkRead>(&body)) {
    concerned.accounts.push_back(mark->account);
  } else if (const auto* gone = std::get_if<op::DeleteAccount>(&body)) {
    concerned.accounts.push_back(gone->account);
    const auto stored = records_.get(schema::deletion_key(gone->account).text());
    auto deletion = stored ? schema::read_deletion(*stored) : std::nullopt;
    if (deletion) concerned.more_rooms = std::move(deletion->rooms);
  }
  return concerned;
}

Hash DiskTables::digest() const {
  Bytes buffer;
  Hash hash{};
  const auto add = [&buffer](std::string_view bytes) {
    FixedWriter<4> size;
    size.u32(static_cast<std::uint32_t>(bytes.size()));
    buffer.insert(buffer.end(), size.view().begin(), size.view().end());
    buffer.insert(buffer.end(), bytes.begin(), bytes.end());
  };
  FixedWriter<16> tip;
  tip.seq(tip_.seq).time(tip_.time);
  add(tip.text());
  const std::string_view first_table("\1", 1);  // above the mark, which says what is on disk
  Scan scan = records_.scan(Direction::up, "", first_table);
  for (; scan.valid(); scan.next()) {
    add(scan.key());
    add(scan.value());
    buffer.insert(buffer.begin(), hash.bytes.begin(), hash.bytes.end());
    hash = hash_of(buffer);
    buffer.clear();
  }
  records_.finish(scan);
  return hash;
}

}  // namespace chat262::store

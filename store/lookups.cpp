// Looking up: accounts, sessions, rooms, names.
#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/names.hpp"
#include "store/disk_tables.hpp"

namespace chat262::store {

namespace {
constexpr unsigned scan_records_max = 4096;  // that one page of a search looks at
}

std::optional<Outcome> DiskTables::request(const RequestId& id) const {
  const auto stored = records_.get(schema::request_key(id).text());
  return stored ? schema::read_outcome(*stored) : std::nullopt;
}

std::vector<ReplacedServer> DiskTables::replaced() const {
  std::vector<ReplacedServer> found;
  const schema::Key prefix = schema::prefix(schema::Table::replaced);
  Scan scan = records_.scan(Direction::up, prefix.text(), prefix.text());
  for (; scan.valid(); scan.next()) {
    const ServerId server{Reader(scan.key().substr(prefix.size())).u8()};
    if (auto replaced = schema::read_replaced(server, scan.value())) {
      found.push_back(std::move(*replaced));
    }
  }
  records_.finish(scan);
  return found;
}

std::vector<ServerKey> DiskTables::server_keys() const {
  std::vector<ServerKey> found;
  const schema::Key prefix = schema::prefix(schema::Table::server_keys);
  Scan scan = records_.scan(Direction::up, prefix.text(), prefix.text());
  for (; scan.valid(); scan.next()) {
    const ServerId server{Reader(scan.key().substr(prefix.size())).u8()};
    if (const auto key = schema::read_server_key(server, scan.value())) found.push_back(*key);
  }
  records_.finish(scan);
  return found;
}

std::optional<AccountRecord> DiskTables::account(const AccountId& id) const {
  const auto stored = records_.get(schema::account_key(id).text());
  return stored ? schema::read_account(id, *stored) : std::nullopt;
}

std::optional<AccountRecord> DiskTables::account_named(const std::string& folded) const {
  if (folded.size() > limits::name_bytes_max) return std::nullopt;
  const auto id = records_.get(schema::account_name_key(folded).text());
  return id ? account(Reader(*id).id<AccountId>()) : std::nullopt;
}

std::vector<AccountRecord> DiskTables::accounts_once_named(const std::string& folded,
                                                           unsigned limit) const {
  std::vector<AccountRecord> found;
  if (folded.size() > limits::name_bytes_max) return found;
  const schema::Key prefix = schema::former_name_prefix(folded);
  Scan scan = records_.scan(Direction::up, prefix.text(), prefix.text());
  for (; scan.valid() && found.size() < limit; scan.next()) {
    auto record = account(Reader(scan.key().substr(prefix.size())).id<AccountId>());
    if (record && !record->deleted) found.push_back(std::move(*record));
  }
  records_.finish(scan);
  return found;
}

std::optional<SessionRecord> DiskTables::session(const Hash& token_hash) const {
  const auto stored = records_.get(schema::session_key(token_hash).text());
  return stored ? schema::read_session(*stored) : std::nullopt;
}

std::optional<InvitationRecord> DiskTables::invitation(const Hash& code) const {
  const auto stored = records_.get(schema::invitation_key(code).text());
  return stored ? schema::read_invitation(*stored) : std::nullopt;
}

std::optional<ResetRecord> DiskTables::reset_code(const AccountId& account) const {
  const auto stored = records_.get(schema::reset_key(account).text());
  const auto reset = stored ? schema::read_reset(*stored) : std::nullopt;
  if (!reset) return std::nullopt;
  return ResetRecord{reset->code, reset->expires, reset->used.at != Seq{}};
}

std::vector<Tables::OpenSession> DiskTables::sessions(const AccountId& account) const {
  std::vector<OpenSession> found;
  const schema::Key prefix = schema::account_sessions_prefix(account);
  Scan scan = records_.scan(Direction::up, prefix.text(), prefix.text());
  for (; scan.valid(); scan.next()) {
    found.push_back({Reader(scan.key().substr(prefix.size())).hash(), {}});
  }
  records_.finish(scan);
  for (auto& one : found) {
    if (auto record = session(one.token_hash)) one.record = std::move(*record);
  }
  return found;
}

std::optional<RoomRecord> DiskTables::room(const RoomId& id) const {
  const auto stored = records_.get(schema::room_key(id).text());
  return stored ? schema::read_room(id, *stored) : std::nullopt;
}

std::optional<RoomRecord> DiskTables::room_named(const std::string& folded) const {
  if (folded.size() > limits::name_bytes_max) return std::nullopt;
  const auto id = records_.get(schema::room_name_key(folded).text());
  return id ? room(Reader(*id).id<RoomId>()) : std::nullopt;
}

bool DiskTables::is_member(const RoomId& room, const AccountId& account) const {
  return records_.get(schema::conversation_key(account, room).text()).has_value();
}

// ---- pages of names

// The part of a pattern before its first `*` bounds the range to look at.
template <class Record, class Load>
Tables::Page<Record> DiskTables::page_of_names(const schema::Key& prefix,
                                               const std::string& pattern, const std::string& after,
                                               unsigned limit, Load load) const {
  Page<Record> page;
  const std::string fixed = pattern.substr(0, std::min(pattern.find('*'), pattern.size()));
  if (fixed.size() > limits::name_bytes_max || after.size() > limits::name_bytes_max) return page;
  schema::Key range = prefix;
  range.tail(fixed);
  schema::Key from = range;
  // The key after `after`: the same with a zero byte behind it.
  if (after >= fixed && !after.empty()) (from = prefix).tail(after).u8(0);
  Scan scan = records_.scan(Direction::up, range.text(), from.text());
  for (unsigned seen = 0; scan.valid(); scan.next()) {
    const std::string folded(scan.key().substr(prefix.size()));
    if (matches(pattern, folded)) {
      if (std::optional<Record> record = load(scan.value())) {
        page.items.push_back(std::move(*record));
      }
    }
    if (page.items.size() >= limit || ++seen >= scan_records_max) {
      scan.next();
      if (scan.valid()) page.next = folded;
      break;
    }
  }
  records_.finish(scan);
  return page;
}

Tables::Page<AccountRecord> DiskTables::accounts(const std::string& pattern,
                                                 const std::string& after, unsigned limit) const {
  return page_of_names<AccountRecord>(schema::prefix(schema::Table::account_names), pattern, after,
                                      limit, [this](std::string_view id) {
                                        auto record = account(Reader(id).id<AccountId>());
                                        if (record && record->deleted) record.reset();
                                        return record;
                                      });
}

Tables::Page<AccountRecord> DiskTables::all_accounts(const std::string& pattern,
                                                     const std::string& after,
                                                     unsigned limit) const {
  return page_of_names<AccountRecord>(
      schema::prefix(schema::Table::account_names), pattern, after, limit,
      [this](std::string_view id) { return account(Reader(id).id<AccountId>()); });
}

Tables::Page<RoomRecord> DiskTables::rooms(const std::string& pattern, const std::string& after,
                                           unsigned limit) const {
  return page_of_names<RoomRecord>(
      schema::prefix(schema::Table::room_names), pattern, after, limit,
      [this](std::string_view id) { return room(Reader(id).id<RoomId>()); });
}

Tables::Page<AccountRecord> DiskTables::members(const RoomId& room, const std::string& after,
                                                unsigned limit) const {
  return page_of_names<AccountRecord>(
      schema::members_prefix(room), "*", after, limit,
      [this](std::string_view id) { return account(Reader(id).id<AccountId>()); });
}

}  // namespace chat262::store

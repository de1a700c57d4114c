// Accounts and sessions.
#include "protocol/mutant.hpp"
#include "store/apply.hpp"

namespace chat262::store {

Status Applier::operator()(const op::Register& body) {
  if (!schema::sound_name(body.name, body.folded)) return Status::bad_name;
  if (body.password_hash.size() > schema::password_hash_bytes_max || body.account.empty() ||
      life(body.account) != Life::none) {
    return Status::malformed;
  }
  AccountRecord record{.id = body.account,
                       .name = body.name,
                       .folded = body.folded,
                       .password_hash = body.password_hash,
                       .former_name = {},
                       .created = time_};
  if (const auto taken = records_.get(schema::account_name_key(body.folded).text())) {
    // Two histories gave the same name: the one that is merged gets another.
    if (!surely_unknown_there(schema::read_holder<AccountId>(*taken).origin)) {
      return Status::name_taken;
    }
    const auto free =
        free_name(schema::Table::account_names, {body.name, body.folded}, body.account.bytes);
    if (!free) return Status::name_taken;
    record.former_name = record.name;
    record.name = free->shown;
    record.folded = free->folded;
    records_.put(schema::former_name_prefix(body.folded).id(body.account).text(), {});
    put_notice(body.account, schema::Notice::renamed);
  }
  records_.put(schema::account_key(body.account).text(), schema::account_value(record, {}).text());
  records_.put(schema::account_name_key(record.folded).text(),
               schema::holder_value<AccountId>({body.account, origin_}).text());
  return Status::ok;
}

Status Applier::operator()(const op::OpenSession& body) {
  if (life(body.account) != Life::live) return Status::not_signed_in;
  const schema::AccountPast past = account_past(body.account);
  // Opened with a password that another history had already changed, or before all were closed.
  if (unknown_there(past.password)) return Status::wrong_credentials;
  if (merged_ && time_ < past.sessions_closed) return Status::not_signed_in;
  // A token belongs to the one who made it.
  if (records_.get(schema::session_key(body.token_hash).text())) return Status::bad_argument;
  // Sessions that have expired are cleared away here, by the log's own time.
  for (const Hash& token : sessions_of(body.account)) {
    const auto stored = records_.get(schema::session_key(token).text());
    const auto session = stored ? schema::read_session(*stored) : std::nullopt;
    if (!session || session->expires <= time_) remove_session(body.account, token);
  }
  const SessionRecord record{.account = body.account, .expires = body.expires, .created = time_};
  records_.put(schema::session_key(body.token_hash).text(), schema::session_value(record).text());
  records_.put(schema::account_sessions_prefix(body.account).hash(body.token_hash).text(), {});
  return Status::ok;
}

Status Applier::operator()(const op::CloseSession& body) {
  const auto stored = records_.get(schema::session_key(body.token_hash).text());
  const auto session = stored ? schema::read_session(*stored) : std::nullopt;
  if (!session && merged_) return Status::ok;  // ended in this history too
  if (!session || session->account != body.account) return Status::not_signed_in;
  remove_session(body.account, body.token_hash);
  return Status::ok;
}

Status Applier::operator()(const op::CloseAllSessions& body) {
  const auto account = live_account(body.account);
  if (!account) return deleted_unknown_there(body.account) ? Status::ok : Status::not_signed_in;
  for (const Hash& token : sessions_of(body.account)) {
    const auto stored = records_.get(schema::session_key(token).text());
    const auto session = stored ? schema::read_session(*stored) : std::nullopt;
    // Opened later, in the other history: that is not what was to be closed.
    if (merged_ && session && session->created > time_) continue;
    remove_session(body.account, token);
    if (mutant("log-out-one-of-all")) break;
  }
  schema::AccountPast past = account_past(body.account);
  past.sessions_closed = std::max(past.sessions_closed, time_);
  records_.put(schema::account_key(body.account).text(),
               schema::account_value(*account, past).text());
  return Status::ok;
}

Status Applier::operator()(const op::ChangePassword& body) {
  auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  if (body.password_hash.size() > schema::password_hash_bytes_max) return Status::malformed;
  schema::AccountPast past = account_past(body.account);
  // Changed in both histories: the later change stands, with the sessions it left open.
  if (unknown_there(past.password) && time_ < past.password_changed) return Status::ok;
  account->password_hash = body.password_hash;
  past.password = origin_;
  past.password_changed = time_;
  records_.put(schema::account_key(body.account).text(),
               schema::account_value(*account, past).text());
  for (const Hash& token : sessions_of(body.account)) {
    if (token != body.keep) remove_session(body.account, token);
  }
  return Status::ok;
}

// The name stays taken, the record stays as the author of what it wrote. The texts are hidden from
// now on by the flag, and erased from the log before this change is written to disk.
Status Applier::operator()(const op::DeleteAccount& body) {
  auto account = live_account(body.account);
  if (!account) return deleted_unknown_there(body.account) ? Status::ok : Status::not_signed_in;
  for (const Hash& token : sessions_of(body.account)) remove_session(body.account, token);
  std::vector<RoomId> rooms;
  const schema::Key mine = schema::conversations_prefix(body.account);
  for (const std::string& tail : tails(mine)) {
    const auto with = schema::read_with(tail);
    const schema::Key key = schema::conversation_key(body.account, with);
    const auto seat = conversation(key);
    if (const auto* room = std::get_if<RoomId>(&with); room != nullptr && seat) {
      leave_room(*account, *room, *seat);
      rooms.push_back(*room);
    } else if (const auto* other = std::get_if<AccountId>(&with)) {
      mark_undelivered(body.account, *other);
    }
    records_.remove(key.text());
  }
  const schema::Key notices = schema::notices_prefix(body.account);
  for (const std::string& tail : tails(notices)) {
    records_.remove(schema::Key(notices).tail(tail).text());
  }
  account->deleted = true;
  account->password_hash.clear();
  records_.put(schema::account_key(body.account).text(),
               schema::account_value(*account, {}).text());
  put_deletion(body.account, {.texts_upto = at_.seq, .origin = origin_, .rooms = std::move(rooms)});
  return Status::ok;
}

std::vector<Hash> Applier::sessions_of(const AccountId& account) const {
  std::vector<Hash> tokens;
  for (const std::string& tail : tails(schema::account_sessions_prefix(account))) {
    tokens.push_back(Reader(tail).hash());
  }
  return tokens;
}

void Applier::remove_session(const AccountId& account, const Hash& token) {
  records_.remove(schema::session_key(token).text());
  records_.remove(schema::account_sessions_prefix(account).hash(token).text());
}

}  // namespace chat262::store

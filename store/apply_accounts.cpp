// Accounts. Their sessions are in apply_sessions.cpp.
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
  const auto taken = records_.get(schema::account_name_key(body.folded).text());
  // Two histories gave the same name: the one that is merged gets another.
  if (taken && !surely_unknown_there(schema::read_holder<AccountId>(*taken).origin)) {
    return Status::name_taken;
  }
  const bool is_taken = taken.has_value();
  if (body.invitation != Hash{} && !take_invitation(body.invitation)) {
    return Status::no_permission;
  }
  if (is_taken) {
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

Status Applier::operator()(const op::ChangePassword& body) {
  auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  if (body.password_hash.size() > schema::password_hash_bytes_max) return Status::malformed;
  const schema::AccountPast past = account_past(body.account);
  // Changed in both histories: the later change stands, with the sessions it left open.
  if (unknown_there(past.password) && time_ < past.password_changed) return Status::ok;
  for (const Hash& token : sessions_of(body.account)) {
    if (token != body.keep) remove_session(body.account, token);
  }
  return set_password(std::move(*account), body.password_hash);
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
  records_.remove(schema::reset_key(body.account).text());
  account->deleted = true;
  account->suspended = false;
  account->password_hash.clear();
  records_.put(schema::account_key(body.account).text(),
               schema::account_value(*account, {}).text());
  put_deletion(body.account, {.texts_upto = at_.seq, .origin = origin_, .rooms = std::move(rooms)});
  return Status::ok;
}

}  // namespace chat262::store

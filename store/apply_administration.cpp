// What operators do with accounts, and what follows from it: invitations, suspensions, codes that
// set a new password. Also hashes that are made anew.
#include "protocol/limits.hpp"
#include "store/apply.hpp"

namespace chat262::store {

namespace {

bool sound_by(const std::string& by) {
  return by.size() <= limits::by_bytes_max;
}

}  // namespace

Status Applier::operator()(const op::Rehash& body) {
  auto account = live_account(body.account);
  if (body.password_hash.size() > schema::password_hash_bytes_max) return Status::malformed;
  // Deleted or changed meanwhile, also in another history: then there is nothing to do.
  if (!account) return Status::ok;
  const auto& hash = account->password_hash;
  if (hash_of(to_bytes(hash)) != body.before) return Status::ok;
  const schema::AccountPast past = account_past(body.account);
  account->password_hash = body.password_hash;
  records_.put(schema::account_key(body.account).text(),
               schema::account_value(*account, past).text());
  return Status::ok;
}

Status Applier::operator()(const op::CreateInvitation& body) {
  if (body.code == Hash{} || body.uses == 0 || body.uses > limits::invitation_uses_max ||
      !sound_by(body.by)) {
    return Status::malformed;
  }
  const schema::Key key = schema::invitation_key(body.code);
  if (records_.get(key.text())) return Status::ok;  // said twice
  records_.put(key.text(), schema::invitation_value({body.uses, body.expires}).text());
  return Status::ok;
}

// True if the invitation is good for one more. Each side of a split can take the last use: then
// both stay.
bool Applier::take_invitation(const Hash& code) {
  const schema::Key key = schema::invitation_key(code);
  const auto stored = records_.get(key.text());
  auto invitation = stored ? schema::read_invitation(*stored) : std::nullopt;
  if (!invitation || invitation->expires <= time_) return false;
  if (invitation->uses == 0) return merged_.has_value();
  --invitation->uses;
  records_.put(key.text(), schema::invitation_value(*invitation).text());
  return true;
}

Status Applier::operator()(const op::SuspendAccount& body) {
  if (!sound_by(body.by)) return Status::malformed;
  auto account = live_account(body.account);
  if (!account) return deleted_unknown_there(body.account) ? Status::ok : Status::no_such_user;
  schema::AccountPast past = account_past(body.account);
  if (body.suspended) {
    past.suspension = origin_;
    past.sessions_closed = std::max(past.sessions_closed, time_);
    for (const Hash& token : sessions_of(body.account)) remove_session(body.account, token);
  } else if (surely_unknown_there(past.suspension)) {
    return Status::ok;  // a suspension that they did not know stays
  }
  account->suspended = body.suspended;
  records_.put(schema::account_key(body.account).text(),
               schema::account_value(*account, past).text());
  return Status::ok;
}

Status Applier::operator()(const op::OfferReset& body) {
  if (body.code == Hash{} || !sound_by(body.by)) return Status::malformed;
  if (life(body.account) != Life::live) {
    return deleted_unknown_there(body.account) ? Status::ok : Status::no_such_user;
  }
  const schema::Key key = schema::reset_key(body.account);
  const auto stored = records_.get(key.text());
  const auto standing = stored ? schema::read_reset(*stored) : std::nullopt;
  // Given in both histories: the one that is good for longer.
  if (standing && surely_unknown_there(standing->origin) && standing->expires > body.expires) {
    return Status::ok;
  }
  const schema::Reset reset{
      .origin = origin_, .code = body.code, .expires = body.expires, .used = {}};
  records_.put(key.text(), schema::reset_value(reset).text());
  return Status::ok;
}

Status Applier::operator()(const op::ResetPassword& body) {
  auto account = live_account(body.account);
  if (!account) return Status::wrong_credentials;
  if (body.password_hash.size() > schema::password_hash_bytes_max) return Status::malformed;
  const schema::Key key = schema::reset_key(body.account);
  const auto stored = records_.get(key.text());
  auto reset = stored ? schema::read_reset(*stored) : std::nullopt;
  const bool good = reset && reset->code == body.code && reset->expires > time_ &&
                    // Used in both histories: then it is as if both had changed the password.
                    (reset->used.at == Seq{} || surely_unknown_there(reset->used));
  if (!good) return Status::wrong_credentials;
  reset->used = origin_;
  records_.put(key.text(), schema::reset_value(*reset).text());
  const schema::AccountPast past = account_past(body.account);
  if (unknown_there(past.password) && time_ < past.password_changed) return Status::ok;
  for (const Hash& token : sessions_of(body.account)) remove_session(body.account, token);
  return set_password(std::move(*account), body.password_hash);
}

Status Applier::set_password(AccountRecord account, const std::string& hash) {
  schema::AccountPast past = account_past(account.id);
  past.password = origin_;
  past.password_changed = time_;
  account.password_hash = hash;
  records_.put(schema::account_key(account.id).text(), schema::account_value(account, past).text());
  return Status::ok;
}

}  // namespace chat262::store

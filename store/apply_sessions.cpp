// Sessions: opening and closing.
#include "protocol/limits.hpp"
#include "protocol/mutant.hpp"
#include "store/apply.hpp"

namespace chat262::store {

Status Applier::operator()(const op::OpenSession& body) {
  if (body.address.size() > limits::address_bytes_max ||
      body.client.size() > limits::client_text_bytes_max) {
    return Status::malformed;
  }
  const auto account = live_account(body.account);
  if (!account) return Status::not_signed_in;
  if (account->suspended) return Status::suspended;
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
  const SessionRecord record{.account = body.account,
                             .expires = body.expires,
                             .created = time_,
                             .address = body.address,
                             .client = body.client};
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

// What writes are answered.
#include "test/simulation/reference_chat.hpp"

#include <algorithm>

#include "test/support/world.hpp"

namespace chat262::test {

namespace {

constexpr std::int64_t session_ms = 30LL * 24 * 3600 * 1000;

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

// Who may log in by a name: who has it, and whom merges took it from.
std::vector<AccountId> ReferenceChat::known_as(const std::string& name) const {
  std::vector<AccountId> known;
  if (const AccountId* holder = account_named(name); holder != nullptr && live(*holder)) {
    known.push_back(*holder);
  }
  for (const auto& [id, account] : accounts_) {
    if (!account.former.empty() && account.former == name && live(id)) known.push_back(id);
  }
  return known;
}

const RoomId* ReferenceChat::room_named(const std::string& name) const {
  const auto found = room_names_.find(name);
  return found == room_names_.end() ? nullptr : &found->second;
}

std::vector<AccountId> ReferenceChat::accounts() const {
  std::vector<AccountId> all;
  for (const auto& [id, account] : accounts_) all.push_back(id);
  return all;
}

const std::string& ReferenceChat::password_hash(const AccountId& account) const {
  return accounts_.at(account).password_hash;
}

const AccountId* ReferenceChat::session(const Hash& token) const {
  const auto found = sessions_.find(token);
  return found == sessions_.end() ? nullptr : &found->second.account;
}

const AccountId* ReferenceChat::signed_in(const Request& request) const {
  return session(hash_of(request.token));
}

Reply ReferenceChat::reply_to_write(const Request& request) const {
  const RequestId id{request.client, request.number};
  const Outcome& outcome = outcomes_.at(id);
  if (outcome.fingerprint != fingerprint(request.body)) {
    return refused(request, Status::request_reused);
  }
  const bool ends_one = is<request::EndSession>(request.body);
  if (outcome.status != Status::ok && !(ends_one && outcome.status == Status::not_signed_in)) {
    return refused(request, outcome.status);
  }
  Reply reply{Status::ok, request.number, reply::Done{}};
  if (is<request::Register>(request.body)) {
    reply.body = reply::Registered{account_id(id), accounts_.at(account_id(id)).name};
  } else if (is<request::LogIn>(request.body)) {  // the name asked for may be another's by now
    const AccountId account = std::get<op::OpenSession>(operation_at(outcome.at.seq).body).account;
    reply.body =
        reply::LoggedIn{account, accounts_.at(account).name,
                        TimeMs{{outcome.time.value + session_ms}}, make_cursor(outcome.at)};
  } else if (is<request::CreateRoom>(request.body)) {
    reply.body = reply::RoomDone{room_id(id), rooms_.at(room_id(id)).name};
  } else if (is<request::JoinRoom>(request.body)) {
    const RoomId room = std::get<op::JoinRoom>(operation_at(outcome.at.seq).body).room;
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
    const std::vector<AccountId> known = known_as(body->name);
    if (std::none_of(known.begin(), known.end(),
                     [&](const AccountId& account) { return right(account, body->password); })) {
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
  if (const auto* end = std::get_if<request::EndSession>(&request.body)) {
    const bool any = std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& one) {
      return one.second.account == *account && session_id(one.first) == end->session;
    });
    return any ? Status::ok : Status::bad_argument;
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
    if (!upto || resolve(*upto) > at_.seq) return Status::bad_cursor;
    return target_refusal(*account, mark->conversation, true);
  }
  return Status::ok;
}

}  // namespace chat262::test

// What an entry does; accounts and their sessions.
#include <algorithm>

#include "test/simulation/reference_chat.hpp"

namespace chat262::test {

void ReferenceChat::apply(const Entry& entry) {
  at_ = entry.position();
  merge_.reset();
  log_.push_back(entry);
  operations_.emplace_back();
  first_.push_back(at_);
  epochs_.try_emplace(at_.epoch, at_.seq, at_.seq).first->second.second = at_.seq;
  if (entry.kind == EntryKind::view) return;
  const auto decoded = decode_operation(entry);
  if (!decoded) return;
  const Operation& operation = operations_.back() = decoded->operation;
  time_ = operation.time;
  merge_ = decoded->merged;
  if (merge_) first_.back() = merge_->from;
  if (outcomes_.contains(entry.request)) return;
  if (merge_) {
    Seq& fork = forks_.try_emplace(merge_->from.epoch, merge_->fork.seq).first->second;
    fork = std::min(fork, merge_->fork.seq);
  }
  const Status status =
      std::visit([this](const auto& body) { return (*this)(body); }, operation.body);
  outcomes_[entry.request] = {at_, status, operation.fingerprint, operation.time};
}

const ReferenceChat::Outcome* ReferenceChat::outcome(const RequestId& request) const {
  const auto found = outcomes_.find(request);
  return found == outcomes_.end() ? nullptr : &found->second;
}

bool ReferenceChat::live(const AccountId& account) const {
  const auto found = accounts_.find(account);
  return found != accounts_.end() && !found->second.deleted();
}

const ReferenceChat::Seat* ReferenceChat::seat(const AccountId& account, const With& with) const {
  const auto all = seats_.find(account);
  if (all == seats_.end()) return nullptr;
  const auto found = all->second.find(with);
  return found == all->second.end() ? nullptr : &found->second;
}

Status ReferenceChat::operator()(const op::Register& body) {
  Account account{.name = body.name,
                  .former = {},
                  .password_hash = body.password_hash,
                  .registered_at = at_.seq,
                  .password_at = {},
                  .password_time = {},
                  .all_closed_time = {},
                  .deleted_at = {},
                  .suspended = false,
                  .suspended_at = {}};
  if (const AccountId* holder = account_named(body.folded)) {
    if (!unknown_there(accounts_.at(*holder).registered_at)) return Status::name_taken;
  }
  if (body.invitation != Hash{}) {
    const auto found = invitations_.find(body.invitation);
    if (found == invitations_.end() || found->second.expires <= time_) return Status::no_permission;
    if (found->second.uses == 0 && !merge_) return Status::no_permission;
    if (found->second.uses > 0) --found->second.uses;
  }
  if (account_named(body.folded) != nullptr) {
    account.former = body.name;
    account.name = free_name(account_names_, body.name, body.account.bytes);
    notices_[body.account].insert(at_.seq);
  }
  account_names_[account.name] = body.account;
  accounts_[body.account] = std::move(account);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::OpenSession& body) {
  if (!live(body.account)) return Status::not_signed_in;
  const Account& account = accounts_.at(body.account);
  if (account.suspended) return Status::suspended;
  if (password_unknown_there(account)) return Status::wrong_credentials;
  if (merge_ && account.all_closed_time > time_) return Status::not_signed_in;
  if (sessions_.contains(body.token_hash)) return Status::bad_argument;
  // Those of its account that have expired go.
  std::erase_if(sessions_, [this, &body](const auto& one) {
    return one.second.account == body.account && one.second.expires <= time_;
  });
  sessions_[body.token_hash] = {body.account, time_, body.expires, body.address, body.client};
  return Status::ok;
}

Status ReferenceChat::operator()(const op::CloseSession& body) {
  const auto found = sessions_.find(body.token_hash);
  if (found == sessions_.end() && merge_) return Status::ok;
  if (found == sessions_.end() || found->second.account != body.account) {
    return Status::not_signed_in;
  }
  sessions_.erase(found);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::CloseAllSessions& body) {
  if (deleted_unknown_there(body.account)) return Status::ok;
  if (!live(body.account)) return Status::not_signed_in;
  std::erase_if(sessions_, [this, &body](const auto& one) {
    const bool opened_later = merge_ && one.second.opened > time_;
    return one.second.account == body.account && !opened_later;
  });
  TimeMs& latest = accounts_[body.account].all_closed_time;
  latest = std::max(latest, time_);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::ChangePassword& body) {
  if (!live(body.account)) return Status::not_signed_in;
  Account& account = accounts_[body.account];
  if (password_unknown_there(account) && account.password_time > time_) return Status::ok;
  account.password_hash = body.password_hash;
  account.password_at = at_.seq;
  account.password_time = time_;
  std::erase_if(sessions_, [&body](const auto& one) {
    return one.second.account == body.account && one.first != body.keep;
  });
  return Status::ok;
}

Status ReferenceChat::operator()(const op::DeleteAccount& body) {
  if (deleted_unknown_there(body.account)) return Status::ok;
  if (!live(body.account)) return Status::not_signed_in;
  std::erase_if(sessions_, [&body](const auto& one) { return one.second.account == body.account; });
  lose_messages_to(body.account);
  for (const auto& [with, its_seat] : seats_[body.account]) {
    const auto* room = std::get_if<RoomId>(&with);
    if (room == nullptr) continue;
    leave(body.account, *room);
    deletions_[body.account].rooms.push_back(*room);
  }
  seats_.erase(body.account);
  notices_.erase(body.account);
  accounts_[body.account].deleted_at = at_.seq;
  accounts_[body.account].password_hash.clear();
  accounts_[body.account].suspended = false;
  resets_.erase(body.account);
  return Status::ok;
}

// ---- what operators do

void ReferenceChat::close_all(const AccountId& account, const Hash& keep) {
  std::erase_if(sessions_, [&](const auto& one) {
    return one.second.account == account && one.first != keep;
  });
}

Status ReferenceChat::operator()(const op::Rehash& body) {
  if (!live(body.account)) return Status::ok;
  std::string& hash = accounts_[body.account].password_hash;
  if (hash_of(Bytes(hash.begin(), hash.end())) == body.before) hash = body.password_hash;
  return Status::ok;
}

Status ReferenceChat::operator()(const op::CreateInvitation& body) {
  if (body.code == Hash{} || body.uses == 0) return Status::malformed;
  invitations_.emplace(body.code, Invitation{body.uses, body.expires});
  return Status::ok;
}

Status ReferenceChat::operator()(const op::SuspendAccount& body) {
  if (deleted_unknown_there(body.account)) return Status::ok;
  if (!live(body.account)) return Status::no_such_user;
  Account& account = accounts_[body.account];
  if (!body.suspended && unknown_there(account.suspended_at)) return Status::ok;
  account.suspended = body.suspended;
  if (!body.suspended) return Status::ok;
  account.suspended_at = at_.seq;
  account.all_closed_time = std::max(account.all_closed_time, time_);
  close_all(body.account, {});
  return Status::ok;
}

Status ReferenceChat::operator()(const op::OfferReset& body) {
  if (body.code == Hash{}) return Status::malformed;
  if (deleted_unknown_there(body.account)) return Status::ok;
  if (!live(body.account)) return Status::no_such_user;
  Reset& reset = resets_[body.account];
  if (unknown_there(reset.offered_at) && reset.expires > body.expires) return Status::ok;
  reset = {at_.seq, body.code, body.expires, {}};
  return Status::ok;
}

Status ReferenceChat::operator()(const op::ResetPassword& body) {
  const auto reset = resets_.find(body.account);
  if (!live(body.account) || reset == resets_.end() || reset->second.code != body.code ||
      reset->second.expires <= time_) {
    return Status::wrong_credentials;
  }
  Seq& used_at = reset->second.used_at;
  if (used_at.value > 0 && !unknown_there(used_at)) return Status::wrong_credentials;
  used_at = at_.seq;
  Account& account = accounts_[body.account];
  if (password_unknown_there(account) && account.password_time > time_) return Status::ok;
  account.password_hash = body.password_hash;
  account.password_at = at_.seq;
  account.password_time = time_;
  close_all(body.account, {});
  return Status::ok;
}

// ---- servers

// Nothing of the chat.
Status ReferenceChat::operator()(const op::ReplaceServer& body) {
  return body.place.host.empty() || body.cluster.empty() ? Status::malformed : Status::ok;
}

Status ReferenceChat::operator()(const op::SetServerKey& body) {
  return body.key.empty() || body.cluster.empty() ? Status::malformed : Status::ok;
}

}  // namespace chat262::test

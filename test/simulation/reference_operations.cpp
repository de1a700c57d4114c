// What an operation does.
#include "test/simulation/reference_chat.hpp"

namespace chat262::test {

void ReferenceChat::apply(const Entry& entry) {
  at_ = entry.position();
  log_.push_back(entry);
  operations_.emplace_back();
  if (entry.kind == EntryKind::view) return;
  const auto decoded = decode_operation(entry);
  if (!decoded) return;
  const Operation& operation = operations_.back() = decoded->operation;
  if (outcomes_.contains(entry.request)) return;
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
  return found != accounts_.end() && !found->second.deleted;
}

const ReferenceChat::Seat* ReferenceChat::seat(const AccountId& account, const With& with) const {
  const auto all = seats_.find(account);
  if (all == seats_.end()) return nullptr;
  const auto found = all->second.find(with);
  return found == all->second.end() ? nullptr : &found->second;
}

// ---- accounts

Status ReferenceChat::operator()(const op::Register& body) {
  if (!account_names_.emplace(body.folded, body.account).second) return Status::name_taken;
  accounts_[body.account] = {body.name, body.password_hash, false};
  return Status::ok;
}

Status ReferenceChat::operator()(const op::OpenSession& body) {
  if (!live(body.account)) return Status::not_signed_in;
  return sessions_.emplace(body.token_hash, body.account).second ? Status::ok
                                                                 : Status::bad_argument;
}

Status ReferenceChat::operator()(const op::CloseSession& body) {
  const auto found = sessions_.find(body.token_hash);
  if (found == sessions_.end() || found->second != body.account) return Status::not_signed_in;
  sessions_.erase(found);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::CloseAllSessions& body) {
  if (!live(body.account)) return Status::not_signed_in;
  std::erase_if(sessions_, [&body](const auto& one) { return one.second == body.account; });
  return Status::ok;
}

Status ReferenceChat::operator()(const op::ChangePassword& body) {
  if (!live(body.account)) return Status::not_signed_in;
  accounts_[body.account].password_hash = body.password_hash;
  std::erase_if(sessions_, [&body](const auto& one) {
    return one.second == body.account && one.first != body.keep;
  });
  return Status::ok;
}

Status ReferenceChat::operator()(const op::DeleteAccount& body) {
  if (!live(body.account)) return Status::not_signed_in;
  std::erase_if(sessions_, [&body](const auto& one) { return one.second == body.account; });
  for (const auto& [with, its_seat] : seats_[body.account]) {
    const auto* room = std::get_if<RoomId>(&with);
    if (room == nullptr) continue;
    leave(body.account, *room);
    left_by_deletion_[body.account].push_back(*room);
  }
  seats_.erase(body.account);
  notices_.erase(body.account);
  accounts_[body.account].deleted = true;
  accounts_[body.account].password_hash.clear();
  return Status::ok;
}

// ---- rooms

void ReferenceChat::enter(const AccountId& account, const RoomId& room) {
  const ConversationId id = room_conversation(room);
  rooms_[room].members[accounts_[account].name] = account;
  seats_[account][room] = {.id = id, .read_upto = at_, .since = at_.seq};
  timelines_[id][at_.seq] = {Item::Kind::joined, account};
}

void ReferenceChat::leave(const AccountId& account, const RoomId& room) {
  rooms_[room].members.erase(accounts_[account].name);
  timelines_[room_conversation(room)][at_.seq] = {Item::Kind::left, account};
}

Status ReferenceChat::operator()(const op::CreateRoom& body) {
  if (!live(body.account)) return Status::not_signed_in;
  if (!room_names_.emplace(body.folded, body.room).second) return Status::name_taken;
  rooms_[body.room].name = body.name;
  enter(body.account, body.room);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::JoinRoom& body) {
  if (!live(body.account)) return Status::not_signed_in;
  if (!rooms_.contains(body.room)) return Status::no_such_room;
  if (seat(body.account, body.room) != nullptr) return Status::already_a_member;
  enter(body.account, body.room);
  return Status::ok;
}

Status ReferenceChat::operator()(const op::LeaveRoom& body) {
  if (!live(body.account)) return Status::not_signed_in;
  if (!rooms_.contains(body.room)) return Status::no_such_room;
  const Seat* mine = seat(body.account, body.room);
  if (mine == nullptr) return Status::not_a_member;
  notices_[body.account].erase(mine->notice);
  notices_[body.account].insert(at_.seq);
  leave(body.account, body.room);
  seats_[body.account].erase(body.room);
  return Status::ok;
}

// ---- messages

Status ReferenceChat::operator()(const op::SendMessage& body) {
  const Seat* mine = seat(body.from, body.to);
  if (mine == nullptr && !live(body.from)) return Status::not_signed_in;
  ConversationId id{};
  if (const auto* room = std::get_if<RoomId>(&body.to)) {
    if (!rooms_.contains(*room)) return Status::no_such_room;
    if (mine == nullptr) return Status::not_a_member;
    id = room_conversation(*room);
  } else {
    const auto& to = std::get<AccountId>(body.to);
    if (!live(to)) return Status::no_such_user;
    id = direct_conversation(body.from, to);
    if (mine == nullptr) seats_[body.from][to] = seats_[to][body.from] = Seat{.id = id};
  }
  timelines_[id][at_.seq] = {Item::Kind::message, body.from};
  return Status::ok;
}

Status ReferenceChat::operator()(const op::MarkRead& body) {
  if (!live(body.account)) return Status::not_signed_in;
  if (seat(body.account, body.conversation) == nullptr) {
    if (const auto* user = std::get_if<AccountId>(&body.conversation)) {
      return accounts_.contains(*user) ? Status::ok : Status::no_such_user;
    }
    return rooms_.contains(std::get<RoomId>(body.conversation)) ? Status::not_a_member
                                                                : Status::no_such_room;
  }
  Seat& mine = seats_[body.account][body.conversation];
  if (body.upto.seq <= mine.read_upto.seq) return Status::ok;
  mine.read_upto = body.upto;
  notices_[body.account].erase(mine.notice);
  notices_[body.account].insert(at_.seq);
  mine.notice = at_.seq;
  return Status::ok;
}

}  // namespace chat262::test

// Entries in general; the operations themselves are in apply_accounts.cpp, apply_sessions.cpp,
// apply_rooms.cpp, apply_messages.cpp and apply_servers.cpp, what is asked about a history that is
// merged in apply_merged.cpp.
#include "store/apply.hpp"

#include <algorithm>

namespace chat262::store {

Outcome Applier::apply(const Entry& entry) {
  records_.set_seq(entry.seq);
  at_ = entry.position();
  time_ = TimeMs{};
  merged_.reset();
  origin_ = {at_.seq, at_};
  if (entry.kind != EntryKind::view) return apply_operation(entry);
  schema::Value epoch;
  epoch.epoch(entry.epoch);
  records_.put(schema::epoch_key(entry.seq).text(), epoch.text());
  return {.at = at_};
}

Outcome Applier::apply_operation(const Entry& entry) {
  Outcome outcome{.at = at_};
  auto decoded = decode_operation(entry);
  const bool sound = decoded.has_value();
  const auto* message = sound ? std::get_if<op::SendMessage>(&decoded->operation.body) : nullptr;
  // Whatever becomes of the message, its text is in the log and must be found when it is erased.
  if (message != nullptr) note_text(message->from);

  const schema::Key key = schema::request_key(entry.request);
  if (const auto stored = records_.get(key.text())) {
    if (const auto first = schema::read_outcome(*stored)) return *first;
  }
  if (sound) {
    const Operation& operation = decoded->operation;
    if (decoded->merged) {
      merged_ = decoded->merged;
      origin_.from = merged_->from;
      record_fork(*merged_);
    }
    time_ = operation.time;
    outcome.time = operation.time;
    outcome.fingerprint = operation.fingerprint;
    outcome.status = std::visit([this](const auto& body) { return (*this)(body); }, operation.body);
  } else {
    outcome.status = Status::malformed;
  }
  records_.put(key.text(), schema::outcome_value(outcome).text());
  return outcome;
}

// The lowest fork of each epoch of the other history.
void Applier::record_fork(const MergeOrigin& origin) {
  const schema::Key key = schema::fork_key(origin.from.epoch);
  if (const auto stored = records_.get(key.text())) {
    if (Reader(*stored).seq() <= origin.fork.seq) return;
  }
  schema::Value value;
  value.seq(origin.fork.seq);
  records_.put(key.text(), value.text());
}

void Applier::note_text(const AccountId& author) {
  const Life state = life(author);
  if (state == Life::none) return;
  records_.put(schema::authored_prefix(author).seq(at_.seq).text(), {});
  // Comes too late to be seen by the deletion, so the deletion is noted again.
  if (state != Life::deleted) return;
  if (auto known = deletion(author)) {
    known->texts_upto = at_.seq;
    put_deletion(author, *known);
  }
}

void Applier::put_deletion(const AccountId& account, const schema::Deletion& deletion) {
  records_.put(schema::deletion_key(account).text(), schema::deletion_value(deletion));
}

std::optional<schema::Deletion> Applier::deletion(const AccountId& id) const {
  const auto stored = records_.get(schema::deletion_key(id).text());
  return stored ? schema::read_deletion(*stored) : std::nullopt;
}

Applier::Life Applier::life(const AccountId& account) const {
  const auto stored = records_.get(schema::account_key(account).text());
  if (!stored) return Life::none;
  return schema::account_deleted(*stored) ? Life::deleted : Life::live;
}

std::optional<AccountRecord> Applier::live_account(const AccountId& id) const {
  const auto stored = records_.get(schema::account_key(id).text());
  if (!stored || schema::account_deleted(*stored)) return std::nullopt;
  return schema::read_account(id, *stored);
}

schema::AccountPast Applier::account_past(const AccountId& id) const {
  const auto stored = records_.get(schema::account_key(id).text());
  return stored ? schema::read_account_past(*stored) : schema::AccountPast{};
}

std::vector<std::string> Applier::tails(const schema::Key& prefix) const {
  std::vector<std::string> found;
  Scan scan = records_.scan(Direction::up, prefix.text(), prefix.text());
  for (; scan.valid(); scan.next()) found.emplace_back(scan.key().substr(prefix.size()));
  records_.finish(scan);
  return found;
}

// Epochs only grow along the log, and the entries of one epoch are the same in every log that has
// them. So two histories of which one has entries of epoch E, and the other fewer or none of them,
// part at the end of E, or where the merge says.
Seq resolve_cursor(const Records& records, const Position& cursor) {
  if (cursor.seq.value == 0) return Seq{};
  const schema::Key prefix = schema::prefix(schema::Table::epochs);
  const schema::Key above = schema::epoch_key(cursor.seq.next());
  Seq start_of_later{};  // of the first view above the cursor's epoch, at or below its seq
  Seq start_of_earlier{};
  std::optional<Epoch> earlier;
  Scan scan = records.scan(Direction::down, prefix.text(), above.text());
  for (; scan.valid(); scan.next()) {
    const Epoch epoch = Reader(scan.value()).epoch();
    const Seq at = Reader(scan.key().substr(prefix.size())).seq();
    if (epoch > cursor.epoch) {
      start_of_later = at;
      continue;
    }
    if (epoch == cursor.epoch) {
      return start_of_later.value == 0 ? cursor.seq : start_of_later.previous();
    }
    if (earlier && *earlier != epoch) break;
    earlier = epoch;
    start_of_earlier = at;
  }
  records.finish(scan);
  // This history has nothing of the cursor's epoch.
  if (const auto fork = records.get(schema::fork_key(cursor.epoch).text())) {
    return std::min(cursor.seq, Reader(*fork).seq());
  }
  // Nothing was merged from that epoch: the histories part somewhere in the epoch before it.
  return earlier ? start_of_earlier.previous() : Seq{};
}

}  // namespace chat262::store

#include "client/replay/log_messages.hpp"

#include <fmt/format.h>

#include "protocol/client_messages.hpp"

namespace chat262::replay {
namespace {

constexpr std::size_t read_bytes_max = 1 << 20;

template <class IdType>
std::string id_text(const IdType& id) {
  return client::hex(std::string(id.bytes.begin(), id.bytes.end()));
}

}  // namespace

Result<LogMessages> LogMessages::open(const std::filesystem::path& directory) {
  auto log = store::Log::open_to_read(directory);
  if (!log) return tl::unexpected(log.error());
  LogMessages messages;
  messages.log_ = *std::move(log);
  messages.last_ = messages.log_->last();
  messages.commit_ = messages.log_->commit();
  return messages;
}

Result<Hash> LogMessages::read(Seq upto, const std::function<void(const Record&)>& each) {
  accounts_.clear();
  rooms_.clear();
  Hash hash{};
  Seq done{};
  while (done < upto) {
    auto entries = log_->read(done.next(), upto, read_bytes_max);
    if (!entries) return tl::unexpected(entries.error());
    for (const Entry& entry : *entries) {
      if (entry.seq != done.next() || !entry_intact(hash, entry)) {
        return fail(Errc::corrupt, fmt::format("entry {} does not follow the entry before it: "
                                               "the hash chain is broken",
                                               done.value + 1));
      }
      if (auto taken = take(entry, each); !taken) return tl::unexpected(taken.error());
      hash = entry.hash;
      done = entry.seq;
    }
    if (entries->empty()) {
      return fail(Errc::corrupt, fmt::format("entry {} is missing", done.value + 1));
    }
  }
  return hash;
}

Result<Hash> LogMessages::hash_at(Seq seq) const {
  auto entries = log_->read(seq, seq, read_bytes_max);
  if (!entries) return tl::unexpected(entries.error());
  if (entries->empty()) return fail(Errc::not_found, fmt::format("no entry {}", seq.value));
  return entries->front().hash;
}

Result<void> LogMessages::take(const Entry& entry, const std::function<void(const Record&)>& each) {
  if (entry.kind == EntryKind::view) return {};
  const auto decoded = decode_operation(entry);
  // What no server could apply is no message.
  if (!decoded) return {};
  const Operation& operation = decoded->operation;
  if (const auto* made = std::get_if<op::Register>(&operation.body)) {
    accounts_.try_emplace(id_text(made->account), made->name);
  } else if (const auto* room = std::get_if<op::CreateRoom>(&operation.body)) {
    rooms_.try_emplace(id_text(room->room), room->name);
  } else if (const auto* message = std::get_if<op::SendMessage>(&operation.body)) {
    each(record_of(entry, operation, *message));
  }
  return {};
}

std::string LogMessages::account_name(const AccountId& id) const {
  const auto found = accounts_.find(id_text(id));
  return found == accounts_.end() ? id_text(id) : found->second;
}

Record LogMessages::record_of(const Entry& entry, const Operation& operation,
                              const op::SendMessage& message) const {
  Record record;
  record.id = id_text(message.message);
  record.seq = entry.seq.value;
  const Cursor at = make_cursor(entry.position());
  record.at = client::hex(std::string(at.begin(), at.end()));
  record.time_ms = operation.time.value;
  if (const auto* room = std::get_if<RoomId>(&message.to)) {
    const auto found = rooms_.find(id_text(*room));
    record.conversation =
        client::Target::room(found == rooms_.end() ? id_text(*room) : found->second);
  } else {
    record.conversation = client::Target::user(account_name(std::get<AccountId>(message.to)));
  }
  record.from = account_name(message.from);
  if (message.original) {
    record.original = client::Original{message.original->author, message.original->time.value};
  }
  record.text.assign(entry.text.begin(), entry.text.end());
  record.erased = entry.erased;
  return record;
}

}  // namespace chat262::replay

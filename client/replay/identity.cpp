#include "client/replay/identity.hpp"

#include <algorithm>

#include "protocol/entry.hpp"

namespace chat262::replay {

ClientId client_id(const StreamName& stream, const std::string& file_name) {
  std::string text = "chat262-replay 1";
  for (const auto* part : {&stream.account, &stream.room, &stream.tag, &file_name}) {
    text += '\0';
    text += *part;
  }
  const Hash hash =
      hash_of(ByteView(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  ClientId id;
  std::copy_n(hash.bytes.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

client::RequestId request_of(const ClientId& client, std::uint64_t line) {
  return {std::string(client.bytes.begin(), client.bytes.end()), line};
}

void MessageIndex::add(std::size_t file, std::uint64_t line) {
  items_.push_back({message_id(RequestId{clients_[file], line}), {file, line}});
}

void MessageIndex::finish() {
  std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) { return a.id < b.id; });
}

const MessageIndex::Place* MessageIndex::find(const std::string& id_text) const {
  const auto bytes = client::unhex(id_text);
  if (!bytes || bytes->size() != MessageId::size) return nullptr;
  MessageId id;
  std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
  const auto item = std::lower_bound(items_.begin(), items_.end(), id,
                                     [](const Item& a, const MessageId& b) { return a.id < b; });
  return item != items_.end() && item->id == id ? &item->place : nullptr;
}

}  // namespace chat262::replay

// Keys and values of the tables. The first byte says which kind is read; the rest is its value.
//
// A checksum guards them on disk: what does not decode can only be a record of another version, or
// a defect of ours. Nothing may be read past its end, and what was read must be what is written.
#include <iterator>

#include "store/schema.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using namespace chat262::store;
using fuzz::check;

namespace {

constexpr AccountId account{{1}};
constexpr RoomId room{{2}};

template <std::size_t Capacity>
void check_written(const FixedWriter<Capacity>& written, std::string_view value) {
  if (value.size() > Capacity) return;
  check(!written.overflown(), "what was read fits where it is written");
  check(written.text() == value, "a record is written as it was read");
}

void read_account(std::string_view value) {
  const auto record = schema::read_account(account, value);
  const auto past = schema::read_account_past(value);
  if (!record) return;
  check(record->deleted == schema::account_deleted(value), "who is deleted is so for all readers");
  const auto written = schema::account_value(*record, past);
  std::string as_written(value);
  as_written.front() = static_cast<char>(value.front() & 3);  // the flags that there are
  check_written(written, as_written);
}

void read_session(std::string_view value) {
  const auto record = schema::read_session(value);
  if (record) check_written(schema::session_value(*record), value);
}

void read_room(std::string_view value) {
  const auto record = schema::read_room(room, value);
  if (!record) return;
  check(record->id == room, "a room has the id of its key");
  check_written(schema::room_value(*record), value);
}

void read_conversation(std::string_view value) {
  const auto conversation = schema::read_conversation(value);
  if (conversation) check_written(schema::conversation_value(*conversation), value);
}

void read_item(std::string_view value) {
  const schema::Item item = schema::read_item(value);
  const auto written = schema::item_value(item);
  if (written.size() == value.size()) check_written(written, value);
  const schema::Item twice = schema::read_item(written.text());
  check(twice.kind == item.kind && twice.who == item.who && twice.from == item.from,
        "an item that is written again is the same item");
}

void read_deletion(std::string_view value) {
  const auto deletion = schema::read_deletion(value);
  if (deletion) check(schema::deletion_value(*deletion) == value, "a deletion is written as read");
}

void read_outcome(std::string_view value) {
  const auto outcome = schema::read_outcome(value);
  if (outcome) check_written(schema::outcome_value(*outcome), value);
}

void read_replaced(std::string_view value) {
  const auto replaced = schema::read_replaced(server_id(2), value);
  if (!replaced) return;
  const schema::Origin origin = schema::read_origin(value);
  check(origin.at == replaced->at, "a replacement says where its entry stands");
  check_written(schema::replaced_value(*replaced, origin), value);
}

void read_origin(std::string_view value) {
  const auto written = schema::origin_value(schema::read_origin(value));
  if (written.size() == value.size()) check_written(written, value);
}

void read_holder(std::string_view value) {
  const auto written = schema::holder_value(schema::read_holder<AccountId>(value));
  if (written.size() == value.size()) check_written(written, value);
}

void read_conversation_key(std::string_view tail) {
  const auto with = schema::read_with(tail);
  const auto key = schema::conversation_key(account, with);
  const auto prefix = schema::conversations_prefix(account);
  check(key.text().starts_with(prefix.text()), "a key begins with its prefix");
  const auto written = key.text().substr(prefix.size());
  check(schema::read_with(written) == with, "a key that is written again is the same key");
}

void read_sealed(std::string_view record) {
  const ByteView key = to_bytes(record.substr(0, record.size() / 3));
  const ByteView rest = to_bytes(record.substr(record.size() / 3));
  const Opened opened = open_record(key, rest);
  Bytes sealed;
  if (opened.intact) {
    seal_record(key, opened.value, sealed);
    check(std::equal(sealed.begin(), sealed.end(), rest.begin(), rest.end()),
          "a record has one checksum");
  }
  seal_record(key, rest, sealed);
  const Opened again = open_record(key, sealed);
  check(
      again.intact && std::equal(again.value.begin(), again.value.end(), rest.begin(), rest.end()),
      "a sealed record is opened");
  const std::size_t bit = record.empty() ? 0 : static_cast<unsigned char>(record.front());
  sealed[bit % sealed.size()] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  check(!open_record(key, sealed).intact, "a flipped bit is seen");
}

constexpr void (*readers[])(std::string_view) = {
    read_account,          read_session, read_room,     read_conversation, read_item,
    read_deletion,         read_outcome, read_replaced, read_origin,       read_holder,
    read_conversation_key, read_sealed};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Choices choices(ByteView(data, size));
  const auto reader = choices.of(readers);
  reader(fuzz::text_of(choices.all()));
  return 0;
}

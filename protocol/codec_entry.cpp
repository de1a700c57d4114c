// Heads (MessagePack) and log records (a fixed layout around the head).
//
// A view's head:       [leader, [[server, [counter, nonce]], ...], forced]
// An operation's head: [time, fingerprint, code, body]; code is the place in OperationBody.
// A merged one's head: [time, fingerprint, code, body, fork, from]
// The request id stands in the record, not in the head.
//
// A record, numbers big-endian:
//
//    offset  bytes
//         0      1  layout: 1
//         1      1  kind
//         2      1  1 if the text is erased, else 0
//         3      1  epoch: server
//         4      8  epoch: counter
//        12     16  request: client id
//        28      8  request: number
//        36     32  hash of the text
//        68     32  hash of the entry
//       100      4  length of the head, H
//       104      4  length of the text, T
//       108      H  head
//     108+H      T  text
#include <array>
#include <utility>

#include "protocol/codec.hpp"
#include "protocol/msgpack_io.hpp"

namespace chat262 {

namespace wire {

auto fields(Shape, Like<op::Register> auto& m) {
  return std::tie(m.account, m.name, m.folded, m.password_hash, m.invitation);
}
template <>
inline constexpr std::size_t later_fields<op::Register> = 1;
auto fields(Shape, Like<op::OpenSession> auto& m) {
  return std::tie(m.account, m.token_hash, m.expires, m.address, m.client);
}
template <>
inline constexpr std::size_t later_fields<op::OpenSession> = 2;
auto fields(Shape, Like<op::CloseSession> auto& m) {
  return std::tie(m.account, m.token_hash);
}
auto fields(Shape, Like<op::CloseAllSessions> auto& m) {
  return std::tie(m.account, m.by);
}
template <>
inline constexpr std::size_t later_fields<op::CloseAllSessions> = 1;
auto fields(Shape, Like<op::ChangePassword> auto& m) {
  return std::tie(m.account, m.password_hash, m.keep);
}
auto fields(Shape, Like<op::DeleteAccount> auto& m) {
  return std::tie(m.account, m.by);
}
template <>
inline constexpr std::size_t later_fields<op::DeleteAccount> = 1;
auto fields(Shape, Like<op::CreateRoom> auto& m) {
  return std::tie(m.account, m.room, m.name, m.folded);
}
auto fields(Shape, Like<op::JoinRoom> auto& m) {
  return std::tie(m.account, m.room);
}
auto fields(Shape, Like<op::LeaveRoom> auto& m) {
  return std::tie(m.account, m.room);
}
auto fields(Shape, Like<op::Original> auto& m) {
  return std::tie(m.author, m.time);
}
auto fields(Shape, Like<op::SendMessage> auto& m) {
  return std::tie(m.from, m.message, m.to, m.original);
}
auto fields(Shape, Like<op::MarkRead> auto& m) {
  return std::tie(m.account, m.conversation, m.upto);
}
auto fields(Shape, Like<op::ReplaceServer> auto& m) {
  return std::tie(m.cluster, m.server, m.place);
}
auto fields(Shape, Like<op::SetServerKey> auto& m) {
  return std::tie(m.cluster, m.server, m.key);
}
auto fields(Shape, Like<op::Rehash> auto& m) {
  return std::tie(m.account, m.before, m.password_hash);
}
auto fields(Shape, Like<op::CreateInvitation> auto& m) {
  return std::tie(m.code, m.uses, m.expires, m.by);
}
auto fields(Shape, Like<op::SuspendAccount> auto& m) {
  return std::tie(m.account, m.suspended, m.by);
}
auto fields(Shape, Like<op::OfferReset> auto& m) {
  return std::tie(m.account, m.code, m.expires, m.by);
}
auto fields(Shape, Like<op::ResetPassword> auto& m) {
  return std::tie(m.account, m.code, m.password_hash);
}

namespace {

constexpr std::uint8_t layout = 1;
constexpr std::size_t fixed_bytes = 108;

template <std::size_t Size>
void put_number(Bytes& out, std::uint64_t value) {
  for (std::size_t i = Size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

template <std::size_t Size>
std::uint64_t get_number(const std::uint8_t* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < Size; ++i) value = value << 8 | at[i];
  return value;
}

template <class T>
void put_fixed(Bytes& out, const T& value) {
  out.insert(out.end(), value.bytes.begin(), value.bytes.end());
}

template <class T>
void get_fixed(const std::uint8_t* at, T& value) {
  std::copy_n(at, value.bytes.size(), value.bytes.begin());
}

}  // namespace

std::size_t record_size(const Entry& entry) {
  return fixed_bytes + entry.head.size() + entry.text.size();
}

void append_record(Bytes& out, const Entry& entry) {
  out.push_back(layout);
  out.push_back(static_cast<std::uint8_t>(entry.kind));
  out.push_back(entry.erased ? 1 : 0);
  out.push_back(entry.epoch.server.value);
  put_number<8>(out, entry.epoch.counter);
  put_fixed(out, entry.request.client);
  put_number<8>(out, entry.request.number);
  put_fixed(out, entry.text_hash);
  put_fixed(out, entry.hash);
  put_number<4>(out, entry.head.size());
  put_number<4>(out, entry.text.size());
  out.insert(out.end(), entry.head.begin(), entry.head.end());
  out.insert(out.end(), entry.text.begin(), entry.text.end());
}

bool parse_record(ByteView record, Entry& entry) {
  if (record.size() < fixed_bytes) return false;
  const std::uint8_t* at = record.data();
  const std::uint64_t head_bytes = get_number<4>(at + 100);
  const std::uint64_t text_bytes = get_number<4>(at + 104);
  const std::size_t variable_bytes = record.size() - fixed_bytes;
  if (at[0] != layout || at[1] > static_cast<std::uint8_t>(EntryKind::merged) || at[2] > 1 ||
      at[3] >= limits::servers_max || head_bytes + text_bytes != variable_bytes ||
      variable_bytes > limits::entry_bytes_max) {
    return false;
  }
  entry.kind = static_cast<EntryKind>(at[1]);
  entry.erased = at[2] == 1;
  entry.epoch = {get_number<8>(at + 4), server_id(at[3])};
  get_fixed(at + 12, entry.request.client);
  entry.request.number = get_number<8>(at + 28);
  get_fixed(at + 36, entry.text_hash);
  get_fixed(at + 68, entry.hash);
  const std::uint8_t* head = at + fixed_bytes;
  entry.head.assign(head, head + head_bytes);
  entry.text.assign(head + head_bytes, at + record.size());
  return !entry.erased || entry.text.empty();
}

}  // namespace wire

Bytes encode_entry_record(const Entry& entry) {
  Bytes out;
  out.reserve(wire::record_size(entry));
  wire::append_record(out, entry);
  return out;
}

Result<Entry> decode_entry_record(Seq seq, ByteView record) {
  Entry entry;
  if (!wire::parse_record(record, entry)) {
    return fail(Errc::malformed, "entry " + std::to_string(seq.value) + ": not a log record");
  }
  entry.seq = seq;
  return entry;
}

// ---- heads

namespace {

constexpr std::size_t head_array_max = 16;

tl::unexpected<Error> bad_head(const Entry& entry, const std::string& why) {
  return fail(Errc::malformed, "entry " + std::to_string(entry.seq.value) + ": head" + why);
}

// Calls f with a value of the alternative whose index is `code`; false if there is none.
template <class F, std::size_t... I>
bool with_alternative(std::uint8_t code, F&& f, std::index_sequence<I...>) {
  bool result = false;
  static_cast<void>(
      ((code == I && (result = f(std::variant_alternative_t<I, OperationBody>{}), true)) || ...));
  return result;
}

Bytes encode_head(const Operation& operation, const std::optional<MergeOrigin>& merged) {
  Bytes out;
  out.reserve(160);
  wire::Writer writer(out);
  writer.array(merged ? 6 : 4);
  writer.put(operation.time);
  writer.put(operation.fingerprint);
  writer.put(static_cast<std::uint8_t>(operation.body.index()));
  std::visit([&writer](const auto& body) { writer.put(body); }, operation.body);
  if (merged) {
    writer.put(merged->fork);
    writer.put(merged->from);
  }
  return out;
}

}  // namespace

Bytes encode_view(const View& view) {
  Bytes out;
  wire::Writer(out).put(view);
  return out;
}

Result<View> decode_view(const Entry& entry) {
  if (entry.kind != EntryKind::view) return bad_head(entry, ": not a view");
  msgpack::zone zone;
  msgpack::object object;
  if (!wire::parse_all(entry.head, head_array_max, zone, object)) {
    return bad_head(entry, ": not MessagePack");
  }
  wire::Reader reader(wire::Manner::exact);
  View view;
  if (!reader.get(object, view)) return bad_head(entry, reader.where());
  if (view.members.empty()) return bad_head(entry, ": a view without members");
  for (std::size_t i = 1; i < view.members.size(); ++i) {
    if (view.members[i - 1].server >= view.members[i].server) {
      return bad_head(entry, ": members are not in order");
    }
  }
  return view;
}

Bytes encode_operation(const Operation& operation) {
  return encode_head(operation, std::nullopt);
}

Result<DecodedOperation> decode_operation(const Entry& entry) {
  const bool merged = entry.kind == EntryKind::merged;
  if (!merged && entry.kind != EntryKind::operation) return bad_head(entry, ": not an operation");
  msgpack::zone zone;
  msgpack::object object;
  if (!wire::parse_all(entry.head, head_array_max, zone, object)) {
    return bad_head(entry, ": not MessagePack");
  }
  wire::Reader reader(wire::Manner::exact);
  DecodedOperation out;
  Operation& operation = out.operation;
  operation.request = entry.request;
  if (!reader.arity(object, merged ? 6 : 4)) return bad_head(entry, reader.where());
  const msgpack::object* part = object.via.array.ptr;
  std::uint8_t code = 0;
  if (!reader.get(part[0], operation.time) || !reader.get(part[1], operation.fingerprint) ||
      !reader.get(part[2], code)) {
    return bad_head(entry, reader.where());
  }
  const auto read_body = [&](auto body) {
    if (!reader.get(part[3], body)) return false;
    operation.body = std::move(body);
    return true;
  };
  using Codes = std::make_index_sequence<std::variant_size_v<OperationBody>>;
  if (!with_alternative(code, read_body, Codes{})) {
    return bad_head(entry, ": body of operation " + std::to_string(code) + reader.where());
  }
  if (merged) {
    MergeOrigin& origin = out.merged.emplace();
    if (!reader.get(part[4], origin.fork) || !reader.get(part[5], origin.from)) {
      return bad_head(entry, reader.where());
    }
  }
  return out;
}

Entry make_view_entry(const View& view) {
  Entry entry;
  entry.kind = EntryKind::view;
  entry.head = encode_view(view);
  entry.text_hash = hash_of({});
  return entry;
}

Entry make_operation_entry(const Operation& operation, Bytes text) {
  Entry entry;
  entry.kind = EntryKind::operation;
  entry.request = operation.request;
  entry.head = encode_operation(operation);
  entry.text_hash = hash_of(text);
  entry.text = std::move(text);
  return entry;
}

Result<Entry> make_merged_entry(const Entry& offered, const Position& fork) {
  const auto decoded = decode_operation(offered);
  if (!decoded) return tl::unexpected<Error>(decoded.error());
  Entry entry;
  entry.kind = EntryKind::merged;
  entry.request = offered.request;
  MergeOrigin origin{fork, offered.position()};
  if (decoded->merged) {  // once more: its first history shares no more than either fork
    origin.from = decoded->merged->from;
    if (decoded->merged->fork.seq < fork.seq) origin.fork = decoded->merged->fork;
  }
  entry.head = encode_head(decoded->operation, origin);
  entry.text = offered.text;
  entry.text_hash = offered.text_hash;
  entry.erased = offered.erased;
  return entry;
}

bool View::has(ServerId server) const {
  return std::any_of(members.begin(), members.end(),
                     [server](const Member& member) { return member.server == server; });
}

}  // namespace chat262

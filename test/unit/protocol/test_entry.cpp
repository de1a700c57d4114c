// Entries: the hash chain, heads, derived ids.
#include <set>

#include "protocol/codec.hpp"
#include "protocol/entry.hpp"
#include "samples.hpp"
#include "test/support/catch.hpp"

using namespace chat262;

namespace {

Entry message_entry() {
  for (const auto& sample : samples::entries()) {
    if (sample.name == "send_to_user") return sample.entry;
  }
  FAIL("no such sample");
  return {};
}

std::string hex(ByteView bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 0x0fU];
  }
  return out;
}

}  // namespace

TEST_CASE("hash_of is BLAKE2b with 32 bytes") {
  // echo -n abc | b2sum -l 256
  const Bytes abc = {'a', 'b', 'c'};
  CHECK(hex(hash_of(abc).bytes) ==
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST_CASE("the chain hash covers all that may not change") {
  const Hash previous = samples::bytes_from<Hash>(1);
  const Entry entry = message_entry();
  std::set<Hash> seen{entry_hash(previous, entry)};
  const auto is_new = [&](auto change) {
    Entry changed = entry;
    Hash before = previous;
    change(changed, before);
    CHECK(seen.insert(entry_hash(before, changed)).second);
  };
  is_new([](Entry&, Hash& before) { before.bytes[31] ^= 1U; });
  is_new([](Entry& e, Hash&) { e.epoch.counter ^= 1U; });
  is_new([](Entry& e, Hash&) { e.epoch.server = server_id(5); });
  is_new([](Entry& e, Hash&) { e.seq = e.seq.next(); });
  is_new([](Entry& e, Hash&) { e.kind = EntryKind::merged; });
  is_new([](Entry& e, Hash&) { e.request.client.bytes[0] ^= 1U; });
  is_new([](Entry& e, Hash&) { ++e.request.number; });
  is_new([](Entry& e, Hash&) { e.head.back() ^= 1U; });
  is_new([](Entry& e, Hash&) { e.head.pop_back(); });
  is_new([](Entry& e, Hash&) { e.text_hash.bytes[0] ^= 1U; });
}

TEST_CASE("erasing a text changes no hash, and rot is seen") {
  const Hash previous = samples::bytes_from<Hash>(1);
  Entry entry = message_entry();
  entry.hash = entry_hash(previous, entry);
  CHECK(entry_intact(previous, entry));

  Entry erased = entry;
  erased.text.clear();
  CHECK_FALSE(entry_intact(previous, erased));
  erased.erased = true;
  CHECK(entry_intact(previous, erased));
  erased.text = entry.text;
  CHECK_FALSE(entry_intact(previous, erased));

  Entry rotten_text = entry;
  rotten_text.text[0] ^= 1U;
  CHECK_FALSE(entry_intact(previous, rotten_text));
  Entry rotten_head = entry;
  rotten_head.head[0] ^= 1U;
  CHECK_FALSE(entry_intact(previous, rotten_head));
  CHECK_FALSE(entry_intact(Hash{}, entry));
}

TEST_CASE("a view survives its head, and an odd one is refused") {
  const View view{server_id(1), {{server_id(0), {1, 2}}, {server_id(1), {3, 4}}}, true};
  const Entry entry = make_view_entry(view);
  CHECK(entry.text_hash == hash_of({}));
  REQUIRE(decode_view(entry));
  CHECK(*decode_view(entry) == view);
  CHECK(view.has(server_id(0)));
  CHECK_FALSE(view.has(server_id(2)));
  CHECK_FALSE(decode_operation(entry));

  const auto refused = [](const View& odd) { return !decode_view(make_view_entry(odd)); };
  CHECK(refused({server_id(0), {}, false}));
  CHECK(refused({server_id(0), {{server_id(1), {}}, {server_id(0), {}}}, false}));
  CHECK(refused({server_id(0), {{server_id(0), {}}, {server_id(0), {}}}, false}));
  CHECK(refused({server_id(7), {{server_id(0), {}}}, false}));
  CHECK(refused({server_id(0), {{server_id(7), {}}}, false}));
}

TEST_CASE("an operation survives its entry, of whatever kind") {
  for (const auto& sample : samples::entries()) {
    if (sample.entry.kind != EntryKind::operation) continue;
    INFO(sample.name);
    const auto decoded = decode_operation(sample.entry);
    REQUIRE(decoded);
    CHECK_FALSE(decoded->merged);
    CHECK(decoded->operation.request == sample.entry.request);
    const Entry again = make_operation_entry(decoded->operation, sample.entry.text);
    CHECK(again.head == sample.entry.head);
    CHECK(again.request == sample.entry.request);
    CHECK(again.seq == Seq{});
    CHECK_FALSE(decode_view(sample.entry));
  }
}

TEST_CASE("a merged entry keeps request, operation and text, and says where it came from") {
  const Entry original = message_entry();
  const Position fork = samples::position(2, 0, 2);
  const auto merged = make_merged_entry(original, fork);
  REQUIRE(merged);
  CHECK(merged->kind == EntryKind::merged);
  CHECK(merged->request == original.request);
  CHECK(merged->text == original.text);
  CHECK(merged->text_hash == original.text_hash);
  CHECK(merged->seq == Seq{});
  const auto decoded = decode_operation(*merged);
  REQUIRE(decoded);
  CHECK(decoded->operation == decode_operation(original)->operation);
  CHECK(decoded->merged == MergeOrigin{fork, original.position()});

  SECTION("also when it is merged once more") {
    Entry placed = *merged;
    placed.epoch = {9, server_id(2)};
    placed.seq = seq(77);
    const auto twice = make_merged_entry(placed, samples::position(8, 0, 70));
    REQUIRE(twice);
    CHECK(decode_operation(*twice)->operation == decoded->operation);
    CHECK(decode_operation(*twice)->merged == decoded->merged);
    const Position lower = samples::position(1, 0, 1);
    CHECK(decode_operation(*make_merged_entry(placed, lower))->merged ==
          MergeOrigin{lower, original.position()});
  }
  SECTION("an erased text stays erased") {
    Entry erased = original;
    erased.text.clear();
    erased.erased = true;
    const auto taken = make_merged_entry(erased, fork);
    REQUIRE(taken);
    CHECK(taken->erased);
    CHECK(taken->text_hash == original.text_hash);
  }
  SECTION("views and broken heads are refused") {
    CHECK_FALSE(make_merged_entry(samples::entries()[0].entry, fork));
    Entry broken = original;
    broken.head[0] = 0xc1;
    CHECK_FALSE(make_merged_entry(broken, fork));
  }
}

TEST_CASE("an operation of an unknown code is refused") {
  Entry entry = make_operation_entry({{}, {}, 0, op::DeleteAccount{}}, {});
  REQUIRE(entry.head[3] == 5);
  REQUIRE(decode_operation(entry));
  entry.head[3] = std::variant_size_v<OperationBody>;
  CHECK_FALSE(decode_operation(entry));
}

TEST_CASE("a record's flags and kinds are checked") {
  const Bytes good = encode_entry_record(message_entry());
  const auto refused = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = good;
    bad[at] = value;
    return !decode_entry_record(seq(1), bad);
  };
  CHECK(refused(0, 2));    // layout
  CHECK(refused(1, 3));    // kind
  CHECK(refused(2, 1));    // erased, but there is a text
  CHECK(refused(2, 2));    // no such flag
  CHECK(refused(3, 7));    // no such server
  CHECK(refused(100, 1));  // a head of 16 MB
  CHECK(refused(104, 1));  // a text of 16 MB
  CHECK(decode_entry_record(seq(5), good)->seq == seq(5));
}

TEST_CASE("derived ids follow from the request alone, and differ by what they name") {
  const RequestId request{samples::client(), 5};
  const RequestId next{samples::client(), 6};
  CHECK(account_id(request) == account_id(request));
  CHECK(account_id(request) != account_id(next));
  CHECK(account_id(request).bytes != room_id(request).bytes);
  CHECK(room_id(request).bytes != message_id(request).bytes);
  CHECK(account_id(request).bytes != message_id(request).bytes);
}

TEST_CASE("a conversation of two is the same from both sides") {
  const AccountId a = account_id({samples::client(), 1});
  const AccountId b = account_id({samples::client(), 2});
  const AccountId c = account_id({samples::client(), 3});
  CHECK(direct_conversation(a, b) == direct_conversation(b, a));
  CHECK(direct_conversation(a, b) != direct_conversation(a, c));
  CHECK(direct_conversation(a, a) != direct_conversation(b, b));
  const RoomId room = room_id({samples::client(), 1});
  CHECK(room_conversation(room).bytes == room.bytes);
}

TEST_CASE("fields that came later are left out while they hold nothing") {
  op::OpenSession session{AccountId{{1}}, Hash{{2}}, TimeMs{{3}}};
  const auto head = [](const op::OpenSession& body) {
    Operation operation;
    operation.request = {ClientId{{1}}, 1};
    operation.body = body;
    return make_operation_entry(operation, {});
  };
  const auto before = head(session);
  CHECK(before.head[4] == 0x93);
  session.client = "phone";
  const auto after = head(session);
  CHECK(after.head[4] == 0x95);
  session.client.clear();
  session.address = "192.0.2.7";
  CHECK(head(session).head[4] == 0x94);
  for (const auto& entry : {before, after, head(session)}) {
    const auto decoded = decode_operation(entry);
    REQUIRE(decoded);
    CHECK(encode_operation(decoded->operation) == entry.head);
  }
}

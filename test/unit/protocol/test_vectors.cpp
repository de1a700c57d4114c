// Every vector: decoded, encoded again, cut at every byte, with a byte too many.
#include <random>
#include <set>

#include "protocol/codec.hpp"
#include "samples.hpp"
#include "test/support/catch.hpp"
#include "vectors.hpp"

using namespace chat262;

namespace {

// Calls refused(part) with every true beginning of `bytes`, and if asked with one byte too many.
template <class F>
void check_cuts(const Bytes& bytes, F&& refused) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    INFO("cut at byte " << size);
    CHECK(refused(ByteView(bytes.data(), size)));
  }
  for (const std::uint8_t more : {0x00, 0xc0, 0x90, 0xff}) {
    Bytes longer = bytes;
    longer.push_back(more);
    INFO("with one byte more");
    CHECK(refused(ByteView(longer)));
  }
}

void check_replies(const std::string& file, const std::vector<samples::ReplySample>& all) {
  const auto committed = vectors::read(file);
  CHECK(committed.size() == all.size());
  for (const auto& sample : all) {
    INFO(file << " " << sample.name);
    const Bytes& bytes = committed.at(sample.name);
    const auto decoded = decode_reply(bytes, sample.to);
    REQUIRE(decoded);
    CHECK(*decoded == sample.message);
    CHECK(encode_reply(*decoded) == bytes);
    check_cuts(bytes, [&](ByteView part) { return !decode_reply(part, sample.to); });
  }
}

template <class Variant, class Samples, class Get>
void check_complete(const Samples& all, Get&& body) {
  std::set<std::size_t> seen;
  for (const auto& sample : all) seen.insert(body(sample).index());
  CHECK(seen.size() == std::variant_size_v<Variant>);
}

}  // namespace

TEST_CASE("the committed vectors are the samples, encoded") {
  for (const std::string& file : vectors::files()) {
    INFO(file);
    CHECK(vectors::contents(vectors::path_of(file)) == vectors::expected(file));
  }
}

TEST_CASE("there is a vector of every message") {
  check_complete<RequestBody>(samples::requests(),
                              [](const auto& sample) { return sample.message.body; });
  check_complete<peer::Body>(samples::peer_messages(),
                             [](const auto& sample) { return sample.message.body; });
  auto replies = samples::replies();
  replies.push_back(samples::refusals().front());
  check_complete<ReplyBody>(replies, [](const auto& sample) { return sample.message.body; });

  std::set<std::uint8_t> statuses{static_cast<std::uint8_t>(Status::ok)};
  for (const auto& sample : samples::refusals()) {
    statuses.insert(static_cast<std::uint8_t>(sample.message.status));
  }
  for (unsigned code = 0; code < 256; ++code) {
    const auto narrow = static_cast<std::uint8_t>(code);
    INFO("status " << code);
    CHECK(status_from_code(narrow).has_value() == (statuses.count(narrow) == 1));
  }

  std::set<std::size_t> operations;
  for (const auto& sample : samples::entries()) {
    if (sample.entry.kind == EntryKind::view) continue;
    operations.insert(decode_operation(sample.entry)->operation.body.index());
  }
  CHECK(operations.size() == std::variant_size_v<OperationBody>);
}

TEST_CASE("every request vector decodes, encodes to the same bytes and is refused when damaged") {
  const auto committed = vectors::read("requests.txt");
  for (const auto& sample : samples::requests()) {
    INFO(sample.name);
    const Bytes& bytes = committed.at(sample.name);
    const auto decoded = decode_request(bytes);
    REQUIRE(decoded);
    CHECK(*decoded == sample.message);
    CHECK(encode_request(*decoded) == bytes);
    check_cuts(bytes, [](ByteView part) {
      const auto result = decode_request(part);
      return !result && result.error().status == Status::malformed;
    });
  }
}

TEST_CASE("every reply vector decodes, encodes to the same bytes and is refused when damaged") {
  check_replies("replies.txt", samples::replies());
  check_replies("refusals.txt", samples::refusals());
}

TEST_CASE("every peer vector decodes, encodes to the same bytes and is refused when damaged") {
  const auto committed = vectors::read("peer.txt");
  for (const auto& sample : samples::peer_messages()) {
    INFO(sample.name);
    const Bytes& bytes = committed.at(sample.name);
    const auto decoded = decode_peer(bytes);
    REQUIRE(decoded);
    CHECK(decoded->feature_level == peer::feature_level);
    CHECK(decoded->cluster == samples::cluster());
    CHECK(decoded->message == sample.message);
    CHECK(decoded->claim == sample.claim);
    CHECK(decoded->wall == sample.wall);
    CHECK(encode_peer(decoded->message, decoded->cluster, decoded->claim, decoded->wall) == bytes);
    check_cuts(bytes, [](ByteView part) { return !decode_peer(part); });
  }
}

TEST_CASE("every record vector decodes, encodes to the same bytes and is refused when damaged") {
  const auto committed = vectors::read("entries.txt");
  Hash previous;
  for (const auto& sample : samples::entries()) {
    INFO(sample.name);
    const Bytes& bytes = committed.at(sample.name);
    const auto decoded = decode_entry_record(sample.entry.seq, bytes);
    REQUIRE(decoded);
    CHECK(*decoded == sample.entry);
    CHECK(encode_entry_record(*decoded) == bytes);
    CHECK(entry_intact(previous, *decoded));
    previous = decoded->hash;
    check_cuts(bytes, [&](ByteView part) { return !decode_entry_record(seq(1), part); });
  }
}

TEST_CASE("every head vector encodes to the same bytes and is refused when damaged") {
  for (const auto& sample : samples::entries()) {
    INFO(sample.name);
    const bool view = sample.entry.kind == EntryKind::view;
    check_cuts(sample.entry.head, [&](ByteView part) {
      Entry damaged = sample.entry;
      damaged.head.assign(part.begin(), part.end());
      return view ? !decode_view(damaged) : !decode_operation(damaged);
    });
    if (view) {
      CHECK(encode_view(*decode_view(sample.entry)) == sample.entry.head);
    } else if (sample.entry.kind == EntryKind::operation) {
      CHECK(encode_operation(decode_operation(sample.entry)->operation) == sample.entry.head);
    }
  }
}

// Cheap, and repeats on every machine: the same seeds, the same damage.
TEST_CASE("damaged vectors are refused, or decode to something that encodes") {
  std::mt19937 random(262);
  const auto damage = [&random](Bytes bytes) {
    for (unsigned i = 0; i <= random() % 3; ++i) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<std::uint8_t>(random());
          break;
        case 1:
          bytes[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
          break;
        case 2:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                       static_cast<std::uint8_t>(random()));
          break;
        default:
          if (bytes.size() > 1) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    return bytes;
  };
  constexpr int rounds = 400;
  for (const auto& [name, bytes] : vectors::read("requests.txt")) {
    for (int i = 0; i < rounds; ++i) {
      const auto decoded = decode_request(damage(bytes));
      if (decoded) CHECK(decode_request(encode_request(*decoded)).value() == *decoded);
    }
  }
  for (const auto& sample : samples::replies()) {
    const Bytes bytes = encode_reply(sample.message);
    for (int i = 0; i < rounds; ++i) {
      const auto decoded = decode_reply(damage(bytes), sample.to);
      if (decoded) CHECK(decode_reply(encode_reply(*decoded), sample.to).value() == *decoded);
    }
  }
  for (const auto& [name, bytes] : vectors::read("peer.txt")) {
    for (int i = 0; i < rounds; ++i) {
      const auto decoded = decode_peer(damage(bytes));
      if (!decoded) continue;
      const Bytes again =
          encode_peer(decoded->message, decoded->cluster, decoded->claim, decoded->wall);
      CHECK(decode_peer(again).value().message == decoded->message);
    }
  }
  for (const auto& sample : samples::entries()) {
    const Bytes bytes = encode_entry_record(sample.entry);
    for (int i = 0; i < rounds; ++i) {
      const auto decoded = decode_entry_record(seq(1), damage(bytes));
      if (!decoded) continue;
      if (const auto operation = decode_operation(*decoded)) {
        CHECK(decoded->kind != EntryKind::view);
      } else if (const auto view = decode_view(*decoded)) {
        CHECK_FALSE(view->members.empty());
      }
    }
  }
}

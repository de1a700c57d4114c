// Log records and the heads in them, as they come from a disk or from another server. An input that
// is no record is read as a head alone, which mutation reaches more easily: its first byte is the
// kind.
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

void check_view(const Entry& entry) {
  const auto view = decode_view(entry);
  if (!view) return;
  check(!view->members.empty(), "a view has members");
  const auto twice = decode_view(make_view_entry(*view));
  check(twice && *twice == *view, "a view that is written again is the same view");
  for (const Member& member : view->members) check(view->has(member.server), "has() knows members");
}

void check_merged(const Entry& entry, const DecodedOperation& decoded) {
  const Position fork{{entry.epoch.counter / 2, entry.epoch.server}, seq(5)};
  const auto merged = make_merged_entry(entry, fork);
  check(merged.has_value(), "what decodes can be merged");
  const auto read = decode_operation(*merged);
  check(read && read->merged, "what was merged says so");
  check(read->operation == decoded.operation, "a merged operation is the same operation");
  check(merged->text == entry.text && merged->text_hash == entry.text_hash &&
            merged->erased == entry.erased,
        "a merged entry keeps its text");
  if (decoded.merged) {
    check(read->merged->from == decoded.merged->from, "what is merged twice keeps its origin");
    check(read->merged->fork.seq <= fork.seq && read->merged->fork.seq <= decoded.merged->fork.seq,
          "what is merged twice has the lower fork");
  } else {
    check(read->merged->from == entry.position() && read->merged->fork == fork,
          "what is merged says where it stood");
  }
}

void check_operation(const Entry& entry) {
  const auto decoded = decode_operation(entry);
  if (!decoded) return;
  check(decoded->merged.has_value() == (entry.kind == EntryKind::merged),
        "only a merged entry has an origin");
  const Entry made = make_operation_entry(decoded->operation, entry.text);
  const auto twice = decode_operation(made);
  check(twice && twice->operation == decoded->operation && !twice->merged,
        "an operation that is written again is the same operation");
  check_merged(entry, *decoded);
}

void check_heads(const Entry& entry) {
  check_view(entry);
  check_operation(entry);
}

void check_record(const Entry& entry, ByteView record) {
  check(encode_entry_record(entry) == Bytes(record.begin(), record.end()),
        "a record is written as it was read");
  check(entry.head.size() + entry.text.size() <= limits::entry_bytes_max,
        "no entry is over the limit");
  check(!entry.erased || entry.text.empty(), "an erased text is gone");
  Entry chained = entry;
  chained.text_hash = hash_of(entry.text);
  const Hash previous{{1, 2, 3}};
  chained.hash = entry_hash(previous, chained);
  check(entry_intact(previous, chained), "an entry with the right hashes is intact");
  check(!entry_intact(Hash{}, chained), "an entry stands at one place of one log");
  chained.head.push_back(0);
  check(!entry_intact(previous, chained), "another head is seen");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto entry = decode_entry_record(seq(7), input)) {
    check(entry->seq == seq(7), "an entry is at the seq that it was read from");
    check_record(*entry, input);
    check_heads(*entry);
    return 0;
  }
  fuzz::Choices choices(input);
  Entry entry;
  entry.epoch = {3, server_id(1)};
  entry.seq = seq(7);
  entry.kind = static_cast<EntryKind>(choices.below(3));
  entry.request = {ClientId{{9}}, 1};
  const ByteView head = choices.all();
  entry.head.assign(head.begin(), head.end());
  check_heads(entry);
  return 0;
}

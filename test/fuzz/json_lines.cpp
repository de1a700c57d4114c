// One line of an export, as the importer reads it.
#include "client/replay/json_lines.hpp"

#include "protocol/limits.hpp"
#include "protocol/names.hpp"
#include "protocol/utf8.hpp"
#include "test/fuzz/fuzz.hpp"

using namespace chat262;
using fuzz::check;

namespace {

bool same(const replay::Record& a, const replay::Record& b) {
  const auto where = [](const replay::Record& record) {
    return record.conversation ? std::to_string(static_cast<int>(record.conversation->kind)) +
                                     record.conversation->name
                               : std::string();
  };
  return a.id == b.id && a.seq == b.seq && a.at == b.at && a.time_ms == b.time_ms &&
         where(a) == where(b) && a.from == b.from &&
         a.original.has_value() == b.original.has_value() && a.author() == b.author() &&
         a.said_ms() == b.said_ms() && a.text == b.text && a.erased == b.erased;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = replay::parse_json_line(fuzz::text_of(ByteView(data, size)));
  if (!record) {
    check(!record.error().empty() && detail::valid_utf8(record.error()), "a refusal says why");
    return 0;
  }
  check(!record->author().empty(), "a record has an author");
  check(record->erased || !record->text.empty(), "a record has a text");
  check(record->text.empty() || record->text.size() > limits::text_bytes_max ||
            check_text(record->text).has_value(),
        "a server accepts an imported text");
  const std::string line = replay::to_json_line(*record);
  check(line.ends_with('\n') && line.find('\n') == line.size() - 1, "a record is one line");
  const auto twice = replay::parse_json_line(line);
  check(twice.has_value(), "a written record can be read");
  check(same(*twice, *record), "a written record is the same record");
  check(replay::to_json_line(*twice) == line, "a record has one written form");
  return 0;
}

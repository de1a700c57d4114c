// SCHEMA.md's worked example is what the code writes.
#include <fstream>

#include "history.hpp"
#include "protocol/codec.hpp"
#include "store/schema.hpp"

namespace chat262::store::test {

namespace {

std::string hex(ByteView bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// The document's example without its line breaks and indents.
std::string example() {
  std::ifstream file(SCHEMA_MD);
  std::string hex_lines;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("    ")) hex_lines += line.substr(4);
  }
  return hex_lines;
}

}  // namespace

TEST_CASE("The worked example of SCHEMA.md is what is written") {
  const std::string document = example();
  Entry entry = make_view_entry({.leader = server_id(0), .members = {{server_id(0), {1, 99}}}});
  entry.epoch = {1, server_id(0)};
  entry.seq = seq(1);
  entry.hash = entry_hash(Hash{}, entry);
  FixedWriter<8> key;
  key.seq(seq(1));
  CHECK_THAT(document, Catch::Contains(hex(key.view()) + hex(encode_entry_record(entry))));

  FixedWriter<64> view;
  view.epoch(entry.epoch).raw(entry.head.data(), entry.head.size());
  Bytes record;
  seal_record(key.view(), view.view(), record);
  CHECK_THAT(document, Catch::Contains(hex(record)));

  AccountId id;
  for (std::size_t i = 0; i < id.size; ++i) id.bytes[i] = static_cast<std::uint8_t>(i + 1);
  const schema::Value value =
      schema::holder_value<AccountId>({id, {.at = seq(2), .from = {{1, server_id(0)}, seq(2)}}});
  const schema::Key name = schema::account_name_key("ann");
  seal_record(name.view(), value.view(), record);
  CHECK_THAT(document, Catch::Contains(hex(name.view()) + hex(record)));
}

}  // namespace chat262::store::test

#include "client/replay/json_lines.hpp"
#include "test/support/catch.hpp"

using namespace chat262::replay;
using chat262::client::Original;
using chat262::client::Target;

TEST_CASE("a record comes back from its line") {
  Record record;
  record.id = "00112233445566778899aabbccddeeff";
  record.seq = 42;
  record.at = "0102";
  record.time_ms = 1'700'000'000'000;
  record.conversation = Target::room("#ubuntu");
  record.from = "importer";
  record.original = Original{"bur[n] er", -5};
  record.text = "a \"quoted\" line\nand \xC3\xA9\tmore";
  const auto line = to_json_line(record);
  CHECK(line.find('\n') == line.size() - 1);
  const auto back = parse_json_line(line);
  REQUIRE(back);
  CHECK(back->id == record.id);
  CHECK(back->seq == 42);
  CHECK(back->at == "0102");
  CHECK(back->time_ms == record.time_ms);
  REQUIRE(back->conversation);
  CHECK(back->conversation->kind == Target::Kind::room);
  CHECK(back->conversation->name == "#ubuntu");
  CHECK(back->from == "importer");
  REQUIRE(back->original);
  CHECK(back->author() == "bur[n] er");
  CHECK(back->said_ms() == -5);
  CHECK(back->text == record.text);
  CHECK_FALSE(back->erased);
}

TEST_CASE("a message of this cluster is its sender's") {
  const auto record = parse_json_line(R"({"to":"bob","from":"alice","time_ms":7,"text":"hi"})");
  REQUIRE(record);
  CHECK(record->author() == "alice");
  CHECK(record->said_ms() == 7);
  CHECK(record->conversation->kind == Target::Kind::user);
}

TEST_CASE("an erased message has no text") {
  const auto record = parse_json_line(R"({"from":"alice","text":"","erased":true})");
  REQUIRE(record);
  CHECK(record->erased);
  CHECK(to_json_line(*record).find("\"erased\":true") != std::string::npos);
}

TEST_CASE("control characters and unknown fields do no harm") {
  const auto record = parse_json_line(R"({"from":"a","text":"x\u0001y","more":[1,{"a":null}]})");
  REQUIRE(record);
  CHECK(record->text == "x\xEF\xBF\xBDy");
}

TEST_CASE("a line that is no message says what is wrong") {
  const auto error = [](const char* line) {
    const auto record = parse_json_line(line);
    REQUIRE_FALSE(record);
    return record.error();
  };
  CHECK(error("").find("not JSON") == 0);
  CHECK(error("{").find("not JSON") == 0);
  CHECK(error("{} {}").find("not JSON") == 0);
  CHECK(error("\"\xFF\"").find("not JSON") == 0);
  CHECK(error("[]") == "not a JSON object");
  CHECK(error("null") == "not a JSON object");
  CHECK(error("{}").find("no author") == 0);
  CHECK(error(R"({"from":"a"})") == "no \"text\"");
  CHECK(error(R"({"from":1,"text":"x"})") == "\"from\" is not a string");
  CHECK(error(R"({"from":"a","text":"x","time_ms":"now"})").find("\"time_ms\"") == 0);
  CHECK(error(R"({"from":"a","text":"x","time_ms":1.5})").find("\"time_ms\"") == 0);
  CHECK(error(R"({"from":"a","text":"x","time_ms":18446744073709551615})").find("\"time") == 0);
  CHECK(error(R"({"from":"a","text":"x","seq":-1})") == "\"seq\" is negative");
  CHECK(error(R"({"from":"a","text":"x","original":"b"})") == "\"original\" is not an object");
  CHECK(error(R"({"from":"a","text":"x","room":"r","to":"t"})").find("both") == 0);
  CHECK(error(R"({"from":"a","text":"x","erased":1})").find("\"erased\"") == 0);
}

TEST_CASE("deep nesting is refused or passed over, never a crash") {
  const std::string deep(100'000, '[');
  CHECK_FALSE(parse_json_line(deep));
  const std::string closed =
      R"({"from":"a","text":"x","more":)" + deep + std::string(100'000, ']') + "}";
  CHECK(parse_json_line(closed));
}

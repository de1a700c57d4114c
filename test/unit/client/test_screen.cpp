// Taking an edited line off the screen, and showing what others wrote.
#include <clocale>
#include <cstdlib>
#include <ctime>

#include "client/terminal/json.hpp"
#include "client/terminal/screen.hpp"
#include "client/terminal/show.hpp"
#include "test/support/catch.hpp"

namespace chat262::client {
namespace {

struct Utf8Locale {
  Utf8Locale() { REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr); }
};

std::size_t end_row(std::size_t prompt, const std::wstring& text, std::size_t columns) {
  return cursor_row(prompt, text, text.size(), columns);
}

Message message(std::int64_t time_ms, const std::string& text) {
  Message m;
  m.time_ms = time_ms;
  m.conversation = Target::room("lobby");
  m.from = "alice";
  m.text = text;
  return m;
}

constexpr std::int64_t noon_ms = 1'132'660'800'000;  // 2005-11-22 12:00 UTC

}  // namespace

TEST_CASE("the row of the cursor: prompt, text and the width of the screen") {
  const Utf8Locale locale;
  CHECK(end_row(2, L"", 10) == 0);
  CHECK(end_row(2, L"1234567", 10) == 0);
  CHECK(end_row(2, L"12345678", 10) == 1);  // a full row: the cursor waits in the next one
  CHECK(end_row(2, L"123456789012345678", 10) == 2);
  CHECK(cursor_row(2, L"123456789012345678", 3, 10) == 0);
  CHECK(cursor_row(2, L"123456789012345678", 9, 10) == 1);
  CHECK(end_row(25, L"", 10) == 2);
  CHECK(end_row(2, L"text", 0) == 0);
}

TEST_CASE("a wide character that does not fit starts the next row") {
  const Utf8Locale locale;
  CHECK(end_row(0, L"漢漢", 4) == 1);
  CHECK(end_row(1, L"漢漢", 4) == 1);  // one column of the first row stays empty
  CHECK(end_row(1, L"漢漢漢", 4) == 2);
  CHECK(end_row(0, L"a\u0301b", 3) == 0);  // a combining character takes no column
}

TEST_CASE("erasing goes up to the prompt's row and clears what is below") {
  CHECK(erase_sequence(0) == "\r\x1b[J");
  CHECK(erase_sequence(2) == "\r\x1b[2A\x1b[J");
}

TEST_CASE("a transcript shows the time, the day when it changes, and every line of a text") {
  setenv("TZ", "UTC", 1);
  tzset();
  Transcript transcript(Style{});
  CHECK(transcript.lines(message(noon_ms, "hi")) ==
        std::vector<std::string>{"--- 2005-11-22 ---", "12:00 #lobby alice: hi"});
  CHECK(transcript.lines(message(noon_ms + 60'000, "one\ntwo")) ==
        std::vector<std::string>{"12:01 #lobby alice: one", "      two"});
  CHECK(transcript.lines(message(noon_ms + 86'400'000, "x")).front() == "--- 2005-11-23 ---");
}

TEST_CASE("what others write cannot move the cursor or hide itself") {
  Transcript transcript(Style{});
  Message evil = message(noon_ms, "a\x1b[2Jb\rc\x07");
  evil.from = "ali\x1b[0mce";
  evil.conversation = Target::room("lob\nby");
  for (const std::string& line : transcript.lines(evil)) {
    for (const char c : line) CHECK(static_cast<unsigned char>(c) >= 0x20);
  }
}

TEST_CASE("an imported message shows its author and its own time") {
  setenv("TZ", "UTC", 1);
  tzset();
  Transcript transcript(Style{});
  Message imported = message(noon_ms, "hi");
  imported.original = Original{.author = "ubotu", .time_ms = noon_ms - 3'600'000};
  CHECK(transcript.lines(imported).back() == "11:00 #lobby [by alice] ubotu: hi");
  // The time is not the server's, whoever is said to have written it.
  imported.original->author = "alice";
  CHECK(transcript.lines(imported).back() == "11:00 #lobby [by alice] alice: hi");
  imported.original->author = "bob: I owe alice 10";
  CHECK(transcript.lines(imported).back() == "11:00 #lobby [by alice] bob: I owe alice 10: hi");
}

TEST_CASE("a message of a deleted account says so") {
  Transcript transcript(Style{});
  Message erased = message(noon_ms, "");
  erased.erased = true;
  CHECK(transcript.lines(erased).back().find("erased") != std::string::npos);
}

TEST_CASE("what a merge came to is told") {
  Transcript transcript(Style{});
  Message late = message(noon_ms, "hi");
  late.late = true;
  CHECK(transcript.lines(late).back().find("alice: (late) hi") != std::string::npos);
  late.late = false;
  late.undelivered = true;
  CHECK(transcript.lines(late).back().find("(not delivered) hi") != std::string::npos);
  Renamed renamed;
  renamed.was = Target::user("ann");
  renamed.name = "ann~9f3c";
  const std::string other = transcript.lines(Event{renamed}).back();
  CHECK(other.find("its own @ann") != std::string::npos);
  CHECK(other.find("@ann~9f3c") != std::string::npos);
  renamed.self = true;
  const std::string own = transcript.lines(Event{renamed}).back();
  CHECK(own.find("your account is called ann~9f3c") != std::string::npos);
  Undelivered undelivered;
  undelivered.to = Target::user("eve");
  CHECK(transcript.lines(Event{undelivered}).back().find("@eve was not delivered") !=
        std::string::npos);
}

TEST_CASE("colours only where wanted, and always the same for a name") {
  CHECK(shown_name("alice", Style{}) == "alice");
  const std::string coloured = shown_name("alice", Style{.colour = true});
  CHECK(coloured.find("\x1b[1;3") == 0);
  CHECK(coloured == shown_name("alice", Style{.colour = true}));
  CHECK_FALSE(Style::wants_colour(-1));
}

TEST_CASE("a table is as wide as its widest cells, wide characters included") {
  CHECK(table({{"a", "b"}, {"ccc", "d"}}) == std::vector<std::string>{"a    b", "ccc  d"});
  CHECK(table({{"漢", "b"}, {"ccc", "d"}}) == std::vector<std::string>{"漢   b", "ccc  d"});
}

TEST_CASE("a line of JSON holds no control character, and means the same") {
  auto m = message(noon_ms, "a\x1B\x7F\xC2\x80\xC2\x9B\xC2\xA0\xC3\x9B");
  const auto line = one_line(json_of(m));
  CHECK(line.find("a\\u001b\\u007f\\u0080\\u009b\xC2\xA0\xC3\x9B") != std::string::npos);
  CHECK(nlohmann::json::parse(line)["text"] == m.text);
}

}  // namespace chat262::client

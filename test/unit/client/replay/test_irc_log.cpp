#include "client/replay/clean_text.hpp"
#include "client/replay/irc_log.hpp"
#include "test/support/catch.hpp"

using namespace chat262::replay;

namespace {

constexpr std::int64_t minute = 60'000;

IrcLine message_of(std::string_view line) {
  IrcLine parsed = parse_irc_line(line);
  REQUIRE(parsed.kind == IrcLineKind::message);
  return parsed;
}

}  // namespace

TEST_CASE("a message has a nick, a time and a text") {
  const auto line = message_of("[09:14] <|QuaD-> will: totem  xine ");
  CHECK(line.author == "|QuaD-");
  CHECK(line.text == "will: totem  xine ");
  CHECK(line.time_of_day_ms == (9 * 60 + 14) * minute);
}

TEST_CASE("the odd forms of messages that real logs hold") {
  CHECK(message_of("[06:03] <bur[n] er> hi").author == "bur[n] er");
  CHECK(message_of("[07:15] <[optik] > hola").author == "[optik]");
  CHECK(message_of("[00:58] <yunhual> >\tcan i use fdisk").text == ">\tcan i use fdisk");
  CHECK(message_of("[00:58] <a> <b> c").text == "<b> c");
  CHECK(message_of("[23:59:58] <a> b").time_of_day_ms == (23 * 60 + 59) * minute + 58'000);
  CHECK(message_of("[01:02] <a> b\r").text == "b");
}

TEST_CASE("an action becomes a text that begins with /me") {
  const auto line = message_of("[13:56]  * genii sips a coffee");
  CHECK(line.author == "genii");
  CHECK(line.text == "/me sips a coffee");
  CHECK(message_of("[13:56] * genii waves").text == "/me waves");
}

TEST_CASE("lines that are no messages are told apart") {
  CHECK(parse_irc_line("=== sid77 [~sid77@host]  has joined #ubuntu").kind == IrcLineKind::notice);
  CHECK(parse_irc_line("===").kind == IrcLineKind::notice);
  CHECK(parse_irc_line("").kind == IrcLineKind::empty);
  CHECK(parse_irc_line("\r").kind == IrcLineKind::empty);
  CHECK(parse_irc_line("[09:43] <drcode>").kind == IrcLineKind::wordless);
  CHECK(parse_irc_line("[09:43] <drcode>   ").kind == IrcLineKind::wordless);
  CHECK(parse_irc_line("[09:43]  * drcode").kind == IrcLineKind::wordless);
}

TEST_CASE("whatever else there is, is of no known form") {
  for (const char* line : {"[01:09] (soundray/#ubuntu) thomas: have you seen",
                           "hello",
                           "[",
                           "[]",
                           "[09:14]",
                           "[09:14] ",
                           "[09:14] <",
                           "[09:14] <>",
                           "[09:14] <  > x",
                           "[09:14] <a>b",
                           "[24:00] <a> b",
                           "[12:60] <a> b",
                           "[1:02] <a> b",
                           "[09:14:] <a> b",
                           "[09:14:3] <a> b",
                           "[09:14:30",
                           "09:14] <a> b",
                           "[aa:bb] <a> b",
                           "[09-14] <a> b",
                           "====",
                           " === x",
                           "[09:14] <a"}) {
    INFO(line);
    CHECK(parse_irc_line(line).kind == IrcLineKind::unknown);
  }
}

TEST_CASE("every prefix of a line is parsed without harm") {
  const std::string line = "[23:59:58]  * nick \xC3\xA9 text";
  for (std::size_t size = 0; size <= line.size(); ++size) {
    CHECK_NOTHROW(parse_irc_line(std::string_view(line).substr(0, size)));
  }
}

TEST_CASE("the date is found in the file's name") {
  constexpr std::int64_t day = 24 * 60 * minute;
  CHECK(date_in_file_name("1970-01-02.txt") == day);
  CHECK(date_in_file_name("2005-02-06.txt") == 12820 * day);
  CHECK(date_in_file_name("#ubuntu.20050206.log") == 12820 * day);
  CHECK(date_in_file_name("ubuntu_2005_02_06") == 12820 * day);
  CHECK(date_in_file_name("v1-2005-02-06") == 12820 * day);
  CHECK(date_in_file_name("2004-02-29.txt").has_value());
}

TEST_CASE("a name without a date of the calendar has none") {
  for (const char* name :
       {"README.md", "", "2005", "2005-02", "2005-02-30.txt", "2005-13-01.txt", "2005-02_06",
        "2005-02", "1969-12-31", "120050206", "200502061", "0000"}) {
    INFO(name);
    CHECK(date_in_file_name(name) == std::nullopt);
  }
}

TEST_CASE("text that is not UTF-8 is read as Latin-1") {
  CHECK(clean_text("caf\xC3\xA9") == "caf\xC3\xA9");
  CHECK(clean_text("caf\xE9") == "caf\xC3\xA9");
  CHECK(clean_text("\xC3\xA9 \xE9") == "\xC3\x83\xC2\xA9 \xC3\xA9");  // the whole text, not a part
}

TEST_CASE("control characters become U+FFFD") {
  CHECK(clean_text("\x02"
                   "bold\x03"
                   "4\x0F") ==
        "\xEF\xBF\xBD"
        "bold\xEF\xBF\xBD"
        "4\xEF\xBF\xBD");
  CHECK(clean_text(std::string_view("a\0b", 3)) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(clean_text("a\tb\nc") == "a\tb\nc");
  CHECK(clean_text("\x7F") == "\xEF\xBF\xBD");
  CHECK(clean_text("\xC2\x85") == "\xEF\xBF\xBD");  // U+0085
  CHECK(clean_text("\x85") == "\xEF\xBF\xBD");      // Latin-1's
}

// Names, passwords, texts, patterns, and what is safe to show.
#include <string>

#include "protocol/limits.hpp"
#include "protocol/names.hpp"
#include "test/support/catch.hpp"

using namespace chat262;

namespace {

std::string error_of(const std::string& typed) {
  const auto name = parse_name(typed);
  return name ? "" : name.error().text;
}

std::string folded(const std::string& typed) {
  const auto name = parse_name(typed);
  REQUIRE(name);
  return name->folded;
}

std::string repeat(const std::string& part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

}  // namespace

TEST_CASE("a name is kept composed and folded for comparison") {
  const auto name = parse_name("Zoe\xCC\x88");  // o, e, combining diaeresis
  REQUIRE(name);
  CHECK(name->shown == "Zo\xC3\xAB");
  CHECK(name->folded == "zo\xC3\xAB");
  CHECK(folded("Stra\xC3\x9F"
               "e") == "strasse");
  CHECK(folded("\xEF\xBC\xA1lice") == "alice");  // full-width A
  CHECK(folded("\xEF\xAC\x81n") == "fin");       // the ligature fi
  CHECK(folded("\xCE\xA3\xCE\xAF\xCF\x82") == folded("\xCF\x83\xCE\x8A\xCE\xA3"));  // sigmas
  CHECK(*fold("a\xC2\xAD"
              "b") == "ab");  // a soft hyphen is nothing
}

TEST_CASE("names of other scripts, digits and punctuation are names") {
  for (const char* typed : {"a", "42", "x_y-z.w", "\xE5\xB1\xB1\xE7\x94\xB0", "\xD0\x98\xD0\xB2",
                            "|-|acker", "[bot]", "\xF0\x9F\x98\x80"}) {
    INFO(typed);
    CHECK(parse_name(typed));
  }
}

TEST_CASE("a name says which rule it breaks") {
  CHECK(error_of("") == "the name is empty");
  CHECK(error_of("a b") == "the name holds white space");
  CHECK(error_of("a\xC2\xA0"
                 "b") == "the name holds white space");  // no-break space
  CHECK(error_of("a\xE3\x80\x80"
                 "b") == "the name holds white space");  // ideographic space
  CHECK(error_of("a\xE2\x80\xA8"
                 "b") == "the name holds white space");  // line separator
  CHECK(error_of("a\tb") == "the name holds white space");
  CHECK(error_of("a\nb") == "the name holds white space");
  CHECK(error_of("a*") == "the name holds a `*`");
  CHECK(error_of(std::string("a\0b", 3)) == "the name holds a control character");
  CHECK(error_of("a\x7F") == "the name holds a control character");
  CHECK(error_of("a\x1B[2J") == "the name holds a control character");
  CHECK(error_of("a\xC2\x9B") == "the name holds a control character");
  CHECK(error_of("a\xE2\x80\x8B") == "the name holds an invisible format character");  // ZWSP
  CHECK(error_of("a\xE2\x80\xAE"
                 "b") == "the name holds an invisible format character");  // RLO
  CHECK(error_of("\xFF") == "the name is not valid UTF-8");
  CHECK(error_of("\xED\xA0\x80") == "the name is not valid UTF-8");
  CHECK(error_of("a\xE3\x85\xA4") == "the name holds a character that shows as nothing");  // filler
  CHECK(error_of("a\xE2\xA0\x80") ==
        "the name holds a character that shows as nothing");               // Braille
  CHECK(error_of("\xEF\xB8\x8F") == "the name has no visible character");  // a lone selector
  CHECK(error_of("a\xCD\xB8") == "the name holds a character that Unicode has not assigned");
}

TEST_CASE("what folds to something forbidden is forbidden") {
  CHECK(error_of("\xEF\xBC\x8A") == "the name holds a `*` after case folding");
  CHECK(error_of("\xC2\xA8") == "the name holds white space after case folding");
}

TEST_CASE("names end at 64 bytes, before and after folding") {
  CHECK(parse_name(std::string(limits::name_bytes_max, 'a')));
  CHECK(error_of(std::string(limits::name_bytes_max + 1, 'a')) ==
        "the name is longer than 64 bytes");
  CHECK(error_of(std::string(100000, 'a')) == "the name is longer than 64 bytes");
  // Composed it is 64 bytes, typed 96.
  CHECK(parse_name(repeat("e\xCC\x81", 32)));
  // The ligature folds from 3 bytes to 33.
  CHECK(error_of(repeat("\xEF\xB7\xBA", 3)).find("after case folding") != std::string::npos);
}

TEST_CASE("folding is idempotent") {
  for (const char* typed :
       {"Alice", "\xC4\xB0stanbul", "\xE1\xBA\x9E", "\xCD\x85\xCC\x81", "\xE2\x84\xAB", "\xC5\x89",
        "\xE1\xBE\xB4", "\xEF\xAC\x83", "\xC7\x85"}) {
    INFO(typed);
    const auto once = fold(typed);
    REQUIRE(once);
    CHECK(fold(*once) == *once);
  }
  CHECK_FALSE(fold("\xC3"));
}

TEST_CASE("a name is found as it is shown, whatever order its marks were typed in") {
  for (const char* typed : {"\xCD\x85\xCC\x81", "\xCE\xB1\xCD\x85\xCC\x81"}) {
    INFO(typed);
    const auto name = parse_name(typed);
    REQUIRE(name);
    CHECK(name->shown != typed);
    CHECK(fold(name->shown) == name->folded);
    CHECK(fold(typed) == name->folded);
  }
  CHECK(folded("\xCE\xB1\xCD\x85\xCC\x81") == folded("\xCE\xB1\xCC\x81\xCD\x85"));
}

TEST_CASE("passwords have 8 to 128 bytes") {
  CHECK_FALSE(check_password("1234567"));
  CHECK(check_password("12345678"));
  CHECK(check_password("pass word \xC3\xA9"));
  CHECK(check_password(std::string(limits::password_bytes_max, 'x')));
  CHECK_FALSE(check_password(std::string(limits::password_bytes_max + 1, 'x')));
  CHECK_FALSE(check_password("12345678\xFF"));
  CHECK(check_password("secret!").error().text.find("secret!") == std::string::npos);
}

TEST_CASE("texts hold no control characters but tab and newline") {
  CHECK(check_text("a"));
  CHECK(check_text("two\nlines\tand a tab, \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80"));
  CHECK_FALSE(check_text(""));
  CHECK_FALSE(check_text("a\r\n"));
  CHECK_FALSE(check_text("\x1B[31m"));
  CHECK_FALSE(
      check_text("\xC2\x9B"
                 "31m"));
  CHECK_FALSE(check_text(std::string("a\0", 2)));
  CHECK_FALSE(check_text("\xC3"));
  CHECK(check_text(std::string(limits::text_bytes_max, 'x')));
  CHECK_FALSE(check_text(std::string(limits::text_bytes_max + 1, 'x')));
}

TEST_CASE("a pattern's star stands for any run of characters") {
  struct Case {
    const char* pattern;
    const char* name;
    bool match;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "a", true},
      {"a", "ab", false},
      {"*", "", true},
      {"*", "anything", true},
      {"**", "x", true},
      {"al*", "alice", true},
      {"al*", "al", true},
      {"al*", "bal", false},
      {"*ce", "alice", true},
      {"*ce", "cell", false},
      {"a*e", "alice", true},
      {"a*a", "a", false},
      {"ab*ba", "aba", false},
      {"ab*ba", "abba", true},
      {"*li*", "alice", true},
      {"*l*i*c*", "alice", true},
      {"*i*l*", "alice", false},
      {"a*b*c", "abc", true},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "acb", false},
      {"*aab*", "aaab", true},
      {"*ab*ab*", "ab", false},
      {"\xC3\xA9*", "\xC3\xA9t\xC3\xA9", true},
  };
  for (const Case& c : cases) {
    INFO(c.pattern << " / " << c.name);
    CHECK(matches(c.pattern, c.name) == c.match);
  }
}

TEST_CASE("the worst patterns take no longer than the product of the lengths") {
  // Backtracking would need more steps than there is time for.
  const std::string pattern = repeat("a*", 2000) + "b";
  const std::string name(20000, 'a');
  CHECK_FALSE(matches(pattern, name));
  CHECK(matches(pattern, name + "b"));
  CHECK_FALSE(matches("*" + std::string(3000, 'a') + "b*", name));
}

TEST_CASE("what others wrote cannot steer a terminal") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(printable("caf\xC3\xA9 \xF0\x9F\x98\x80") == "caf\xC3\xA9 \xF0\x9F\x98\x80");
  CHECK(printable("\x1B[2J") == mark + "[2J");
  CHECK(printable("a\xC2\x9B"
                  "b") == "a" + mark + "b");
  CHECK(printable("a\nb\r") == "a" + mark + "b" + mark);
  CHECK(printable("a\tb") == "a b");
  CHECK(printable("\xE2\x80\xAE"
                  "evil") == mark + "evil");
  CHECK(printable("\xE2\x81\xA6x\xE2\x80\xA8") == mark + "x" + mark);
  CHECK(printable("a\xFF\xC3") == "a" + mark + mark);
  // A family emoji is held together by joiners.
  CHECK(printable("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80") ==
        "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80");
}

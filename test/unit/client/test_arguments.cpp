// The command line of chat262, and what is typed in a session.
#include "client/terminal/arguments.hpp"
#include "client/terminal/typed.hpp"
#include "test/support/catch.hpp"

namespace chat262::client {
namespace {

Arguments good(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  if (const auto* exit = std::get_if<ParseExit>(&parsed)) FAIL(exit->output);
  return std::get<Arguments>(parsed);
}

ParseExit bad(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  REQUIRE(std::holds_alternative<ParseExit>(parsed));
  return std::get<ParseExit>(parsed);
}

}  // namespace

TEST_CASE("addresses alone are an interactive session") {
  const Arguments arguments = good({"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  CHECK(arguments.command == Command::interactive);
  CHECK(arguments.addresses == std::vector<std::string>{"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  CHECK(good({}).command == Command::interactive);
}

TEST_CASE("what is not expected is named, in the order in which it was typed") {
  const auto parsed = bad({"sessions", "revoke", "abc"});
  CHECK(parsed.code == 2);
  CHECK(parsed.output ==
        "chat262: not expected here: revoke abc\n`chat262 sessions --help` says more.\n");
}

TEST_CASE("a subcommand takes its servers from options, before or after it") {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"send", "--server", "a", "--server", "b", "--to", "bob", "hi", "there"},
           {"--servers", "a,b", "send", "--to", "bob", "hi", "there"},
           {"send", "hi", "there", "--to", "user:bob", "--servers", "a,b"}}) {
    const Arguments arguments = good(words);
    CHECK(arguments.command == Command::send);
    CHECK(arguments.addresses == std::vector<std::string>{"a", "b"});
    REQUIRE(arguments.to);
    CHECK(arguments.to->kind == Target::Kind::user);
    CHECK(arguments.to->name == "bob");
    CHECK(arguments.text == std::optional<std::string>("hi there"));
  }
}

TEST_CASE("addresses before a subcommand are refused, not guessed at") {
  CHECK(bad({"127.0.0.1", "send", "--to", "bob", "hi"}).code == 2);
  CHECK(bad({"--server", "a", "--servers", "b,c", "list"}).code == 2);
  CHECK(bad({"--cluster", "file", "--server", "a", "list"}).code == 2);
}

TEST_CASE("a text that looks like an option stands behind two dashes") {
  CHECK(good({"send", "--to", "bob", "--", "--json"}).text == std::optional<std::string>("--json"));
  CHECK_FALSE(good({"send", "--to", "bob"}).text.has_value());
}

TEST_CASE("passwords cannot be given as arguments") {
  CHECK(bad({"login", "alice", "secret"}).code == 2);
  CHECK(bad({"login", "alice", "--password", "secret"}).code == 2);
  CHECK(bad({"login", "alice", "--password-file", "f", "--password-stdin"}).code == 2);
  CHECK(good({"login", "alice", "--password-file", "f"}).password_file == "f");
  CHECK(good({"register", "alice", "--password-stdin"}).password_stdin);
}

TEST_CASE("every subcommand knows --json and --timeout") {
  const std::vector<std::vector<std::string>> all = {{"register", "n"},
                                                     {"login", "n"},
                                                     {"logout"},
                                                     {"logout-all"},
                                                     {"passwd"},
                                                     {"delete-account"},
                                                     {"send", "--to", "n"},
                                                     {"read", "--to", "n"},
                                                     {"tail"},
                                                     {"users"},
                                                     {"rooms"},
                                                     {"members", "r"},
                                                     {"create", "r"},
                                                     {"join", "r"},
                                                     {"leave", "r"},
                                                     {"list"},
                                                     {"mark-read", "--to", "n"},
                                                     {"servers"}};
  for (auto words : all) {
    words.insert(words.end(), {"--json", "--timeout", "2.5"});
    const Arguments arguments = good(words);
    CHECK(arguments.json);
    CHECK(arguments.timeout == Milliseconds{2500});
    CHECK(bad({words[0], "--help"}).code == 0);
  }
}

TEST_CASE("numbers and cursors out of shape are wrong usage") {
  CHECK(bad({"list", "--timeout", "0"}).code == 2);
  CHECK(bad({"list", "--timeout", "-1"}).code == 2);
  CHECK(bad({"list", "--timeout", "nan"}).code == 2);
  CHECK(bad({"list", "--timeout", "soon"}).code == 2);
  CHECK(bad({"read", "--to", "a", "--last", "0"}).code == 2);
  CHECK(bad({"read", "--to", "a", "--before", "xyz"}).code == 2);
  CHECK(bad({"read", "--to", "a", "--before", "00", "--after", "00"}).code == 2);
  CHECK(bad({"send", "--to", "a", "--request-id", "1"}).code == 2);
  CHECK(bad({"send", "--to", "a", "--lines", "text"}).code == 2);
  CHECK(bad({"send", "text"}).code == 2);
  CHECK(bad({"send", "--to", "room:", "text"}).code == 2);
  CHECK(bad({"list", "send"}).code == 2);
  CHECK(good({"tail", "--since", "00ff"}).after ==
        std::optional<Cursor>(std::string("\x00\xff", 2)));
}

TEST_CASE("a target survives being written down, whatever its name") {
  for (const Target& target : {Target::user("bob"), Target::room("bob"), Target::user("room:bob"),
                               Target::user("user:x"), Target::room("room:x")}) {
    const auto again = target_from(target_text(target));
    REQUIRE(again);
    CHECK(again->kind == target.kind);
    CHECK(again->name == target.name);
  }
}

TEST_CASE("typed lines: commands, text, and text with a slash") {
  CHECK(parse_typed("hello /you").command.empty());
  CHECK(parse_typed("hello /you").rest == "hello /you");
  CHECK(parse_typed("//etc/hosts").command.empty());
  CHECK(parse_typed("//etc/hosts").rest == "/etc/hosts");
  CHECK(parse_typed("/msg  bob  hi  there ").command == "msg");
  CHECK(parse_typed("/msg  bob  hi  there ").rest == "bob  hi  there");
  CHECK(parse_typed("/quit").rest.empty());
  CHECK(parse_typed("/").command == "help");
  CHECK(split_word("bob  hi  there") == std::pair<std::string, std::string>("bob", "hi  there"));
  CHECK(split_word("  ") == std::pair<std::string, std::string>("", ""));
}

}  // namespace chat262::client

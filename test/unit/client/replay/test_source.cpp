#include <set>

#include "client/replay/export_file.hpp"
#include "client/replay/identity.hpp"
#include "client/replay/run.hpp"
#include "client/replay/source.hpp"
#include "protocol/entry.hpp"
#include "temporary_folder.hpp"
#include "test/support/catch.hpp"

using namespace chat262::replay;

namespace {

std::vector<SourceMessage> all(SourceReader& reader) {
  std::vector<SourceMessage> messages;
  while (auto message = reader.next()) messages.push_back(*std::move(message));
  return messages;
}

}  // namespace

TEST_CASE("files are read in the order given, and every line is accounted for") {
  const TemporaryFolder folder;
  const auto irc = folder.write("2005-02-06.txt",
                                "[09:14] <a> one\n=== b has joined\n\n[09:15] <c>\nodd\n"
                                "[09:16] <d> two");
  const auto json =
      folder.write("more.jsonl",
                   "{\"room\":\"r\",\"from\":\"e\",\"time_ms\":5,\"text\":\"three\"}\n"
                   "{\"from\":\"e\",\"erased\":true}\nnot json\n");
  const auto files = source_files({irc, json}, Format::by_name);
  SourceReader reader(files);
  const auto messages = all(reader);
  REQUIRE(messages.size() == 3);
  CHECK(messages[0].text == "one");
  CHECK(messages[0].line == 1);
  CHECK(messages[0].said_ms == 1'107'648'000'000 + (9 * 60 + 14) * 60'000);
  CHECK_FALSE(messages[0].conversation);
  CHECK(messages[1].text == "two");
  CHECK(messages[1].line == 6);
  CHECK(messages[2].author == "e");
  CHECK(messages[2].file == 1);
  CHECK(messages[2].conversation->name == "r");
  const auto& counts = reader.counts();
  CHECK(counts.lines == 9);
  CHECK(counts.messages == 3);
  CHECK(counts.notices == 1);
  CHECK(counts.empty == 1);
  CHECK(counts.wordless == 1);
  CHECK(counts.erased == 1);
  CHECK(counts.unknown == 2);
  REQUIRE(reader.problems().size() == 2);
  CHECK(reader.problems()[0].where == irc.string() + ":5");
  CHECK(reader.problems()[1].where == json.string() + ":3");
}

TEST_CASE("lines, texts and authors over a limit are reported, not cut") {
  const TemporaryFolder folder;
  const std::string fits(16 * 1024, 'x');
  const auto path =
      folder.write("2005-02-06.txt", "[09:14] <a> " + fits + "\n[09:14] <a> " + fits +
                                         "y\n[09:14] <" + std::string(129, 'n') + "> z\n" +
                                         std::string(300'000, 'w') + "\n[09:14] <a> last\n");
  const auto files = source_files({path}, Format::by_name);
  SourceReader reader(files);
  const auto messages = all(reader);
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].text == fits);
  CHECK(messages[1].text == "last");
  CHECK(messages[1].line == 5);
  CHECK(reader.counts().unknown == 3);
}

TEST_CASE("file sets that cannot be delivered are refused with a reason") {
  const TemporaryFolder folder;
  const TemporaryFolder other;
  const auto undated = folder.write("log.txt", "");
  const auto one = folder.write("2005-02-06.txt", "");
  const auto two = other.write("2005-02-06.txt", "");
  CHECK_THROWS_WITH(source_files({undated}, Format::by_name), Catch::Contains("no date"));
  CHECK_THROWS_WITH(source_files({one, two}, Format::by_name), Catch::Contains("two files"));
  CHECK_THROWS_WITH(source_files({folder.path() / "none"}, Format::by_name),
                    Catch::Contains("cannot read"));
  CHECK_THROWS_WITH(source_files({folder.path()}, Format::json_lines),
                    Catch::Contains("cannot read"));
  CHECK_NOTHROW(source_files({undated}, Format::json_lines));
}

TEST_CASE("a line keeps its request id whatever else is delivered with it") {
  const StreamName stream{"account", "room", ""};
  const auto client = client_id(stream, "2005-02-06.txt");
  CHECK(client == client_id(stream, "2005-02-06.txt"));
  std::set<chat262::ClientId> others{client};
  others.insert(client_id(stream, "2005-02-07.txt"));
  others.insert(client_id({"account", "room", "again"}, "2005-02-06.txt"));
  others.insert(client_id({"account", "other", ""}, "2005-02-06.txt"));
  others.insert(client_id({"another", "room", ""}, "2005-02-06.txt"));
  others.insert(client_id({"accountroom", "", ""}, "2005-02-06.txt"));
  CHECK(others.size() == 6);
  CHECK(request_of(client, 7).number == 7);
  CHECK(request_of(client, 7).client.size() == 16);
}

TEST_CASE("a message's id leads back to its line") {
  const auto client = client_id({"account", "room", ""}, "2005-02-06.txt");
  const auto other = client_id({"account", "room", ""}, "2005-02-07.txt");
  MessageIndex index({client, other});
  for (std::uint64_t line = 1; line <= 50; ++line) {
    index.add(0, line);
    index.add(1, line * 2);
  }
  index.finish();
  const auto text = [](const chat262::ClientId& id, std::uint64_t line) {
    const auto bytes = chat262::message_id(chat262::RequestId{id, line}).bytes;
    return chat262::client::hex(std::string(bytes.begin(), bytes.end()));
  };
  const auto* place = index.find(text(other, 48));
  REQUIRE(place != nullptr);
  CHECK(place->file == 1);
  CHECK(place->line == 48);
  CHECK(index.find(text(other, 49)) == nullptr);
  CHECK(index.find("xyz") == nullptr);
  CHECK(index.find("") == nullptr);
}

TEST_CASE("an export goes on after its last complete line") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "out.jsonl";
  Record record;
  record.conversation = chat262::client::Target::room("r");
  record.from = "alice";
  record.text = "one";
  record.seq = 5;
  record.at = "05";
  {
    ExportFile file(path);
    CHECK(file.lines_before() == 0);
    file.write(record);
    record.conversation = chat262::client::Target::user("bob");
    record.seq = 9;
    record.at = "09";
    file.write(record);
    file.close();
  }
  const auto size = std::filesystem::file_size(path);
  std::ofstream(path, std::ios::app) << R"({"seq":10,"at":"0a","from":"al)";
  ExportFile file(path);
  CHECK(std::filesystem::file_size(path) == size);
  CHECK(file.lines_before() == 2);
  CHECK(file.last_seq() == 9);
  CHECK(file.last_at(chat262::client::Target::room("r"), "alice") == "05");
  CHECK(file.last_at(chat262::client::Target::room("s"), "alice").empty());
  CHECK(file.last_at(chat262::client::Target::user("bob"), "alice") == "09");
  CHECK(file.last_at(chat262::client::Target::user("alice"), "bob") == "09");
  CHECK(file.last_at(chat262::client::Target::user("bob"), "carol").empty());
}

TEST_CASE("a file that is no export is left alone") {
  const TemporaryFolder folder;
  const auto path = folder.write("notes.txt", "dear diary\n");
  CHECK_THROWS_AS(ExportFile(path), Failure);
  CHECK(std::filesystem::file_size(path) == 11);
}

// What is written down: each entry once, over restarts and what a crash cut off; nothing secret.
#include "broker/audit.hpp"

#include <algorithm>
#include <fstream>

#include "test/support/catch.hpp"
#include "test/unit/broker/server.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;

namespace {

constexpr std::uint64_t large = 1 << 24;

// One life of a server that writes down.
struct Life {
  Server server;
  std::unique_ptr<AuditFile> file;
  std::unique_ptr<Audit> audit;

  explicit Life(const TempDirectory& directory, std::uint64_t bytes_max = large)
      : server(directory.path()) {
    auto opened = AuditFile::open(directory.path(), bytes_max);
    REQUIRE(opened);
    file = std::move(*opened);
    audit = std::make_unique<Audit>(*file, server.tables());
    audit->start(server.log());
    server.service().tell(audit.get());
    server.pass(3000);
  }
  ~Life() { server.service().tell(nullptr); }
};

std::vector<std::string> lines_of(const TempDirectory& directory, const char* name = audit_file) {
  std::vector<std::string> lines;
  std::ifstream file(directory.path() / name);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> entries_of(const TempDirectory& directory) {
  auto lines = lines_of(directory);
  std::erase_if(lines, [](const auto& line) { return audited_position(line).seq == Seq{}; });
  return lines;
}

bool has(const std::string& line, const std::string& part) {
  return line.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("what becomes of accounts is written down once, over restarts") {
  const TempDirectory directory;
  {
    Life life(directory);
    Client client(life.server);
    client.sign_up("alice");
    REQUIRE(client.get(request::CreateRoom{"lobby"}).status == Status::ok);
    life.server.write_tables();
    REQUIRE(client.get(request::LogOutAll{}).status == Status::ok);
  }
  auto lines = entries_of(directory);
  REQUIRE(lines.size() == 3);
  CHECK(has(lines[0], "\"what\":\"registered\",\"account\":\"alice\""));
  CHECK(has(lines[1], "\"what\":\"logged-in\""));
  CHECK(has(lines[2], "\"what\":\"logged-out-everywhere\""));
  { Life again(directory); }
  CHECK(entries_of(directory) == lines);

  SECTION("what a crash kept from the file is written at the next start, half a line too") {
    {
      std::ofstream file(directory.path() / audit_file, std::ios::trunc);
      file << lines[0] << "\n" << lines[1].substr(0, 30);
    }
    { Life again(directory); }
    const auto found = entries_of(directory);
    CHECK(std::count(found.begin(), found.end(), lines[1]) == 1);
    CHECK(std::count(found.begin(), found.end(), lines[2]) == 1);
    CHECK(found.back() == lines[2]);
  }
  SECTION("lines of a history that the log does not have count for nothing") {
    {
      std::ofstream file(directory.path() / audit_file, std::ios::app);
      file << "{\"seq\":5,\"epoch\":\"99.0\",\"what\":\"registered\"}\n";
    }
    { Life again(directory); }
    CHECK(entries_of(directory).size() == 4);
  }
}

TEST_CASE("tables that are made anew write nothing twice") {
  const TempDirectory directory;
  Life life(directory);
  Client client(life.server);
  client.sign_up("alice");
  REQUIRE(life.server.tables().revert_to(Seq{}));
  const auto all = life.server.log().read(seq(1), life.server.log().last(), 1 << 20);
  REQUIRE(all);
  for (const Entry& entry : *all) {
    REQUIRE(life.server.tables().apply(entry));
    life.audit->applied(entry);
  }
  life.file.reset();
  CHECK(entries_of(directory).size() == 2);
}

TEST_CASE("what was not committed is not written down") {
  const TempDirectory directory;
  {
    Life life(directory);
    life.server.hold_disk(true);
    Client client(life.server);
    client.ask(request::Register{"alice", "a long password"});
    life.server.work();
    CHECK(life.server.tables().account_named("alice"));
  }
  CHECK(entries_of(directory).empty());
}

TEST_CASE("failed sign-ins are summed up, without names that nobody has") {
  const TempDirectory directory;
  {
    Life life(directory);
    Client client(life.server);
    client.sign_up("alice");
    for (int i = 0; i < 10; ++i) client.log_in("alice", "wrong password");
    for (int i = 0; i < 3; ++i) client.log_in("my secret password", "alice");
    life.server.pass(20'000);
  }
  auto lines = lines_of(directory);
  std::erase_if(lines, [](const auto& line) { return !has(line, "sign-in-failed"); });
  std::string all;
  for (const auto& line : lines) all += line;
  CHECK(has(all, "\"account\":\"alice\""));
  CHECK(has(all, "\"throttled\":"));
  CHECK(has(all, "\"unknown_name\":true"));
  CHECK_FALSE(has(all, "secret"));
  CHECK(lines.size() <= 4);
}

TEST_CASE("a large file is put aside, and the oldest goes") {
  const TempDirectory directory;
  auto file = AuditFile::open(directory.path(), 200);
  REQUIRE(file);
  for (int i = 0; i < 100; ++i) {
    REQUIRE((*file)->write("{\"seq\":" + std::to_string(i + 1) + ",\"epoch\":\"1.0\"}"));
    if (i % 4 == 3) {  // what is queued is written at once
      file->reset();
      file = AuditFile::open(directory.path(), 200);
      REQUIRE(file);
    }
  }
  const auto& found = (*file)->found();
  REQUIRE_FALSE(found.empty());
  CHECK(found.front().seq == seq(100));
  CHECK(found.size() < 50);
  CHECK(std::filesystem::exists(directory.path() / "audit.log.3"));
  CHECK_FALSE(std::filesystem::exists(directory.path() / "audit.log.4"));
}

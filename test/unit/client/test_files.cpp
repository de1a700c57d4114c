// Sessions on the disk.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "client/terminal/files.hpp"
#include "test/support/catch.hpp"

namespace chat262::client {
namespace {

// A state directory of its own, removed at the end.
struct StateHome {
  StateHome() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "chat262-state-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    setenv("XDG_STATE_HOME", folder.c_str(), 1);
  }
  ~StateHome() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::filesystem::path folder;
};

SessionStore store_of(std::uint8_t cluster, const std::string& file = {}) {
  ClusterId id;
  id.bytes[0] = cluster;
  const auto store = SessionStore::open(id, file);
  REQUIRE(store);
  return *store;
}

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

}  // namespace

TEST_CASE("the latest login is the current one; others are found by name") {
  const StateHome home;
  const SessionStore store = store_of(1);
  CHECK(store.load("").error().code == Errc::not_found);
  REQUIRE(store.save({.account = "Alice", .token = "secret-a", .expires_ms = 5}));
  REQUIRE(store.save({.account = "bob", .token = "secret-b"}));
  CHECK(store.load("")->account == "bob");
  CHECK(store.load("alice")->token == "secret-a");  // however it is typed
  CHECK(store.load("ALICE")->expires_ms == 5);
  CHECK_FALSE(store.load("carol"));
  CHECK_FALSE(store_of(2).load(""));  // another cluster
  store.remove("bob");
  CHECK_FALSE(store.load(""));
  CHECK(store.load("alice")->account == "Alice");
}

TEST_CASE("the session of an account that was renamed is found by its new name") {
  const StateHome home;
  const SessionStore store = store_of(1);
  REQUIRE(store.save({.account = "ann", .token = "secret-a", .expires_ms = 5}));
  REQUIRE(store.rename("ann", "ann~9f3c"));
  CHECK_FALSE(store.load("ann"));
  CHECK(store.load("ann~9f3c")->token == "secret-a");
  CHECK(store.load("")->account == "ann~9f3c");
  CHECK_FALSE(store.rename("ann", "bob"));
}

TEST_CASE("only the owner can read sessions") {
  const StateHome home;
  REQUIRE(store_of(1).save({.account = "alice", .token = "secret"}));
  unsigned files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(home.folder)) {
    CHECK(mode_of(entry.path()) == (entry.is_directory() ? 0700U : 0600U));
    files += entry.is_regular_file() ? 1 : 0;
  }
  CHECK(files == 2);
}

TEST_CASE("a name cannot leave the folder") {
  const StateHome home;
  const SessionStore store = store_of(1);
  for (const char* name : {"../../evil", "..", ".", "a/b", "漢字"}) {
    REQUIRE(store.save({.account = name, .token = "x"}));
    CHECK(store.load(name)->account == name);
  }
  for (const auto& entry : std::filesystem::directory_iterator(home.folder)) {
    CHECK(entry.path().filename() == "chat262");
  }
}

TEST_CASE("a file of one's own; damaged ones say so") {
  const StateHome home;
  const auto file = home.folder / "mine";
  const SessionStore store = store_of(1, file);
  REQUIRE(store.save({.account = "alice", .token = std::string("\0\xff", 2)}));
  CHECK(mode_of(file) == 0600U);
  CHECK(store.load("anybody")->token == std::string("\0\xff", 2));
  for (const char* damaged : {"", "{", "[]", "7", R"({"token":7})", R"({"token":"xy"})"}) {
    std::ofstream(file) << damaged;
    CHECK(store.load("").error().code == Errc::malformed);
  }
}

}  // namespace chat262::client

// Keys as text and in files.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "protocol/cluster_file.hpp"
#include "protocol/key_file.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("chat262-keys-" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

std::string error_of(const fs::path& path, KeyFileReaders readers = KeyFileReaders::owner) {
  const auto keys = read_key_file(path, readers);
  return keys ? "" : keys.error().text;
}

void put(const fs::path& path, const std::string& text, mode_t mode = 0600) {
  fs::remove(path);
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("keys are written as ZeroMQ's Z85 does") {
  // From curve_test_vectors of RFC 26: the client's permanent keys.
  const std::string secret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
  const auto read = secret_from_text(secret);
  REQUIRE(read);
  CHECK(secret_text(*read) == secret);
  CHECK(key_text(pair_of(*read).key) == "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
  const auto key = key_from_text("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
  REQUIRE(key);
  CHECK(*key == pair_of(*read).key);
}

TEST_CASE("what is no key is not taken for one") {
  const std::string good = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
  CHECK_FALSE(key_from_text(""));
  CHECK_FALSE(key_from_text(good.substr(1)));
  CHECK_FALSE(key_from_text(good + "0"));
  CHECK_FALSE(key_from_text(good.substr(1) + " "));
  CHECK_FALSE(key_from_text(std::string(40, '#')));  // above 32 bits
  CHECK_FALSE(key_from_text(std::string(40, '0')));  // all zero
}

TEST_CASE("new pairs differ, and belong together") {
  const auto one = new_key_pair();
  const auto two = new_key_pair();
  CHECK(one.key != two.key);
  CHECK(pair_of(one.secret).key == one.key);
}

TEST_CASE("a key file is read as it was written, and is its owner's alone") {
  const Folder folder;
  const auto path = folder.path / key_file_name(server_id(2));
  CHECK(path.filename() == "server-2.key");
  const auto one = new_key_pair();
  const auto two = new_key_pair();
  REQUIRE(write_new_key_file(path, {one}, "secret key of server 2"));
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  auto keys = read_key_file(path);
  REQUIRE(keys);
  REQUIRE(keys->size() == 1);
  CHECK(keys->front().key == one.key);
  CHECK(keys->front().secret.bytes() == one.secret.bytes());
  const auto again = write_new_key_file(path, {two}, "x");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::in_use);
  REQUIRE(replace_key_file(path, {two, one}, "x"));
  keys = read_key_file(path);
  REQUIRE(keys);
  REQUIRE(keys->size() == 2);
  CHECK(keys->at(0).key == two.key);
  CHECK(keys->at(1).key == one.key);
}

TEST_CASE("a key file that others could have read or changed is refused") {
  const Folder folder;
  const auto path = folder.path / "server-0.key";
  REQUIRE(write_new_key_file(path, {new_key_pair()}, "x"));
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0666, 0610}) {
    chmod(path.c_str(), mode);
    INFO(mode);
    CHECK(has(error_of(path), "chmod 600 " + path.string()));
  }
  chmod(path.c_str(), 0440);
  CHECK(has(error_of(path), "chmod 600"));
  CHECK(error_of(path, KeyFileReaders::owner_and_group).empty());
  chmod(path.c_str(), 0400);
  CHECK(error_of(path).empty());
  const auto link = folder.path / "link.key";
  fs::create_symlink(path, link);
  CHECK(has(error_of(link), "is a symbolic link"));
  CHECK(has(error_of(folder.path), "is no regular file"));
  CHECK(has(error_of(folder.path / "none"), "there is no key file"));
  if (geteuid() == 0) {
    REQUIRE(chown(path.c_str(), 12345, 0) == 0);
    CHECK(has(error_of(path), "belongs to another user"));
  }
}

TEST_CASE("what is no key file is refused, and says no secret") {
  const Folder folder;
  const auto path = folder.path / "x.key";
  const auto secret = secret_text(new_key_pair().secret);
  const std::string head = "# comment\nchat262-keys 1\n";
  put(path, "");
  CHECK(has(error_of(path), "no end"));
  put(path, "something else\n");
  CHECK(has(error_of(path), ":1: not a chat262 key file"));
  put(path, head + "secret " + secret + "\n");
  CHECK(has(error_of(path), "no end"));
  put(path, head + "end\n");
  CHECK(has(error_of(path), "no key"));
  put(path, head + "secret x" + secret + "\nend\n");
  CHECK(has(error_of(path), ":3: that is no key"));
  CHECK_FALSE(has(error_of(path), secret));
  put(path, head + "secret " + secret + "\nsecret " + secret + "\nsecret " + secret + "\nend\n");
  CHECK(has(error_of(path), ":5: "));
  put(path, head + "secret " + secret + "\nend\n");
  CHECK(error_of(path).empty());
}

TEST_CASE("a cluster file has a key for each server, or none") {
  const auto one = key_text(new_key_pair().key);
  const auto two = key_text(new_key_pair().key);
  const auto file = [](const std::string& first, const std::string& second) {
    const auto key = [](const std::string& text) {
      return text.empty() ? "" : "key = \"" + text + "\"\n";
    };
    return "id = \"00112233445566778899aabbccddeeff\"\n[[server]]\nid = 0\nhost = \"a\"\n" +
           key(first) + "[[server]]\nid = 1\nhost = \"b\"\n" + key(second);
  };
  const auto error = [](const std::string& text) {
    const auto cluster = cluster_from_toml(text, "c.toml");
    return cluster ? "" : cluster.error().text;
  };
  const auto cluster = cluster_from_toml(file(one, two), "c.toml");
  REQUIRE(cluster);
  CHECK(cluster->encrypted());
  CHECK(key_text(cluster->servers[1].key) == two);
  const auto again = cluster_from_toml(cluster_to_toml(*cluster), "c.toml");
  REQUIRE(again);
  CHECK(again->servers[0].key == cluster->servers[0].key);
  CHECK_FALSE(cluster_from_toml(file("", ""), "c.toml")->encrypted());
  CHECK(error(file(one, "")) ==
        "c.toml:6: server 1 has no `key`, and server 0 has one: either all servers have keys, or "
        "none has one");
  CHECK(error(file("", two)) ==
        "c.toml:5: server 1 has a `key`, and server 0 has none: either all servers have keys, or "
        "none has one");
  CHECK(error(file(one, one)) == "c.toml:6: servers 0 and 1 have the same `key`");
  CHECK(error(file("short", two)) == "c.toml:5: `key` must be a public key: 40 characters of Z85");
}

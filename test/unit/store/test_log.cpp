#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "history.hpp"

namespace chat262::store::test {

namespace fs = std::filesystem;

TEST_CASE("A new directory has an empty log and the first incarnation") {
  const TempDir dir;
  const auto log = open_log(dir / "data");
  CHECK(log->start().incarnation == Incarnation{1, 99});
  CHECK(log->start().promised == Epoch{});
  CHECK(log->start().tail.empty());
  CHECK(log->start().views.empty());
  CHECK(log->start().lost_disk);  // it cannot be told from one whose disk was lost
  CHECK(log->last() == seq(0));
  CHECK(log->room());
  CHECK(fs::status(dir / "data").permissions() == fs::perms::owner_all);
  CHECK(fs::status(dir / "data/log/data.mdb").permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("A directory that is open to others is closed, and that is said") {
  const TempDir dir;
  fs::create_directory(dir / "data");
  fs::permissions(dir / "data", fs::perms::all);
  const auto log = open_log(dir / "data");
  CHECK(fs::status(dir / "data").permissions() == fs::perms::owner_all);
  REQUIRE(log->start().notes.size() == 1);
  CHECK_THAT(log->start().notes.front(), Catch::Contains("was open to others"));
}

TEST_CASE("Nothing is written through a link in the directory") {
  const TempDir dir;
  const auto precious = dir / "precious";
  std::ofstream(precious) << "precious";
  fs::create_directory(dir / "data");
  fs::create_symlink(precious, dir / "data/lock");
  fs::create_symlink(precious, dir / "data/ballast");
  LogOptions options = log_options(dir / "data");
  options.ballast_bytes = 4096;
  const auto refused = Log::open(options);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().text, Catch::Contains("symbolic link"));
  fs::remove(dir / "data/lock");
  CHECK(Log::open(options));
  CHECK(fs::file_size(dir / "data/ballast") == 4096);
  CHECK(fs::file_size(precious) == 8);
}

TEST_CASE("What was written is found again, and the incarnation rises with every start") {
  const TempDir dir;
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  history.view(2, 1);
  history.send(ann, ann, "note to self");
  {
    const auto log = open_log(dir.path());
    const LogWrite writes[] = {
        {.promised = Epoch{2, server_id(1)}},
        {.identity = std::pair(Incarnation{1, 99}, false)},
        {.entries = history.entries(), .commit = seq(3)},
    };
    must(log->write(writes));
    CHECK(log->last() == seq(4));
    CHECK(log->commit() == seq(3));
  }
  const auto log = open_log(dir.path());
  CHECK(log->start().promised == Epoch{2, server_id(1)});
  CHECK(log->start().incarnation == Incarnation{2, 99});
  CHECK_FALSE(log->start().lost_disk);
  CHECK(log->start().commit == seq(3));
  CHECK(log->start().tail == history.entries());
  REQUIRE(log->start().views.size() == 2);
  CHECK(log->start().views[1].at == Position{{2, server_id(1)}, seq(3)});
  CHECK(log->start().views[1].view.leader == server_id(1));
  CHECK(must(log->read(seq(2), seq(3), 1 << 20)) ==
        std::vector<Entry>{history.entries()[1], history.entries()[2]});
  CHECK(must(log->read(seq(1), seq(4), 1)).size() == 1);
  CHECK(log->read(seq(5), seq(9), 1).error().code == Errc::not_found);
}

TEST_CASE("The tail holds at least everything above the commit hint") {
  const TempDir dir;
  History history;
  history.view(1);
  for (int i = 0; i < 50; ++i) history.register_account("user" + std::to_string(i));
  LogOptions options = log_options(dir.path());
  options.tail_bytes = 1;
  {
    const auto log = must(Log::open(options));
    const LogWrite write{.entries = history.entries(), .commit = seq(40)};
    must(log->write({&write, 1}));
  }
  const auto log = must(Log::open(options));
  CHECK(log->start().tail.front().seq <= seq(41));
  CHECK(log->start().tail.back() == history.entries().back());
}

TEST_CASE("A cut removes entries and views, and lowers the commit hint where it must") {
  const TempDir dir;
  History history;
  history.view(1);
  history.register_account("ann");
  history.view(2);
  history.register_account("bob");
  const auto log = open_log(dir.path());
  write_all(*log, history);
  CHECK(log->commit() == seq(4));

  history.cut(seq(1));
  history.view(3, 1);
  const LogWrite write{.cut_after = seq(1), .entries = history.above(seq(1)), .commit = seq(1)};
  must(log->write({&write, 1}));
  CHECK(log->last() == seq(2));
  CHECK(log->commit() == seq(1));
  CHECK(must(log->read(seq(1), seq(9), 1 << 20)) == history.entries());
  const LogWrite empty{.cut_after = seq(0), .commit = seq(7)};
  must(log->write({&empty, 1}));
  CHECK(log->last() == seq(0));
  CHECK(log->commit() == seq(0));
}

TEST_CASE("Views that were cut are gone after a restart") {
  const TempDir dir;
  History history;
  history.view(1);
  history.view(2);
  {
    const auto log = open_log(dir.path());
    write_all(*log, history);
    const LogWrite cut{.cut_after = seq(1)};
    must(log->write({&cut, 1}));
  }
  CHECK(open_log(dir.path())->start().views.size() == 1);
}

TEST_CASE("A directory belongs to one process and one server") {
  const TempDir dir;
  LogOptions options = log_options(dir.path());
  {
    const auto log = must(Log::open(options));
    const auto second = Log::open(options);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::in_use);
    CHECK_THAT(second.error().text, Catch::Contains(dir.path().string()));
    CHECK_THAT(second.error().text, Catch::Contains(std::to_string(::getpid())));
  }
  options.identity.server = server_id(1);
  const auto wrong = Log::open(options);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Errc::wrong_identity);
  CHECK_THAT(wrong.error().text, Catch::Contains("server 2"));
}

TEST_CASE("Another process reads a log while it is written, and when nobody writes it") {
  const TempDir dir;
  History history;
  history.view(1);
  history.register_account("ann");
  auto log = open_log(dir.path());
  write_all(*log, history);
  const auto read_elsewhere = [&dir](std::uint64_t expected) {
    const pid_t child = ::fork();
    if (child == 0) {
      // Own fork: the environment of the parent must not be touched, so a new program is needed.
      const std::string count = std::to_string(expected);
      ::execl(STORE_READER, STORE_READER, dir.path().c_str(), count.c_str(), nullptr);
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  CHECK(read_elsewhere(2) == 0);
  history.register_account("bob");
  write_all(*log, history);
  CHECK(read_elsewhere(3) == 0);
  log.reset();
  CHECK(read_elsewhere(3) == 0);
  CHECK(Log::open_to_read(dir / "nowhere").error().code == Errc::not_found);
}

TEST_CASE("Erased texts are gone, their hashes stay, the chain holds") {
  const TempDir dir;
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  history.send(ann, ann, "a secret that must go");
  history.send(ann, ann, "kept");
  {
    const auto log = open_log(dir.path());
    write_all(*log, history);
    const Seq seqs[] = {seq(3), seq(3), seq(77)};
    must(log->erase_texts(seqs));
    must(log->erase_texts(seqs));
  }
  const auto log = open_log(dir.path());
  const auto entries = must(log->read(seq(3), seq(4), 1 << 20));
  CHECK(entries[0].erased);
  CHECK(entries[0].text.empty());
  CHECK(entries[0].text_hash == history.entries()[2].text_hash);
  CHECK(entries[0].hash == history.entries()[2].hash);
  CHECK(entries[1] == history.entries()[3]);
}

TEST_CASE("The map grows when it is full") {
  const TempDir dir;
  LogOptions options = log_options(dir.path());
  options.map_bytes = 256 << 10;
  const auto log = must(Log::open(options));
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  for (int i = 0; i < 400; ++i) {
    history.send(ann, ann, std::string(4000, 'x'));
    if (i % 40 == 0) write_all(*log, history);
  }
  write_all(*log, history);
  CHECK(log->size().file_bytes > 1 << 20);
  CHECK(log->size().used_bytes > 1 << 20);
  CHECK(must(log->read(seq(1), history.last(), 64 << 20)) == history.entries());
}

TEST_CASE("A copy opens as a log of its own") {
  const TempDir dir;
  History history;
  history.view(1);
  history.register_account("ann");
  const auto log = open_log(dir / "a");
  write_all(*log, history);
  must(log->copy(dir / "b/log"));
  CHECK(log->copy(dir / "b/log").error().code == Errc::invalid);
  const auto copy = must(Log::open_to_read(dir / "b"));
  CHECK(must(copy->read(seq(1), seq(2), 1 << 20)) == history.entries());
  CHECK(copy->identity() == log->identity());
  CHECK(copy->commit() == seq(2));
}

}  // namespace chat262::store::test

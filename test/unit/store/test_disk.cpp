// Full disks and killed writers, for real.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "history.hpp"

namespace chat262::store::test {

namespace fs = std::filesystem;

namespace {

// A small file system of its own; mounted() is false where that is not permitted.
class SmallDisk {
 public:
  explicit SmallDisk(const char* size) {
    const std::string options = std::string("mode=0700,size=") + size;
    mounted_ = ::mount("chat262-test", dir_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) WARN("skipped: mounting a tmpfs is not permitted here");
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const fs::path& path() const { return dir_.path(); }

  // Leaves about `left` bytes free.
  void fill(std::uint64_t left) {
    const auto free = fs::space(path()).available;
    std::ofstream file(path() / "filler", std::ios::app | std::ios::binary);
    const std::string block(4096, 'f');
    for (std::uint64_t bytes = left; bytes < free; bytes += block.size()) file << block;
  }
  void empty() { fs::remove(path() / "filler"); }

 private:
  TempDir dir_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("A full disk: entries are refused, promises and cuts still work, room comes back") {
  SmallDisk disk("48m");
  if (!disk.mounted()) return;
  LogOptions options = log_options(disk.path());
  options.ballast_bytes = 4 << 20;
  options.room_bytes = 8 << 20;
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  Seq acknowledged{};
  {
    const auto log = must(Log::open(options));
    write_all(*log, history);
    Result<void> done;
    while (done) {  // until nothing more fits
      acknowledged = log->last();
      for (int i = 0; i < 64; ++i) history.send(ann, ann, std::string(8000, 'x'));
      const LogWrite write{.entries = history.above(log->last()), .commit = history.last()};
      done = log->write({&write, 1});
    }
    CHECK(done.error().code == Errc::disk_full);
    CHECK(log->last() == acknowledged);
    disk.fill(0);
    CHECK_FALSE(log->room());
    const LogWrite more{.entries = history.above(log->last())};
    CHECK(log->write({&more, 1}).error().code == Errc::disk_full);
    const LogWrite promise{.promised = Epoch{9, server_id(1)}};
    must(log->write({&promise, 1}));
    const LogWrite cut{.cut_after = acknowledged.previous(), .commit = acknowledged};
    must(log->write({&cut, 1}));
    CHECK(must(log->read(seq(1), seq(2), 1 << 20)).size() == 2);
    disk.empty();
    fs::remove(disk.path() / "ballast");
  }
  const auto log = must(Log::open(options));
  CHECK(log->start().promised == Epoch{9, server_id(1)});
  CHECK(log->last() == acknowledged.previous());
}

TEST_CASE("When there is room again, entries are written again") {
  SmallDisk disk("64m");
  if (!disk.mounted()) return;
  LogOptions options = log_options(disk.path());
  options.ballast_bytes = 4 << 20;
  options.room_bytes = 8 << 20;
  const auto log = must(Log::open(options));
  History history;
  history.view(1);
  write_all(*log, history);
  CHECK(fs::exists(disk.path() / "ballast"));
  disk.fill(1 << 20);
  history.register_account("ann");
  const LogWrite write{.entries = history.above(seq(1)), .commit = seq(2)};
  CHECK(log->write({&write, 1}).error().code == Errc::disk_full);
  CHECK_FALSE(log->room());
  CHECK_FALSE(fs::exists(disk.path() / "ballast"));
  disk.empty();
  CHECK(log->room());
  CHECK(fs::exists(disk.path() / "ballast"));
  must(log->write({&write, 1}));
  CHECK(must(log->read(seq(1), seq(2), 1 << 20)) == history.entries());
}

TEST_CASE("The tables' map stays as it is while the log waits for room") {
  SmallDisk disk("64m");
  if (!disk.mounted()) return;
  LogOptions options = log_options(disk.path());
  options.ballast_bytes = 1 << 20;
  options.room_bytes = 40 << 20;
  const auto log = must(Log::open(options));
  const auto tables = open_tables(disk.path(), *log);
  History history;
  history.view(1);
  history.register_account("ann");
  write_all(*log, history);
  apply_all(*tables, history);
  disk.fill(0);
  REQUIRE(!log->room());
  disk.empty();
  disk.fill(20 << 20);            // plenty for the tables, not yet room for the log
  for (int i = 0; i < 60; ++i) {  // doubled each time, no address space would hold it
    REQUIRE(tables->seal(history.last()));
    CHECK(tables->write_behind(*log).error().code == Errc::disk_full);
  }
  disk.empty();
  REQUIRE(tables->seal(history.last()));
  must(tables->write_behind(*log));
}

TEST_CASE("Tables on a full disk keep their generation and write it later") {
  SmallDisk disk("64m");
  if (!disk.mounted()) return;
  LogOptions options = log_options(disk.path());
  options.ballast_bytes = 1 << 20;
  options.room_bytes = 2 << 20;
  const auto log = must(Log::open(options));
  const auto tables = open_tables(disk.path(), *log);
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  for (int i = 0; i < 2000; ++i) history.send(ann, ann, "text");
  write_all(*log, history);
  apply_all(*tables, history);
  const Hash digest = tables->digest();
  disk.fill(0);
  REQUIRE(tables->seal(history.last()));
  CHECK(tables->write_behind(*log).error().code == Errc::disk_full);
  CHECK(tables->durable() == seq(0));
  CHECK(tables->digest() == digest);
  disk.empty();
  REQUIRE(tables->seal(history.last()));
  must(tables->write_behind(*log));
  tables->settle();
  CHECK(tables->durable() == history.last());
  CHECK(tables->digest() == digest);
}

TEST_CASE("A disk that fills up under LMDB's own hands leaves the log as it was") {
  SmallDisk disk("64m");
  if (!disk.mounted()) return;
  LogOptions options = log_options(disk.path());
  options.ballast_bytes = 1 << 20;
  const auto log = must(Log::open(options));
  const auto tables = open_tables(disk.path(), *log);
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  for (int i = 0; i < 60'000; ++i) history.send(ann, ann, "");
  // Too much for the disk, although there was room for it when the write began.
  apply_all(*tables, history);
  disk.fill(5 << 20);
  REQUIRE(log->room());
  REQUIRE(tables->seal(history.last()));
  const auto done = tables->write_behind(*log);
  CHECK(done.error().code == Errc::disk_full);
  disk.empty();
  REQUIRE(tables->seal(history.last()));
  must(tables->write_behind(*log));
  tables->settle();
  CHECK(tables->durable() == history.last());
}

TEST_CASE("A writer killed at any moment leaves a whole log and fitting tables") {
  const TempDir dir;
  Seq before{};
  for (int round = 0; round < 8; ++round) {
    int acknowledged[2];
    REQUIRE(::pipe2(acknowledged, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::dup2(acknowledged[1], STDOUT_FILENO);
      ::execl(STORE_WRITER, STORE_WRITER, dir.path().c_str(), nullptr);
      ::_exit(127);
    }
    ::close(acknowledged[1]);
    // Each seq it says is on disk; killed after some of them, in the middle of the next.
    std::uint64_t last = 0;
    for (int i = 0; i < 20 + 7 * round; ++i) {
      REQUIRE(::read(acknowledged[0], &last, sizeof last) == sizeof last);
    }
    ::kill(child, SIGKILL);
    std::uint64_t later = 0;
    while (::read(acknowledged[0], &later, sizeof later) == sizeof later) last = later;
    ::close(acknowledged[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));

    const auto log = open_log(dir.path());
    CHECK(log->last() >= seq(last));
    CHECK(log->last() > before);
    before = log->last();
    CHECK(log->start().incarnation.counter == static_cast<unsigned>(2 * round + 2));
    // read() verifies the chain.
    const auto entries = must(log->read(seq(1), log->last(), 1 << 30));
    REQUIRE(entries.size() == log->last().value);
    const auto tables = open_tables(dir.path(), *log);
    CHECK(tables->applied() > seq(0));
    for (const Entry& entry : entries) {
      if (entry.seq > tables->applied()) must(tables->apply(entry));
    }
    const TempDir elsewhere;
    const auto anew = open_tables(elsewhere.path(), *log);
    for (const Entry& entry : entries) must(anew->apply(entry));
    CHECK(tables->digest() == anew->digest());
  }
}

}  // namespace chat262::store::test

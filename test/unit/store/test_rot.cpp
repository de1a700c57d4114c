// Flipped bits at rest: every one is harmless, found and repaired, or refused; none is served.
//
// Each flip is tried in a process of its own: LMDB trusts its file, and may crash on a running
// server's damaged page. The next start must then find it.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>

#include "history.hpp"
#include "store/bytes.hpp"
#include "store/pages.hpp"

namespace chat262::store::test {

namespace {

namespace fs = std::filesystem;

// How a flip ended. Also the exit code of the process that tried it.
enum Outcome : int {
  harmless = 10,
  repaired = 11,
  as_old_copy = 12,  // repaired, but does not count until the others have brought it up to date
  set_aside = 13,    // a good prefix is left, the rest is in a directory of its own
  refused = 14,      // does not open, and says why
  rebuilt = 15,      // tables
  // What must never be:
  served_wrong = 20,
  not_repaired = 21,
};
const std::map<int, const char*> names{
    {harmless, "harmless"},         {repaired, "found and repaired"},
    {as_old_copy, "old copy"},      {set_aside, "set aside"},
    {refused, "refused"},           {rebuilt, "tables rebuilt"},
    {served_wrong, "SERVED WRONG"}, {not_repaired, "NOT REPAIRED"},
};

History talk(int messages) {
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  const RoomId room = history.create_room(ann, "lobby");
  for (int i = 0; i < messages; ++i) {
    if (i % 200 == 100) history.view(2 + static_cast<std::uint64_t>(i) / 200);
    // Some texts are longer than a page.
    history.send(ann, room, std::string(i % 50 == 7 ? 9000 : 20 + i % 300, 'a' + i % 26));
  }
  return history;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void flip(const fs::path& file, std::size_t byte, unsigned bit) {
  std::fstream io(file, std::ios::binary | std::ios::in | std::ios::out);
  io.seekg(static_cast<std::streamoff>(byte));
  const char old = static_cast<char>(io.get());
  io.seekp(static_cast<std::streamoff>(byte));
  io.put(static_cast<char>(old ^ static_cast<char>(1U << bit)));
}

// Runs `what` in a process of its own; its exit code, or minus the signal that ended it.
int in_child(const std::function<int()>& what) {
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(what());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// What a peer that has everything does for a server whose entry `at` is damaged.
Result<std::size_t> repair_from(Log& log, const History& good, Seq at) {
  const std::uint64_t from = at.value > 1 ? at.value - 2 : 0;  // index of the first
  for (std::size_t count = 16;; count *= 4) {
    const std::size_t end = std::min(good.entries().size(), from + count);
    const Hash previous = from == 0 ? Hash{} : good.entries()[from - 1].hash;
    auto done = log.repair(previous, std::span(good.entries()).subspan(from, end - from));
    if (done || done.error().code != Errc::not_found || end == good.entries().size()) return done;
  }
}

// Brings the log up and reads all of it, with the help of a peer where there is damage.
int read_all(Log& log, const History& good, Outcome best) {
  Outcome outcome = best;
  for (int tries = 0; log.start().damage; ++tries) {
    if (tries > 200) return not_repaired;
    if (!repair_from(log, good, log.start().damage->from)) {
      if (!log.set_damage_aside()) return not_repaired;
      outcome = set_aside;
      continue;
    }
    outcome = std::max(outcome, repaired);
    if (!log.read_start_again()) return not_repaired;
  }
  if (outcome != set_aside && log.last() != good.last()) return served_wrong;
  for (Seq at = seq(1); at <= log.last();) {
    const auto entries = log.read(at, log.last(), 64 << 10);
    if (!entries) {
      if (entries.error().code != Errc::corrupt) return not_repaired;
      const auto done = repair_from(log, good, at);

      if (!done || *done == 0) return not_repaired;
      outcome = std::max(outcome, repaired);
      continue;
    }
    for (const Entry& entry : *entries) {
      if (entry != good.entries()[entry.seq.value - 1]) return served_wrong;
    }
    at = entries->back().seq.next();
  }
  return outcome;
}

// A start, and everything that it can serve.
int start_and_read(const fs::path& directory, const History& good) {
  auto log = Log::open(log_options(directory));
  if (!log) return refused;
  const auto notes = (*log)->start().notes.size();
  int outcome = read_all(**log, good, notes > 0 ? repaired : harmless);
  const LogStart& start = (*log)->start();
  if (outcome == harmless || outcome == repaired) {
    std::size_t views = 0;
    for (const Entry& entry : good.entries()) views += entry.kind == EntryKind::view ? 1 : 0;
    const bool whole = start.promised == Epoch{9, server_id(1)} && start.commit == good.last() &&
                       start.views.size() == views && start.tail.back() == good.entries().back();
    if (!whole) return served_wrong;
    if (start.lost_disk) outcome = as_old_copy;
  }
  // It goes on from there, and is whole at the next start.
  History more = good;
  more.cut((*log)->last());
  more.view(10);
  const LogWrite write{.entries = more.above((*log)->last()), .commit = more.last()};
  if (!(*log)->write({&write, 1})) return not_repaired;
  log->reset();
  log = Log::open(log_options(directory));
  if (!log || (*log)->start().damage || (*log)->last() != more.last()) return not_repaired;
  return read_all(**log, more, harmless) == harmless ? outcome : not_repaired;
}

class Template {
 public:
  explicit Template(const fs::path& directory) : history(talk(1000)) {
    const auto log = open_log(directory);
    for (std::size_t upto = 100; upto < history.entries().size() + 100; upto += 100) {
      History part = history;
      part.cut(seq(std::min(upto, history.entries().size())));
      const LogWrite write{.promised = Epoch{9, server_id(1)},
                           .identity = std::pair(log->start().incarnation, false),
                           .entries = part.above(log->last()),
                           .commit = part.last()};
      must(log->write({&write, 1}));
    }
  }
  const History history;
};

void show(const char* what, const std::map<int, int>& tally) {
  std::cout << what << ":";
  for (const auto& [outcome, count] : tally) {
    if (outcome < 0) {
      std::cout << "  crashed (signal " << -outcome << "), found at the next start " << count;
    } else {
      std::cout << "  " << (names.contains(outcome) ? names.at(outcome) : "?") << " " << count;
    }
  }
  std::cout << "\n";
}

// Where to flip: anywhere, or (for every third) where there is structure: heads of pages.
std::pair<std::size_t, unsigned> place(std::mt19937& random, std::size_t size, int n) {
  std::size_t byte = random() % size;
  if (n % 3 == 1) byte = byte / 4096 * 4096 + random() % 64;
  if (n % 3 == 2) byte = random() % 8192;  // the two head pages
  return {byte, static_cast<unsigned>(random() % 8)};
}

constexpr int flips = 400;

// Hundreds of starts: in memory where there is such a file system.
fs::path quick_directory() {
  std::error_code error;
  const fs::path memory = "/dev/shm";
  return fs::is_directory(memory, error) ? memory : fs::temp_directory_path();
}

}  // namespace

TEST_CASE("A flipped bit in a log at rest is never served") {
  const TempDir dir(quick_directory());
  const Template whole(dir / "whole");
  const std::string good = content(dir / "whole/log/data.mdb");
  std::mt19937 random(262);
  std::map<int, int> tally;
  for (int n = 0; n < flips; ++n) {
    const auto [byte, bit] = place(random, good.size(), n);
    const fs::path copy = dir / "copy";
    fs::remove_all(copy);
    fs::create_directories(copy / "log");
    std::ofstream(copy / "log/data.mdb", std::ios::binary) << good;
    flip(copy / "log/data.mdb", byte, bit);
    const int outcome = in_child([&] { return start_and_read(copy, whole.history); });
    INFO("flip " << n << ": byte " << byte << " bit " << bit << " outcome " << outcome);
    CHECK(outcome >= harmless);
    CHECK(outcome < served_wrong);
    CHECK(outcome != refused);  // one flip alone never costs a server its log
    CHECK(outcome != set_aside);
    ++tally[outcome];
  }
  show("log at rest", tally);
}

TEST_CASE("A bit that flips under a running server is never served") {
  const TempDir dir(quick_directory());
  const Template whole(dir / "whole");
  const std::string good = content(dir / "whole/log/data.mdb");
  std::mt19937 random(263);
  std::map<int, int> tally;
  for (int n = 0; n < flips / 2; ++n) {
    const auto [byte, bit] = place(random, good.size(), 3 * n);
    const fs::path copy = dir / "copy";
    fs::remove_all(copy);
    fs::create_directories(copy / "log");
    std::ofstream(copy / "log/data.mdb", std::ios::binary) << good;
    const auto run = [&, byte = byte, bit = bit]() -> int {
      auto log = Log::open(log_options(copy));
      if (!log) return not_repaired;
      flip(copy / "log/data.mdb", byte, bit);
      return read_all(**log, whole.history, harmless);
    };
    const int outcome = in_child(run);
    INFO("flip " << n << ": byte " << byte << " bit " << bit << " outcome " << outcome);
    CHECK(outcome != served_wrong);
    ++tally[outcome];
    // Whatever it was, the next start is a good one.

    const int next = in_child([&] { return start_and_read(copy, whole.history); });
    INFO("next start " << next);
    CHECK(next >= harmless);
    CHECK(next < refused);
  }
  show("log in use", tally);
}

TEST_CASE("A damaged entry is repaired although this log and the peer's part above it") {
  const std::string victim(40, 'v');
  History common = talk(10);
  common.operation(op::SendMessage{}, victim);
  const Seq damaged = common.last();
  common.operation(op::SendMessage{}, "after it");
  History peer = common;
  peer.view(2, 1);
  peer.operation(op::SendMessage{}, "theirs");
  History own = common;
  own.set_client(3);
  const int longer = GENERATE(1, 2, 3);  // than what is common; the peer's is so by two
  for (int i = 0; i < longer; ++i) own.operation(op::SendMessage{}, "ours");

  const TempDir dir;
  auto log = must(Log::open(log_options(dir / "s")));
  must(log->write(std::array{LogWrite{.entries = own.entries(), .commit = damaged}}));
  const auto file = dir / "s/log/data.mdb";
  flip(file, content(file).find(victim), 0);
  CHECK_FALSE(log->read(damaged, damaged, 1));
  CHECK(must(repair_from(*log, peer, damaged)) == 1);
  CHECK(must(log->read(seq(1), own.last(), 1 << 20)) == own.entries());
}

TEST_CASE("A log whose structure is damaged is not read, and what to do is said") {
  const TempDir dir;
  const History history = talk(300);
  write_all(*open_log(dir.path()), history);
  const fs::path file = dir.path() / "log/data.mdb";
  for (std::uintmax_t page = 2; page < fs::file_size(file) / 4096; page += 2) {
    for (std::size_t byte = 8; byte < 24; ++byte) flip(file, page * 4096 + byte, 3);
  }
  const auto log = Log::open_to_read(dir.path());
  REQUIRE_FALSE(log);
  CHECK(log.error().code == Errc::corrupt);
  CHECK(log.error().text.find("the structure of its file") != std::string::npos);
}

TEST_CASE("A flipped bit in the tables at rest is found, and the tables are made anew") {
  const TempDir dir(quick_directory());
  const Template whole(dir / "whole");
  Hash digest{};
  {
    const auto log = open_log(dir / "whole");
    const auto tables = open_tables(dir / "whole", *log);
    apply_all(*tables, whole.history);
    flush(*tables, *log, whole.history.last());
    digest = tables->digest();
  }
  const std::string good = content(dir / "whole/tables/data.mdb");
  std::mt19937 random(264);
  std::map<int, int> tally;
  for (int n = 0; n < flips / 2; ++n) {
    const auto [byte, bit] = place(random, good.size(), n);
    {
      fs::remove_all(dir / "whole/tables");
      fs::create_directories(dir / "whole/tables");
      std::ofstream(dir / "whole/tables/data.mdb", std::ios::binary) << good;
    }
    flip(dir / "whole/tables/data.mdb", byte, bit);
    const int outcome = in_child([&]() -> int {
      const auto log = open_log(dir / "whole");
      const auto tables = open_tables(dir / "whole", *log);
      Outcome found = tables->applied() == Seq{} ? rebuilt : harmless;
      apply_all(*tables, whole.history);
      Hash now = tables->digest();
      if (tables->fault()) {
        if (tables->fault()->code != Errc::corrupt || !tables->revert_to(Seq{}))
          return not_repaired;
        found = rebuilt;
        apply_all(*tables, whole.history);
        now = tables->digest();
      }
      return now == digest ? found : served_wrong;
    });
    INFO("flip " << n << ": byte " << byte << " bit " << bit << " outcome " << outcome);
    CHECK((outcome == harmless || outcome == rebuilt));
    ++tally[outcome];
  }
  show("tables at rest", tally);
}

}  // namespace chat262::store::test

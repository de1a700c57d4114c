#include <fstream>

#include "history.hpp"
#include "store/backup.hpp"

namespace chat262::store::test {

namespace fs = std::filesystem;

namespace {

History short_history() {
  History history;
  history.view(1);
  const AccountId ann = history.register_account("ann");
  for (int i = 0; i < 20; ++i) history.send(ann, ann, "text " + std::to_string(i));
  return history;
}

// A server that stopped with two entries that are not known to be committed.
Manifest backup_of_stopped(const TempDir& dir, const History& history) {
  {
    const auto log = open_log(dir / "data");
    const LogWrite write{.promised = Epoch{4, server_id(0)},
                         .entries = history.entries(),
                         .commit = seq(history.last().value - 2)};
    must(log->write({&write, 1}));
  }
  return must(backup(dir / "data", dir / "backup"));
}

}  // namespace

TEST_CASE("A backup says what is in it") {
  const TempDir dir;
  const History history = short_history();
  const Manifest manifest = backup_of_stopped(dir, history);
  CHECK(manifest.last == history.last());
  CHECK(manifest.commit == seq(history.last().value - 2));
  CHECK(manifest.hash == history.entries()[manifest.commit.value - 1].hash);
  CHECK(manifest.identity.server == server_id(2));
  CHECK(must(read_manifest(dir / "backup")) == manifest);
  CHECK(backup(dir / "data", dir / "backup").error().code == Errc::invalid);
  CHECK(backup(dir / "nowhere", dir / "other").error().code == Errc::not_found);
  CHECK(read_manifest(dir / "data").error().code == Errc::not_found);
}

TEST_CASE("A running server's log is copied and completed") {
  const TempDir dir;
  const History history = short_history();
  const auto log = open_log(dir / "data");
  write_all(*log, history);
  must(log->copy(dir / "backup/log"));
  const Manifest manifest = must(complete_backup(dir / "backup"));
  CHECK(manifest.commit == history.last());
}

TEST_CASE("A new cluster begins with the committed part, and can lead alone") {
  const TempDir dir;
  const History history = short_history();
  const Manifest manifest = backup_of_stopped(dir, history);
  const Identity identity{ClusterId{{1, 2, 3}}, server_id(0)};
  CHECK(restore_new_cluster(dir / "backup", dir / "new", manifest.identity).error().code ==
        Errc::invalid);
  must(restore_new_cluster(dir / "backup", dir / "new", identity));
  CHECK(restore_new_cluster(dir / "backup", dir / "new", identity).error().code == Errc::invalid);

  LogOptions options = log_options(dir / "new");
  options.identity = identity;
  const auto log = must(Log::open(options));
  CHECK(log->last() == manifest.commit.next());
  CHECK(log->commit() == log->last());
  CHECK_FALSE(log->start().lost_disk);
  const PlacedView& view = log->start().views.back();
  CHECK(view.at == Position{{5, server_id(0)}, log->last()});
  REQUIRE(view.view.members.size() == 1);
  CHECK(view.view.members[0].server == server_id(0));
  CHECK(log->start().promised == view.at.epoch);
  const auto entries = must(log->read(seq(1), manifest.commit, 1 << 20));
  CHECK(entries.size() == manifest.commit.value);
  CHECK(entries.back() == history.entries()[manifest.commit.value - 1]);
  const auto tables = open_tables(dir / "new", *log);
  for (const Entry& entry : must(log->read(seq(1), log->last(), 1 << 20))) {
    must(tables->apply(entry));
  }
  CHECK(tables->account_named("ann"));
}

TEST_CASE("A restored server of the same cluster is marked: its disk was lost") {
  const TempDir dir;
  const Manifest manifest = backup_of_stopped(dir, short_history());
  const Identity other{ClusterId{{1, 2, 3}}, server_id(0)};
  CHECK(restore_server(dir / "backup", dir / "new", other).error().code == Errc::wrong_identity);
  const Identity identity{manifest.identity.cluster, server_id(1)};
  must(restore_server(dir / "backup", dir / "new", identity));
  LogOptions options = log_options(dir / "new");
  options.identity = identity;
  const auto log = must(Log::open(options));
  CHECK(log->start().lost_disk);
  CHECK(log->last() == manifest.commit);
}

TEST_CASE("A backup that does not fit its manifest is refused") {
  const TempDir dir;
  const Manifest manifest = backup_of_stopped(dir, short_history());
  std::string text;
  {
    std::ifstream file(dir / "backup/manifest");
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto at = text.find("hash ") + 5;
  text[at] = text[at] == '0' ? '1' : '0';
  std::ofstream(dir / "backup/manifest") << text;
  const auto restored = restore_server(dir / "backup", dir / "new", manifest.identity);
  REQUIRE_FALSE(restored);
  CHECK(restored.error().code == Errc::corrupt);
  CHECK_THAT(restored.error().text, Catch::Contains("remove it") || Catch::Contains("another"));
}

}  // namespace chat262::store::test

#include "store/backup.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>

#include "store/data_directory.hpp"
#include "store/disk_log.hpp"
#include "store/hex.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr const char* manifest_name = "manifest";
constexpr std::size_t piece_bytes = 4 << 20;

bool from_decimal(const std::string& text, std::uint64_t& value) {
  if (text.empty() || text.size() > 19) return false;
  value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return true;
}

Result<void> require_empty(const fs::path& directory, const char* what) {
  std::error_code error;
  if (!fs::exists(directory, error) || fs::is_empty(directory, error)) return {};
  return fail(Errc::invalid, std::string(what) + " " + directory.string() +
                                 " is not empty: name a new directory, or move this one away");
}

// Reads the log from start to `to`: every record and the whole chain. The hash at `to`.
Result<Hash> verify(const Log& log, Seq to) {
  Hash hash{};
  for (Seq at = seq(1); at <= to;) {
    auto entries = log.read(at, to, piece_bytes);
    if (!entries) return tl::unexpected(entries.error());
    hash = entries->back().hash;
    at = entries->back().seq.next();
  }
  return hash;
}

Result<void> write_manifest(const fs::path& directory, const Manifest& manifest) {
  const fs::path temporary = directory / "manifest.new";
  std::FILE* file = std::fopen(temporary.c_str(), "we");
  const auto failed = [&] {
    if (file != nullptr) std::fclose(file);
    return fail(Errc::system, temporary.string() + " cannot be written: is the disk full?");
  };
  if (file == nullptr) return failed();
  const std::string text = "chat262-backup 1\nformat " + std::to_string(format_version) +
                           "\ncluster " + hex(manifest.identity.cluster.bytes) + "\nserver " +
                           std::to_string(manifest.identity.server.value) + "\nlast " +
                           std::to_string(manifest.last.value) + "\ncommit " +
                           std::to_string(manifest.commit.value) + "\nhash " +
                           hex(manifest.hash.bytes) + "\nsoftware " + manifest.software + "\n";
  if (std::fputs(text.c_str(), file) < 0 || std::fflush(file) != 0 ||
      ::fsync(::fileno(file)) != 0) {
    return failed();
  }
  std::fclose(file);
  std::error_code error;
  fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write, error);
  fs::rename(temporary, directory / manifest_name, error);
  if (error) return fail(Errc::system, directory.string() + ": " + error.message());
  return sync_directory(directory);
}

// The log of the backup, in a new data directory, as that of `identity`.
Result<std::unique_ptr<Log>> copy_log(const fs::path& from, const fs::path& to,
                                      const Manifest& manifest, const Identity& identity) {
  {
    auto source = Log::open_to_read(from);
    if (!source) return tl::unexpected(source.error());
    auto hash = verify(**source, manifest.commit);
    if (!hash) return tl::unexpected(hash.error());
    if (*hash != manifest.hash) {
      return fail(Errc::corrupt, from.string() +
                                     ": the log is not the one of its manifest: take another "
                                     "backup, or restore an older one");
    }
    auto copied = make_directory(to).and_then([&] { return (*source)->copy(to / "log"); });
    if (!copied) return tl::unexpected(copied.error());
  }
  if (auto done = DiskLog::give_identity(to, identity); !done) return tl::unexpected(done.error());
  LogOptions options;
  options.directory = to;
  options.identity = identity;
  return Log::open(options);
}

Result<void> copy_done(Result<void> result, const fs::path& directory) {
  if (result) return result;
  return fail(result.error().code, result.error().text + " (what was copied to " +
                                       directory.string() + " is of no use: remove it)");
}

}  // namespace

Result<Manifest> backup(const fs::path& data_directory, const fs::path& to) {
  if (auto empty = require_empty(to, "the backup directory"); !empty) {
    return tl::unexpected(empty.error());
  }
  {
    auto source = Log::open_to_read(data_directory);
    if (!source) return tl::unexpected(source.error());
    auto copied = make_directory(to).and_then([&] { return (*source)->copy(to / "log"); });
    if (!copied) return tl::unexpected(copy_done(copied, to).error());
  }
  return complete_backup(to);
}

Result<Manifest> complete_backup(const fs::path& to) {
  auto copy = Log::open_to_read(to);
  if (!copy) return tl::unexpected(copy.error());
  Manifest manifest{.identity = (*copy)->identity(),
                    .last = (*copy)->last(),
                    .commit = (*copy)->commit(),
                    .software = "chat262 " CHAT262_VERSION};
  auto hash = verify(**copy, manifest.commit);
  if (!hash) return tl::unexpected(hash.error());
  manifest.hash = *hash;
  auto written = write_manifest(to, manifest);
  if (!written) return tl::unexpected(written.error());
  return manifest;
}

Result<Manifest> read_manifest(const fs::path& backup_directory) {
  const fs::path path = backup_directory / manifest_name;
  std::ifstream file(path);
  if (!file) {
    return fail(Errc::not_found, backup_directory.string() +
                                     " is not a backup, or one that was not finished: it has no "
                                     "file `manifest`");
  }
  std::map<std::string, std::string> fields;
  for (std::string line; std::getline(file, line);) {
    const auto space = std::min(line.find(' '), line.size());
    fields[line.substr(0, space)] = space < line.size() ? line.substr(space + 1) : "";
  }
  if (fields["chat262-backup"] != "1" || fields["format"] != std::to_string(format_version)) {
    return fail(Errc::wrong_format,
                path.string() + ": a backup of another version of chat262: restore it with that");
  }
  Manifest manifest;
  std::uint64_t server = 0;
  if (!from_hex(fields["cluster"], manifest.identity.cluster.bytes) ||
      !from_decimal(fields["server"], server) || server > 255 ||
      !from_decimal(fields["last"], manifest.last.value) ||
      !from_decimal(fields["commit"], manifest.commit.value) ||
      !from_hex(fields["hash"], manifest.hash.bytes)) {
    return fail(Errc::malformed, path.string() + ": damaged manifest");
  }
  manifest.identity.server.value = static_cast<std::uint8_t>(server);
  manifest.software = fields["software"];
  return manifest;
}

Result<void> restore_new_cluster(const fs::path& backup_directory, const fs::path& data_directory,
                                 const Identity& identity) {
  if (auto empty = require_empty(data_directory, "the data directory"); !empty) return empty;
  auto manifest = read_manifest(backup_directory);
  if (!manifest) return tl::unexpected(manifest.error());
  if (identity.cluster == manifest->identity.cluster) {
    return fail(Errc::invalid,
                "a new cluster needs an id of its own: servers of the old one must not join it "
                "(to bring back one server of the old cluster, restore that server instead)");
  }
  auto log = copy_log(backup_directory, data_directory, *manifest, identity);
  if (!log) return copy_done(tl::unexpected(log.error()), data_directory);
  // A view of its own epoch, with this server alone: it needs nobody to lead, and everybody else
  // has a log that it can bring up to date.
  const LogStart& start = (*log)->start();
  const Incarnation incarnation = start.incarnation;
  LogWrite write;
  write.cut_after = manifest->commit;
  std::uint64_t counter = start.promised.counter;
  if (!start.tail.empty()) counter = std::max(counter, start.tail.back().epoch.counter);
  Entry view = make_view_entry(
      {.leader = identity.server, .members = {{identity.server, incarnation}}, .forced = true});
  view.epoch = {counter + 1, identity.server};
  view.seq = manifest->commit.next();
  view.hash = entry_hash(manifest->hash, view);
  write.promised = view.epoch;
  write.identity = std::pair(incarnation, false);
  write.commit = view.seq;
  write.entries.push_back(std::move(view));
  return copy_done((*log)->write({&write, 1}), data_directory);
}

Result<void> restore_server(const fs::path& backup_directory, const fs::path& data_directory,
                            const Identity& identity) {
  if (auto empty = require_empty(data_directory, "the data directory"); !empty) return empty;
  auto manifest = read_manifest(backup_directory);
  if (!manifest) return tl::unexpected(manifest.error());
  if (identity.cluster != manifest->identity.cluster) {
    return fail(Errc::wrong_identity,
                "the backup in " + backup_directory.string() +
                    " is of another cluster: restore it as a new cluster instead");
  }
  auto log = copy_log(backup_directory, data_directory, *manifest, identity);
  if (!log) return copy_done(tl::unexpected(log.error()), data_directory);
  const LogWrite write{.identity = std::pair((*log)->start().incarnation, true),
                       .cut_after = manifest->commit};
  return copy_done((*log)->write({&write, 1}), data_directory);
}

}  // namespace chat262::store

#include "test/support/simulated_log.hpp"

#include <algorithm>

namespace chat262::test {

SimulatedLog::SimulatedLog(Disk& disk, const store::Identity& identity, std::uint64_t more)
    : disk_(disk), identity_(identity) {
  const DiskContent& content = disk_.content;
  start_.promised = content.promised;
  start_.incarnation = content.incarnation;
  start_.lost_disk = content.lost_disk;
  start_.commit = content.commit;
  const auto& entries = content.log.entries();
  for (const Entry& entry : entries) {
    if (entry.kind != EntryKind::view) continue;
    if (auto view = decode_view(entry)) start_.views.push_back({entry.position(), *view});
  }
  if (entries.empty()) return;
  const std::uint64_t kept = std::min(content.commit.value, entries.size() - 1);
  const std::uint64_t skipped = kept - std::min(kept, more);
  start_.tail.assign(entries.begin() + static_cast<std::ptrdiff_t>(skipped), entries.end());
}

Result<void> SimulatedLog::write(std::span<const store::LogWrite> /*writes*/) {
  return fail(Errc::system, "a simulated log is written by its world");
}

Result<std::vector<Entry>> SimulatedLog::read(Seq from, Seq to, std::size_t bytes_max) const {
  std::vector<Entry> found;
  std::size_t bytes = 0;
  for (Seq place = from; place <= to; place = place.next()) {
    const Entry* entry = disk_.content.log.at(place);
    if (entry == nullptr) break;
    bytes += entry->size_bytes();
    if (!found.empty() && bytes > bytes_max) break;
    found.push_back(*entry);
  }
  if (found.empty()) return fail(Errc::not_found, "no entry " + std::to_string(from.value));
  return found;
}

Result<void> SimulatedLog::erase_texts(std::span<const Seq> seqs) {
  for (const Seq place : seqs) disk_.content.log.erase_text(place);
  return {};
}

Result<void> SimulatedLog::copy(const std::filesystem::path& /*to*/) const {
  return fail(Errc::system, "a simulated log is not copied to files");
}

}  // namespace chat262::test

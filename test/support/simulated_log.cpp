#include "test/support/simulated_log.hpp"

#include <algorithm>

#include "test/support/violation.hpp"

namespace chat262::test {

namespace {

tl::unexpected<Error> corrupt(Seq place) {
  return fail(Errc::corrupt, "entry " + std::to_string(place.value) + " is damaged");
}

}  // namespace

SimulatedLog::SimulatedLog(Disk& disk, const store::Identity& identity, std::uint64_t more)
    : disk_(disk), identity_(identity), more_(more) {
  read_start();
}

void SimulatedLog::read_start() {
  const DiskContent& content = disk_.content;
  start_ = {};
  start_.promised = content.promised;
  start_.incarnation = content.incarnation;
  start_.lost_disk = content.lost_disk;
  start_.commit = content.commit;
  for (const Entry& entry : content.log.entries()) {  // the real one keeps copies of the views
    if (entry.kind != EntryKind::view) continue;
    if (auto view = decode_view(entry)) start_.views.push_back({entry.position(), *view});
  }
  if (content.log.last() > Seq{}) read_tail();
}

bool SimulatedLog::can_do_without(Seq damaged) const {
  return damaged.next() <= commit() && damaged.next() < last();
}

void SimulatedLog::read_tail() {
  const std::uint64_t kept = std::min(commit().value, last().value - 1);
  Seq first = seq(kept - std::min(kept, more_) + 1);
  for (Seq place = first; place <= last(); place = place.next()) {
    if (intact(place)) continue;
    if (!can_do_without(place)) {
      start_.damage = store::LogDamage{place, place, "a bit of it has flipped"};
      return;
    }
    first = place.next().next();  // the one above it cannot be checked without it
    place = place.next();
  }
  const auto& entries = disk_.content.log.entries();
  start_.tail.assign(entries.begin() + static_cast<std::ptrdiff_t>(first.value - 1), entries.end());
}

Result<void> SimulatedLog::read_start_again() {
  read_start();
  return {};
}

Result<void> SimulatedLog::write(std::span<const store::LogWrite> /*writes*/) {
  return fail(Errc::system, "a simulated log is written by its world");
}

Result<std::vector<Entry>> SimulatedLog::read(Seq from, Seq to, std::size_t bytes_max) const {
  std::vector<Entry> found;
  std::size_t bytes = 0;
  for (Seq place = from; place <= to && place <= last(); place = place.next()) {
    auto entry = intact(place);
    if (!entry && found.empty()) return tl::unexpected(entry.error());
    if (!entry) break;  // what comes before a damaged entry is good
    bytes += entry->size_bytes();
    if (!found.empty() && bytes > bytes_max) break;
    found.push_back(std::move(*entry));
  }
  if (found.empty()) return fail(Errc::not_found, "no entry " + std::to_string(from.value));
  return found;
}

Result<Entry> SimulatedLog::intact(Seq place) const {
  const DiskContent& content = disk_.content;
  if (place == Seq{}) return fail(Errc::not_found, "no entry 0");
  const bool before = place.value > 1 && content.rotten.contains(place.previous());
  if (!before && !content.rotten.contains(place)) return *content.log.at(place);
  Hash previous{};
  if (place.value > 1) {
    const auto record = content.record(place.previous());
    if (!record) return corrupt(place.previous());
    previous = record->hash;
  }
  auto entry = content.record(place);
  if (!entry || !entry_intact(previous, *entry)) return corrupt(place);
  return entry;
}

// How many of `entries` the record above them, or the end of the log, asks for.
std::size_t SimulatedLog::proved(std::span<const Entry> entries) const {
  for (std::size_t count = entries.size(); count > 0; --count) {
    const Entry& entry = entries[count - 1];
    if (entry.seq > last()) continue;
    if (entry.seq == last()) {
      if (entry.hash == disk_.content.log.last_hash()) return count;
      continue;
    }
    const auto above = disk_.content.record(entry.seq.next());
    if (above && entry_intact(entry.hash, *above)) return count;
  }
  return 0;
}

Result<std::size_t> SimulatedLog::repair(const Hash& previous, std::span<const Entry> entries) {
  DiskContent& content = disk_.content;
  const Hash* before = &previous;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool follows = i == 0 || entries[i].seq == entries[i - 1].seq.next();
    if (!follows || !entry_intact(*before, entries[i])) {
      return fail(Errc::invalid, "entries whose hash chain is broken");
    }
    before = &entries[i].hash;
  }
  const std::size_t count = proved(entries);
  if (count == 0) {
    const bool reaches_end = !entries.empty() && entries.back().seq >= last();
    if (reaches_end) return fail(Errc::invalid, "entries of another history");
    return fail(Errc::not_found, "nothing proves these entries to be of this log");
  }
  std::size_t written = 0;
  for (const Entry& entry : entries.first(count)) {
    if (!content.rotten.contains(entry.seq)) continue;
    if (disk_.full) return fail(Errc::disk_full, "the disk is full");
    if (content.log.at(entry.seq)->hash != entry.hash) {
      throw Violation("a repair changes entry " + std::to_string(entry.seq.value));
    }
    content.log.replace(entry);
    content.rotten.erase(entry.seq);
    ++written;
  }
  return written;
}

Result<std::filesystem::path> SimulatedLog::set_damage_aside() {
  DiskContent& content = disk_.content;
  replica::Persist cut;
  cut.cut_after = start_.damage->from.previous();
  cut.identity = std::pair(content.incarnation, true);
  cut.commit = content.commit;
  content.write(cut, "a log whose damage is set aside");
  read_start();
  return std::filesystem::path("aside");
}

Result<void> SimulatedLog::erase_texts(std::span<const Seq> seqs) {
  for (const Seq place : seqs) disk_.content.log.erase_text(place);
  return {};
}

Result<void> SimulatedLog::copy(const std::filesystem::path& /*to*/) const {
  return fail(Errc::system, "a simulated log is not copied to files");
}

}  // namespace chat262::test

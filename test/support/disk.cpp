#include "test/support/disk.hpp"

#include <algorithm>

#include "protocol/codec.hpp"
#include "test/support/text.hpp"
#include "test/support/violation.hpp"

namespace chat262::test {

Position EntryLog::last_position() const {
  return entries_.empty() ? Position{} : entries_.back().position();
}

Hash EntryLog::last_hash() const {
  return entries_.empty() ? Hash{} : entries_.back().hash;
}

const Entry* EntryLog::at(Seq place) const {
  if (place.value == 0 || place > last()) return nullptr;
  return &entries_[place.value - 1];
}

std::optional<Seq> EntryLog::find(const RequestId& request) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return std::nullopt;
  return found->second;
}

const Entry* EntryLog::latest_view() const {
  return views_.empty() ? nullptr : at(views_.back());
}

void EntryLog::cut_after(Seq place) {
  while (last() > place) {
    const Entry& entry = entries_.back();
    if (entry.kind == EntryKind::view) {
      views_.pop_back();
    } else {
      requests_.erase(entry.request);
    }
    entries_.pop_back();
  }
}

void EntryLog::append(const Entry& entry, const std::string& whose) {
  if (entry.seq != last().next()) {
    throw Violation(whose + " writes seq " + std::to_string(entry.seq.value) + " after " +
                    std::to_string(last().value));
  }
  if (entry.epoch < last_position().epoch) {
    throw Violation(whose + " writes " + text_of(entry.position()) + " after " +
                    text_of(last_position()));
  }
  if (!entry_intact(last_hash(), entry)) {
    throw Violation(whose + " writes " + text_of(entry.position()) + " with a wrong hash");
  }
  if (entry.kind == EntryKind::view) {
    views_.push_back(entry.seq);
  } else if (!requests_.emplace(entry.request, entry.seq).second) {
    throw Violation(whose + " writes a request twice (I2): " + text_of(entry.request) + " at " +
                    std::to_string(requests_.at(entry.request).value) + " and " +
                    std::to_string(entry.seq.value));
  }
  entries_.push_back(entry);
}

void EntryLog::erase_text(Seq place) {
  if (place.value == 0 || place > last()) return;
  entries_[place.value - 1].text.clear();
  entries_[place.value - 1].erased = true;
}

Result<Entry> DiskContent::record(Seq place) const {
  const auto found = rotten.find(place);
  if (found != rotten.end()) return decode_entry_record(place, found->second);
  return *log.at(place);
}

void DiskContent::write(const replica::Persist& write, const std::string& whose) {
  if (write.promised) {
    if (*write.promised < promised) {
      throw Violation(whose + " takes back a promise: " + text_of(*write.promised) + " after " +
                      text_of(promised));
    }
    promised = *write.promised;
  }
  if (write.identity) {
    incarnation = write.identity->first;
    lost_disk = write.identity->second;
  }
  if (write.cut_after) {
    log.cut_after(*write.cut_after);
    rotten.erase(rotten.upper_bound(*write.cut_after), rotten.end());
  }
  for (const Entry& entry : write.entries) log.append(entry, whose);
  commit = std::min(std::max(write.commit, seq(0)), log.last());
}

void Disk::issue(replica::Persist write, Time now) {
  if (failed_) return;
  queue_.push_back(std::move(write));
  if (queue_.size() == 1) {
    group_ = 1;
    due_ = now + delay;
  }
}

DiskEvents Disk::complete(Time now, const std::string& whose) {
  DiskEvents events;
  while (group_ > 0 && !queue_.empty()) {
    const replica::Persist& write = queue_.front();
    // Views and promises still fit: there is a ballast file for them.
    const bool grows = std::any_of(write.entries.begin(), write.entries.end(),
                                   [](const Entry& e) { return e.kind != EntryKind::view; });
    if (full && grows) {
      events.failed = write.id;
      failed_ = true;
      queue_.clear();
      break;
    }
    content.write(write, whose);
    events.persisted = write.id;
    queue_.pop_front();
    --group_;
  }
  group_ = queue_.size();
  due_ = now + delay;
  return events;
}

void Disk::thaw(Time now) {
  frozen = false;
  due_ = std::max(due_, now + delay);
}

}  // namespace chat262::test

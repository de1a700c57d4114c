#include "store/records.hpp"

#include "store/bytes.hpp"

namespace chat262::store {

namespace {

Error damaged() {
  return {Errc::corrupt, "a record of the tables is damaged: they must be built anew from the log"};
}

}  // namespace

// ---- Scan

Scan::Scan(const Sources& sources, Direction direction, std::string_view prefix,
           std::string_view bound)
    : direction_(direction), prefix_(prefix) {
  sources_[0].slots = sources.first;
  sources_[1].slots = sources.second;
  for (Source& source : sources_) {
    if (source.slots != nullptr) start(source, bound);
  }
  if (sources.txn != nullptr) {
    auto cursor = sources.txn->cursor(sources.db);
    if (!cursor) {
      error_ = cursor.error();
    } else {
      cursor_.emplace(std::move(*cursor));
      start_cursor(bound);
    }
  }
  choose();
}

void Scan::start(Source& source, std::string_view bound) {
  source.at = source.slots->lower_bound(bound);
  if (direction_ == Direction::up) {
    source.valid = source.at != source.slots->end();
  } else {
    source.valid = source.at != source.slots->begin();
    if (source.valid) --source.at;
  }
  read_key(source);
}

void Scan::start_cursor(std::string_view bound) {
  auto found = cursor_->seek(to_bytes(bound));
  if (found && direction_ == Direction::down)
    found = *found ? cursor_->previous() : cursor_->last();
  keep(found);
}

void Scan::keep(Result<bool> found) {
  if (!found) error_ = found.error();
  sources_[2].valid = found.value_or(false);
  read_key(sources_[2]);
}

void Scan::advance(Source& source) {
  if (source.slots == nullptr) {
    keep(direction_ == Direction::up ? cursor_->next() : cursor_->previous());
    return;
  }
  if (direction_ == Direction::up) {
    source.valid = ++source.at != source.slots->end();
  } else if (source.at == source.slots->begin()) {
    source.valid = false;
  } else {
    --source.at;
  }
  read_key(source);
}

// Past the prefix, a source is at its end.
void Scan::read_key(Source& source) {
  if (!source.valid) return;
  source.key = source.slots != nullptr ? source.at->first : to_text(cursor_->key());
  source.valid = source.key.starts_with(prefix_);
}

// The nearest key of all sources; of equal ones that of the first source; removed ones are skipped.
void Scan::choose() {
  while (true) {
    current_ = nullptr;
    for (Source& source : sources_) {
      if (!source.valid) continue;
      if (current_ != nullptr && (direction_ == Direction::up ? source.key >= current_->key
                                                              : source.key <= current_->key)) {
        continue;
      }
      current_ = &source;
    }
    if (current_ == nullptr) return;
    if (current_->slots != nullptr) {
      const Slot& slot = current_->at->second;
      value_ = slot.value;
      if (!slot.removed) return;
    } else {
      const Opened opened = open_record(cursor_->key(), cursor_->value());
      value_ = to_text(opened.value);
      if (opened.intact) return;
      error_ = damaged();
    }
    const std::string_view key = current_->key;
    for (Source& source : sources_) {
      if (&source != current_ && source.valid && source.key == key) advance(source);
    }
    advance(*current_);
  }
}

void Scan::next() {
  const std::string_view key = current_->key;
  for (Source& source : sources_) {
    if (&source != current_ && source.valid && source.key == key) advance(source);
  }
  advance(*current_);
  choose();
}

// ---- Records

void Records::attach(lmdb::Env& env, lmdb::Db db) {
  detach();
  env_ = &env;
  db_ = db;
}

void Records::detach() {
  txn_.reset();
  fresh_ = false;
  env_ = nullptr;
}

void Records::refresh() {
  if (txn_) txn_->reset();
  fresh_ = false;
}

const lmdb::Txn* Records::snapshot() const {
  if (fresh_) return &*txn_;
  if (txn_) {
    auto renewed = txn_->renew();
    if (!renewed) set_fault(renewed.error());
    fresh_ = renewed.has_value();
  } else if (auto txn = env_->read(); txn) {
    txn_.emplace(std::move(*txn));
    fresh_ = true;
  } else {
    set_fault(txn.error());
  }
  return fresh_ ? &*txn_ : nullptr;
}

std::optional<std::string_view> Records::get(std::string_view key) const {
  if (const Slot* slot = overlay_.find(key)) {
    if (slot->removed) return std::nullopt;
    return slot->value;
  }
  const lmdb::Txn* txn = snapshot();
  if (txn == nullptr) return std::nullopt;
  auto stored = txn->get(db_, to_bytes(key));
  if (!stored) {
    set_fault(stored.error());
    return std::nullopt;
  }
  if (!stored->has_value()) return std::nullopt;
  const Opened opened = open_record(to_bytes(key), **stored);
  if (!opened.intact) {
    set_fault(damaged());
    return std::nullopt;
  }
  return to_text(opened.value);
}

Scan Records::scan(Direction direction, std::string_view prefix, std::string_view bound) const {
  return Scan(
      {.first = &overlay_.active(), .second = overlay_.sealed(), .txn = snapshot(), .db = db_},
      direction, prefix, bound);
}

Scan Records::scan_overlay(Direction direction, std::string_view prefix,
                           std::string_view bound) const {
  return Scan({.first = &overlay_.active(), .second = overlay_.sealed()}, direction, prefix, bound);
}

void Records::finish(const Scan& scan) const {
  if (scan.error()) set_fault(*scan.error());
}

void Records::set_fault(const Error& error) const {
  if (!fault_) fault_ = error;
}

}  // namespace chat262::store

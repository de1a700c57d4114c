// The tables as one ordered set of records: the overlay over LMDB. Every read looks through both.
//
// An error while reading (damage, EIO) cannot be returned by every look-up: it is kept in fault(),
// and the record counts as missing.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/lmdb.hpp"
#include "store/overlay.hpp"

namespace chat262::store {

enum class Direction { up, down };

// Goes over the records with a given prefix, merged from the sources in order of precedence.
// The records must not change meanwhile.
class Scan {
 public:
  struct Sources {
    const SlotMap* first = nullptr;  // may be nullptr
    const SlotMap* second = nullptr;
    const lmdb::Txn* txn = nullptr;
    lmdb::Db db = 0;
  };
  // up: from the first key at or above `bound`; down: from the last key below it.
  Scan(const Sources& sources, Direction direction, std::string_view prefix,
       std::string_view bound);
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  [[nodiscard]] bool valid() const { return current_ != nullptr; }
  [[nodiscard]] std::string_view key() const { return current_->key; }
  [[nodiscard]] std::string_view value() const { return value_; }
  void next();
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  struct Source {  // one place: in a map, or (slots == nullptr) the LMDB cursor
    const SlotMap* slots = nullptr;
    SlotMap::const_iterator at;
    bool valid = false;
    std::string_view key;
  };
  void start(Source& source, std::string_view bound);
  void advance(Source& source);
  void read_key(Source& source);
  void start_cursor(std::string_view bound);
  void keep(Result<bool> found);
  void choose();

  Direction direction_;
  std::string prefix_;
  std::array<Source, 3> sources_;
  std::optional<lmdb::Cursor> cursor_;
  Source* current_ = nullptr;
  std::string_view value_;
  std::optional<Error> error_;
};

class Records {
 public:
  void attach(lmdb::Env& env, lmdb::Db db);  // drops the snapshot of the one before
  void detach();

  // Changes belong to this seq from now on.
  void set_seq(Seq at) { at_ = at; }
  void put(std::string_view key, std::string_view value) { overlay_.put(at_, key, value); }
  void remove(std::string_view key) { overlay_.remove(at_, key); }

  // Valid until the next change or refresh().
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const;
  [[nodiscard]] Scan scan(Direction direction, std::string_view prefix,
                          std::string_view bound) const;
  // The same over the overlay alone: for what is known not to be on disk yet.
  [[nodiscard]] Scan scan_overlay(Direction direction, std::string_view prefix,
                                  std::string_view bound) const;
  // Call when a scan is over: takes its error.
  void finish(const Scan& scan) const;

  // The next read sees what is on disk then.
  void refresh();

  [[nodiscard]] Overlay& overlay() { return overlay_; }
  [[nodiscard]] const Overlay& overlay() const { return overlay_; }
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }
  void set_fault(const Error& error) const;  // the first one stays
  void clear_fault() { fault_.reset(); }

 private:
  [[nodiscard]] const lmdb::Txn* snapshot() const;

  Overlay overlay_;
  lmdb::Env* env_ = nullptr;
  lmdb::Db db_ = 0;
  Seq at_{};
  // The snapshot is kept from one refresh() to the next: beginning a transaction for each look-up
  // would cost as much as the look-up.
  mutable std::optional<lmdb::Txn> txn_;
  mutable bool fresh_ = false;
  mutable std::optional<Error> fault_;
};

}  // namespace chat262::store

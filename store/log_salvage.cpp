// A log whose file is damaged in its structure: LMDB must not touch it. What can still be read is
// copied to a new file, the old one is kept aside.
#include <algorithm>
#include <system_error>

#include "protocol/codec.hpp"
#include "store/bytes.hpp"
#include "store/disk_log.hpp"
#include "store/pages.hpp"

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

constexpr const char* salvage_name = "log.salvage";
constexpr std::size_t piece_records = 8192;  // of one transaction

Result<void> move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return fail(Errc::system, from.string() + ": " + error.message());
  return sync_directory(to.parent_path());
}

}  // namespace

// The records of one head page of the old file, on their way to the new one.
class DiskLog::Salvage {
 public:
  Salvage(const Pages& old, DiskLog& fresh) : old_(old), fresh_(fresh) {}

  // Errors: corrupt (the state is not among what can be read).
  Result<void> run(const Identity& identity) {
    if (auto chosen = choose(); !chosen) return chosen;
    auto begun = begin();
    if (!begun) return begun;
    const auto take = [this](std::string_view database, ByteView key, ByteView value) {
      if (!done_) return;
      if (database == "entries") take_entry(key, value);
      if (database == "views") take_view(key, value);
    };
    static_cast<void>(old_.walk(head_, take));
    if (done_ && last_ < state_.tip.seq) gap_ = true;
    if (done_ && gap_) {
      const std::uint8_t mark = 1;
      done_ = txn_->put(fresh_.meta_, to_bytes(gaps_key), {&mark, 1});
    }
    return done_.and_then([&] { return fresh_.put_identity(*txn_, identity); })
        .and_then([&] { return fresh_.put_state(*txn_, state_); })
        .and_then([&] { return txn_->commit(); });
  }

  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] std::uint64_t entries_lost() const { return state_.tip.seq.value - entries_; }
  [[nodiscard]] bool newest() const { return newest_; }

 private:
  // The head page whose state is the newest. If it is not certain that no newer one was written,
  // this is a copy of an earlier time.
  Result<void> choose() {
    std::optional<State> best;
    std::uint64_t older = 0;
    for (const unsigned head : old_.heads()) {
      const auto state = state_of(head);
      if (!state) continue;
      if (best && best->transaction >= state->transaction) {
        older = state->transaction;
        continue;
      }
      if (best) older = best->transaction;
      best = state;
      head_ = head;
    }
    if (!best) {
      return fail(Errc::corrupt, "what this server promised the others cannot be read any more");
    }
    state_ = *best;
    const std::uint64_t mine = state_.transaction;
    const std::uint64_t numbers[] = {old_.transaction(0), old_.transaction(1)};
    const bool next_was_written = numbers[0] == mine + 1 || numbers[1] == mine + 1;
    const bool other_is_older =
        older + 1 == mine || numbers[0] + 1 == mine || numbers[1] + 1 == mine;
    newest_ = !next_was_written && other_is_older;
    if (!newest_) state_.lost_disk = true;
    return {};
  }

  std::optional<State> state_of(unsigned head) const {
    std::optional<State> state;
    const auto look = [&](std::string_view database, ByteView key, ByteView value) {
      if (database != "meta" || state) return;
      const std::string_view name = to_text(key);
      if (name != state_key && name != std::string(state_key) + ".copy") return;
      const Opened opened = open_record(key, value);
      if (opened.intact) state = decode_state(opened.value);
    };
    static_cast<void>(old_.walk(head, look));
    return state;
  }

  Result<void> begin() {
    auto txn = fresh_.env_->write();
    if (!txn) return tl::unexpected(txn.error());
    txn_.emplace(std::move(*txn));
    return {};
  }

  void put(lmdb::Db db, ByteView key, ByteView value, lmdb::Put mode) {
    done_ = txn_->put(db, key, value, mode);
    if (!done_ || ++records_ % piece_records != 0) return;
    done_ = txn_->commit();
    txn_.reset();
    if (done_) done_ = begin();
  }

  // Whether it is good is for read() to say, which knows the chain.
  void take_entry(ByteView key, ByteView value) {
    const Seq at = seq_of(key);
    if (at <= last_ || at > state_.tip.seq) return;
    if (at != last_.next()) gap_ = true;
    last_ = at;
    ++entries_;
    put(fresh_.entries_, key, value, lmdb::Put::append);
    const auto entry = decode_entry_record(at, value);
    if (done_ && entry && entry->kind == EntryKind::view) {
      done_ = fresh_.put_view(*txn_, *entry, lmdb::Put::any);
    }
  }

  void take_view(ByteView key, ByteView value) {
    if (is_seq_key(key) && open_record(key, value).intact)
      put(fresh_.views_, key, value, lmdb::Put::any);
  }

  const Pages& old_;
  DiskLog& fresh_;
  unsigned head_ = 0;
  State state_;
  bool newest_ = false;
  std::optional<lmdb::Txn> txn_;
  Result<void> done_;
  std::size_t records_ = 0;
  std::uint64_t entries_ = 0;
  Seq last_{};
  bool gap_ = false;
};

// A salvage that was interrupted between its two renames is finished here.
Result<void> DiskLog::finish_salvage() const {
  std::error_code error;
  const fs::path fresh = directory_ / salvage_name / "log";
  if (fs::exists(directory_ / "log", error) || !fs::exists(fresh / "data.mdb", error)) return {};
  return move(fresh, directory_ / "log");
}

Result<void> DiskLog::check_pages(const LogOptions& options) {
  const fs::path file = directory_ / "log" / "data.mdb";
  auto pages = Pages::open(file);
  if (!pages) {
    if (pages.error().code == Errc::not_found) return {};
    return tl::unexpected(pages.error());
  }
  bool keys_whole = true;
  std::string flaw = pages->flaw([&](std::string_view database, ByteView key, ByteView) {
    if (database == "entries" || database == "views") keys_whole = keys_whole && is_seq_key(key);
  });
  if (flaw.empty() && !keys_whole) flaw = "a key that is no entry's number";
  if (flaw.empty()) return {};
  std::error_code error;
  fs::remove_all(directory_ / salvage_name, error);
  std::string found;
  {
    DiskLog fresh(directory_ / salvage_name, 0, 0);
    Salvage salvage(*pages, fresh);
    auto done = make_directory(fresh.directory_ / "log")
                    .and_then([&] { return fresh.open_env(options.map_bytes, false); })
                    .and_then([&] { return salvage.run(options.identity); })
                    .and_then([&] { return sync_directory(fresh.directory_ / "log"); })
                    .and_then([&] { return sync_directory(fresh.directory_); });
    if (!done) {
      return fail(done.error().code,
                  "the log in " + directory_.string() + " is damaged (" + flaw + "), and " +
                      done.error().text +
                      ". Move the directory away and start the server anew: it gets the log from "
                      "the others. If the others wait for this server, see FAILED DISKS in "
                      "chat262d(8)");
    }
    found = std::to_string(salvage.entries()) + " entries were copied to a new file, " +
            std::to_string(salvage.entries_lost()) + " are missing" +
            (salvage.newest() ? "" : "; the newest changes may be, so this log does not count yet");
  }
  const fs::path aside = aside_directory();
  auto moved = make_directory(aside)
                   .and_then([&] { return move(directory_ / "log", aside / "log"); })
                   .and_then([&] { return finish_salvage(); })
                   .and_then([&] { return sync_directory(directory_); });
  fs::remove_all(directory_ / salvage_name, error);
  start_.notes.push_back("the log's file is damaged (" + flaw + "): " + found +
                         "; the old file is kept in " + aside.string());
  return moved;
}

}  // namespace chat262::store

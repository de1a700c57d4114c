// What the store's tests share: a directory of their own, and a log that is made up as it goes.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "protocol/entry.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"
#include "test/support/catch.hpp"

namespace chat262::store::test {

class TempDir {
 public:
  explicit TempDir(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string name = (in / "chat262-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// The value, or a failed test that shows the error.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().text);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// An operation entry as a leader makes it; its place in the log is still open.
inline Entry operation_entry(const RequestId& request, TimeMs time, OperationBody body,
                             const std::string& text = {}) {
  return make_operation_entry(
      {.request = request, .time = time, .fingerprint = request.number, .body = std::move(body)},
      Bytes(text.begin(), text.end()));
}

// Grows a log in memory, entry by entry, each chained to the one before.
class History {
 public:
  const Entry& add(Entry entry) {
    entry.epoch = epoch_;
    entry.seq = seq(entries_.size() + 1);
    entry.hash = entry_hash(entries_.empty() ? Hash{} : entries_.back().hash, entry);
    entries_.push_back(std::move(entry));
    return entries_.back();
  }
  const Entry& view(std::uint64_t counter, unsigned leader = 0) {
    epoch_ = {counter, server_id(leader)};
    return add(
        make_view_entry({.leader = server_id(leader), .members = {{server_id(leader), {1, 1}}}}));
  }
  // Every operation is a request of its own.
  const Entry& operation(OperationBody body, const std::string& text = {}) {
    return add(operation_entry(next_request(), next_time(), std::move(body), text));
  }
  RequestId next_request() { return {client_, ++number_}; }
  TimeMs next_time() { return TimeMs{{1'700'000'000'000 + static_cast<std::int64_t>(number_)}}; }

  AccountId register_account(const std::string& name) {
    const RequestId request = next_request();
    const AccountId id = account_id(request);
    add(operation_entry(request, next_time(), op::Register{id, name, name, "hash of " + name}));
    return id;
  }
  RoomId create_room(const AccountId& account, const std::string& name) {
    const RequestId request = next_request();
    const RoomId id = room_id(request);
    add(operation_entry(request, next_time(), op::CreateRoom{account, id, name, name}));
    return id;
  }
  const Entry& send(const AccountId& from, const std::variant<AccountId, RoomId>& to,
                    const std::string& text) {
    const RequestId request = next_request();
    return add(operation_entry(request, next_time(),
                               op::SendMessage{from, message_id(request), to, std::nullopt}, text));
  }
  void cut(Seq after) { entries_.resize(after.value); }
  void set_client(std::uint8_t first_byte) { client_.bytes[0] = first_byte; }

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] Seq last() const { return seq(entries_.size()); }
  [[nodiscard]] std::vector<Entry> above(Seq after) const {
    return {entries_.begin() + static_cast<std::ptrdiff_t>(after.value), entries_.end()};
  }

 private:
  std::vector<Entry> entries_;
  Epoch epoch_{1, server_id(0)};
  ClientId client_{{1}};
  std::uint64_t number_ = 0;
};

inline LogOptions log_options(const std::filesystem::path& directory) {
  LogOptions options;
  options.directory = directory;
  options.identity = {ClusterId{{7, 7, 7}}, server_id(2)};
  options.map_bytes = 256 << 20;
  options.incarnation_nonce = 99;
  options.ballast_bytes = 64 << 10;
  options.room_bytes = 64 << 10;
  return options;
}

inline std::unique_ptr<Log> open_log(const std::filesystem::path& directory) {
  return must(Log::open(log_options(directory)));
}

// Brings `log` up to `history`; everything counts as committed.
inline void write_all(Log& log, const History& history) {
  const LogWrite write{.entries = history.above(log.last()), .commit = history.last()};
  must(log.write({&write, 1}));
}

inline std::unique_ptr<Tables> open_tables(const std::filesystem::path& directory, const Log& log) {
  return must(Tables::open({.directory = directory, .map_bytes = 256 << 20}, log));
}

// Applies what is missing; returns what the last entry came to.
inline Outcome apply_all(Tables& tables, const History& history) {
  Outcome outcome;
  for (const Entry& entry : history.above(tables.applied())) outcome = must(tables.apply(entry));
  return outcome;
}

inline void flush(Tables& tables, Log& log, Seq commit) {
  tables.seal(commit);
  must(tables.write_behind(log));  // also one that was sealed before
  tables.settle();
}

}  // namespace chat262::store::test

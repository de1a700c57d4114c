// The messages in a server's own log, read from its data directory while a server runs on it or
// not. Nothing in the directory is changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "client/replay/json_lines.hpp"
#include "protocol/entry.hpp"
#include "protocol/result.hpp"
#include "store/log.hpp"

namespace chat262::replay {

class LogMessages {
 public:
  static Result<LogMessages> open(const std::filesystem::path& directory);

  // Where the log ended, and how far its server knew it committed, when it was opened. The hint is
  // written with entries, so the last of them may be committed although it is below them.
  [[nodiscard]] Seq last() const { return last_; }
  [[nodiscard]] Seq commit() const { return commit_; }
  [[nodiscard]] store::Identity identity() const { return log_->identity(); }

  // Reads entries 1..`upto` in order, checks the hash chain, and gives each message to `each`.
  // Errors: corrupt (names the seq), io. The hash of entry `upto` is the value.
  [[nodiscard]] Result<Hash> read(Seq upto, const std::function<void(const Record&)>& each);

  // The chain hash at `seq`, 1..last().
  [[nodiscard]] Result<Hash> hash_at(Seq seq) const;

 private:
  LogMessages() = default;
  [[nodiscard]] Result<void> take(const Entry& entry,
                                  const std::function<void(const Record&)>& each);
  [[nodiscard]] std::string account_name(const AccountId& id) const;
  [[nodiscard]] Record record_of(const Entry& entry, const Operation& operation,
                                 const op::SendMessage& message) const;

  std::unique_ptr<store::Log> log_;
  Seq last_{};
  Seq commit_{};
  std::unordered_map<std::string, std::string> accounts_;  // id as hexadecimal -> name
  std::unordered_map<std::string, std::string> rooms_;
};

}  // namespace chat262::replay

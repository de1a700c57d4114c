// Files that belong to the person: sessions and the history of lines typed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "chat262/client.hpp"
#include "protocol/ids.hpp"
#include "protocol/result.hpp"

namespace chat262::client {

// $XDG_STATE_HOME/chat262, or ~/.local/state/chat262.
[[nodiscard]] Result<std::filesystem::path> state_directory();

struct SavedSession {
  std::string account;
  std::string token;  // 32 bytes, secret
  std::int64_t expires_ms = 0;
};

// Where the sessions of a cluster are kept: a folder with one file (mode 0600) an account, and
// `current`, which names the account of the latest login. Or one given file.
class SessionStore {
 public:
  // `file`: if not empty, the one file to use.
  static Result<SessionStore> open(const ClusterId& cluster, const std::string& file);

  // `account`: empty for the latest login's.
  // Errors: Errc::not_found if nobody is logged in there.
  [[nodiscard]] Result<SavedSession> load(const std::string& account) const;
  [[nodiscard]] Result<void> save(const SavedSession& session) const;
  // A merge renamed the account.
  [[nodiscard]] Result<void> rename(const std::string& account, const std::string& now) const;
  void remove(const std::string& account) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const std::string& account) const;
  [[nodiscard]] std::string current() const;  // file name, empty if none

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

// Writes `content` to `path` with mode 0600, all or nothing.
[[nodiscard]] Result<void> write_private_file(const std::filesystem::path& path,
                                              const std::string& content);
// The first line of a file, without its end.
[[nodiscard]] Result<std::string> first_line_of(const std::filesystem::path& path);

}  // namespace chat262::client

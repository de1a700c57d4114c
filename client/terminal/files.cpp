#include "client/terminal/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "protocol/names.hpp"

namespace chat262::client {
namespace {

tl::unexpected<Error> failed(const std::string& what, const std::filesystem::path& path) {
  return fail(Errc::system, what + " " + path.string() + ": " + std::strerror(errno));
}

// An account's name as a file name; one account, however its name is typed.
std::string file_name_of(const std::string& account) {
  std::string name;
  for (const char c : fold(account).value_or(account)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (plain) {
      name += c;
    } else {
      name += '%' + hex(std::string(1, static_cast<char>(byte)));
    }
  }
  return name + ".json";
}

Result<void> make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("cannot make", folder);
  return {};
}

}  // namespace

Result<std::filesystem::path> state_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "chat262";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    return fail(Errc::not_found, "neither XDG_STATE_HOME nor HOME is set: give --session FILE");
  }
  return std::filesystem::path(home) / ".local" / "state" / "chat262";
}

Result<void> write_private_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::path draft = path;
  draft += ".new-" + std::to_string(::getpid());
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("cannot write", draft);
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t n = ::write(fd, content.data() + written, content.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    written += static_cast<std::size_t>(n);
  }
  const bool complete = written == content.size() && ::fsync(fd) == 0;
  ::close(fd);
  if (!complete || ::rename(draft.c_str(), path.c_str()) != 0) {
    const auto error = failed("cannot write", path);
    ::unlink(draft.c_str());
    return error;
  }
  return {};
}

Result<std::string> first_line_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!file) return failed("cannot read", path);
  std::getline(file, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

Result<SessionStore> SessionStore::open(const ClusterId& cluster, const std::string& file) {
  SessionStore store;
  store.file_ = file;
  if (!file.empty()) return store;
  auto folder = state_directory();
  if (!folder) return tl::unexpected<Error>(folder.error());
  store.folder_ =
      *folder / ("cluster-" + hex(std::string(cluster.bytes.begin(), cluster.bytes.end())));
  return store;
}

Result<SavedSession> SessionStore::load(const std::string& account) const {
  const std::filesystem::path path = path_of(account);
  std::ifstream file(path);
  if (path.empty() || !file) {
    const std::string who = account.empty() ? "nobody is" : account + " is not";
    return fail(Errc::not_found, who + " logged in to this cluster: use `chat262 login`");
  }
  const auto json = nlohmann::json::parse(file, nullptr, false);
  const auto text = [&json](const char* key) {
    return json.is_object() && json.contains(key) && json[key].is_string()
               ? json[key].get<std::string>()
               : std::string();
  };
  const auto token = unhex(text("token"));
  if (!token || token->empty()) {
    return fail(Errc::malformed, path.string() + " holds no session: log in again");
  }
  SavedSession session{.account = text("account"), .token = *token};
  if (json.contains("expires_ms") && json["expires_ms"].is_number_integer()) {
    session.expires_ms = json["expires_ms"].get<std::int64_t>();
  }
  return session;
}

Result<void> SessionStore::save(const SavedSession& session) const {
  const nlohmann::json json = {{"account", session.account},
                               {"token", hex(session.token)},
                               {"expires_ms", session.expires_ms}};
  if (!file_.empty()) return write_private_file(file_, json.dump() + "\n");
  if (auto made = make_private_folder(folder_.parent_path()); !made) return made;
  if (auto made = make_private_folder(folder_); !made) return made;
  const std::string name = file_name_of(session.account);
  if (auto saved = write_private_file(folder_ / name, json.dump() + "\n"); !saved) return saved;
  return write_private_file(folder_ / "current", name + "\n");
}

Result<void> SessionStore::rename(const std::string& account, const std::string& now) const {
  auto session = load(account);
  if (!session) return tl::unexpected<Error>(session.error());
  session->account = now;
  if (auto saved = save(*session); !saved) return saved;
  if (file_.empty()) remove(account);
  return {};
}

void SessionStore::remove(const std::string& account) const {
  std::error_code ignored;
  const std::filesystem::path path = path_of(account);
  if (path.empty()) return;
  const bool was_current = file_.empty() && path.filename() == current();
  std::filesystem::remove(path, ignored);
  if (was_current) std::filesystem::remove(folder_ / "current", ignored);
}

std::filesystem::path SessionStore::path_of(const std::string& account) const {
  if (!file_.empty()) return file_;
  if (!account.empty()) return folder_ / file_name_of(account);
  const std::string name = current();
  return name.empty() ? std::filesystem::path() : folder_ / name;
}

std::string SessionStore::current() const {
  const std::string name = first_line_of(folder_ / "current").value_or("");
  return name.find('/') == std::string::npos ? name : std::string();
}

}  // namespace chat262::client

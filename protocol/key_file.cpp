#include "protocol/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

namespace chat262 {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view first_line = "chat262-keys 1";
constexpr std::string_view last_line = "end";  // so that half a file is none
constexpr std::string_view secret_word = "secret ";
constexpr std::size_t file_bytes_max = 4096;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> failed(const fs::path& path, Errc code = Errc::system) {
  return fail(code, path.string() + ": " + std::strerror(errno));
}

Result<void> trusted(const fs::path& path, int fd, KeyFileReaders readers) {
  struct stat found {};
  if (fstat(fd, &found) != 0) return failed(path, Errc::io);
  const auto refuse = [&path](const std::string& why) {
    return fail(Errc::invalid, "the key file " + path.string() + " " + why);
  };
  if (!S_ISREG(found.st_mode)) return refuse("is no regular file");
  if (found.st_uid != geteuid() && found.st_uid != 0) {
    return refuse("belongs to another user: its owner must be who runs the server, or root");
  }
  const mode_t others = readers == KeyFileReaders::owner ? 0077 : 0037;
  if ((found.st_mode & others) != 0) {
    return refuse("can be read or written by others than its owner. Do: chmod 600 " +
                  path.string() +
                  ". If anybody may have read it, it is a secret no more: see rotate-keys in "
                  "chat262ctl(8)");
  }
  return {};
}

Result<std::vector<KeyPair>> parse(const fs::path& path, std::string_view text) {
  std::vector<KeyPair> keys;
  bool begun = false;
  std::size_t number = 0;
  const auto wrong = [&](const char* what) {
    return fail(Errc::wrong_format, path.string() + ":" + std::to_string(number) + ": " + what);
  };
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (!begun) {
      if (line != first_line) return wrong("not a chat262 key file, or one of a later version");
      begun = true;
    } else if (line == last_line) {
      if (keys.empty()) return wrong("there is no key in it");
      return keys;
    } else if (!line.starts_with(secret_word) || keys.size() == key_file_keys_max) {
      return wrong("`secret KEY` or `end` expected");
    } else if (const auto secret = secret_from_text(line.substr(secret_word.size()))) {
      keys.push_back(pair_of(*secret));
    } else {
      return wrong("that is no key");  // which it is must not be said
    }
  }
  return wrong("the file has no end: it is not whole");
}

Result<void> write_all(const fs::path& path, int fd, const std::vector<KeyPair>& keys,
                       const std::string& what) {
  std::string text;
  text.reserve(file_bytes_max);  // no copies are left behind
  text += "# chat262: " + what + ". Secret: never give it to anybody.\n";
  text += std::string(first_line) + '\n';
  for (const auto& pair : keys) {
    auto secret = secret_text(pair.secret);
    text += "# public half: " + key_text(pair.key) + '\n';
    text += std::string(secret_word) + secret + '\n';
    wipe(secret);
  }
  text += std::string(last_line) + '\n';
  const auto size = static_cast<ssize_t>(text.size());
  const bool written = ::write(fd, text.data(), text.size()) == size && fsync(fd) == 0;
  const int why = errno;
  wipe(text);
  errno = why;
  if (!written) return failed(path);
  return {};
}

Result<void> sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0 || fsync(file.fd()) != 0) return failed(folder);
  return {};
}

}  // namespace

std::string key_file_name(ServerId server) {
  return "server-" + std::to_string(server.value) + ".key";
}

Result<std::vector<KeyPair>> read_key_file(const fs::path& path, KeyFileReaders readers) {
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.fd() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return fail(Errc::not_found, "there is no key file " + path.string());
    }
    if (errno == ELOOP) {
      return fail(Errc::invalid,
                  "the key file " + path.string() + " is a symbolic link: give the file itself");
    }
    return fail(Errc::io,
                "cannot read the key file " + path.string() + ": " + std::strerror(errno));
  }
  if (const auto checked = trusted(path, file.fd(), readers); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  std::string text(file_bytes_max, '\0');
  const auto got = ::read(file.fd(), text.data(), text.size());
  if (got < 0) return failed(path, Errc::io);
  auto keys = parse(path, std::string_view(text).substr(0, static_cast<std::size_t>(got)));
  wipe(text);
  return keys;
}

Result<void> write_new_key_file(const fs::path& path, const std::vector<KeyPair>& keys,
                                const std::string& what) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.fd() < 0 && errno == EEXIST) {
    return fail(Errc::in_use, path.string() + " exists already; it is left as it is");
  }
  if (file.fd() < 0) return failed(path);
  if (const auto written = write_all(path, file.fd(), keys, what); !written) return written;
  return sync_folder_of(path);
}

Result<void> replace_key_file(const fs::path& path, const std::vector<KeyPair>& keys,
                              const std::string& what) {
  const fs::path next = path.string() + ".new";
  ::unlink(next.c_str());  // of a crash
  if (const auto written = write_new_key_file(next, keys, what); !written) return written;
  if (::rename(next.c_str(), path.c_str()) != 0) return failed(path);
  return sync_folder_of(path);
}

}  // namespace chat262

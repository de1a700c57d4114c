#include "store/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace chat262::store {
namespace fs = std::filesystem;

namespace {

tl::unexpected<Error> system_error(const fs::path& path, const char* doing) {
  const int code = errno;
  Errc errc = Errc::system;
  if (code == ENOSPC || code == EDQUOT) errc = Errc::disk_full;
  if (code == EIO) errc = Errc::io;
  return fail(errc, path.string() + ": cannot " + doing + ": " + std::strerror(code));
}

}  // namespace

Result<void> make_directory(const fs::path& directory) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return {};
  if (directory.has_parent_path()) {
    fs::create_directories(directory.parent_path(), error);
    if (error) {
      return fail(Errc::system, directory.string() + ": cannot be made: " + error.message());
    }
  }
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error(directory, "make the directory");
  }
  if (!fs::is_directory(directory, error)) {
    return fail(Errc::system, directory.string() + " is not a directory");
  }
  return {};
}

std::string close_to_others(const fs::path& directory) {
  constexpr ::mode_t others = S_IRWXG | S_IRWXO;
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0 || (found.st_mode & others) == 0) return {};
  if (::chmod(directory.c_str(), S_IRWXU) == 0) {
    return "the data directory " + directory.string() + " was open to others: now it is not";
  }
  return "the data directory " + directory.string() +
         " is open to others, and cannot be closed: " + std::strerror(errno);
}

Result<void> sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error(directory, "open");
  const int code = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  errno = error;
  if (code != 0) return system_error(directory, "sync");
  return {};
}

std::uint64_t free_bytes(const fs::path& directory) {
  struct statvfs room {};
  if (::statvfs(directory.c_str(), &room) != 0) return 0;
  return static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
}

// ---- DirectoryLock

Result<DirectoryLock> DirectoryLock::take(const fs::path& directory) {
  const fs::path path = directory / "lock";
  DirectoryLock lock;
  // What is written there must not go through a link to somebody's file.
  lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock.fd_ < 0 && errno == ELOOP)
    return fail(Errc::system, path.string() + " is a symbolic link");
  if (lock.fd_ < 0) return system_error(path, "open");
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(path, "lock");
    std::array<char, 32> text{};
    const auto got = ::pread(lock.fd_, text.data(), text.size() - 1, 0);
    std::string holder(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return fail(Errc::in_use, "data directory " + directory.string() + " is in use by process " +
                                  (holder.empty() ? "(unknown)" : holder) +
                                  ": stop it, or give each server a directory of its own");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // The id is there for people; on a full disk it may be missing.
  if (::ftruncate(lock.fd_, 0) == 0) {
    [[maybe_unused]] const auto written = ::pwrite(lock.fd_, pid.data(), pid.size(), 0);
  }
  return lock;
}

bool DirectoryLock::held(const fs::path& directory) {
  DirectoryLock lock;
  lock.fd_ = ::open((directory / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  return lock.fd_ >= 0 && ::flock(lock.fd_, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

// ---- Ballast

Ballast::Ballast(fs::path directory, std::uint64_t bytes)
    : path_(std::move(directory) / "ballast"), bytes_(bytes) {}

void Ballast::drop() {
  ::unlink(path_.c_str());
}

bool Ballast::make() {
  if (bytes_ == 0) return true;
  int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 && errno == ELOOP) {
    drop();  // the link
    fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  }
  if (fd < 0) return false;
  const int code = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
  ::close(fd);
  if (code != 0) drop();
  return code == 0;
}

}  // namespace chat262::store

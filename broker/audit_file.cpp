#include "broker/audit_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "broker/server_limits.hpp"
#include "protocol/limits.hpp"

namespace chat262::broker {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t positions_max = 4096;  // looked back for one that the log still has
constexpr auto retry_after = std::chrono::milliseconds(500);

fs::path file_of(const fs::path& directory, unsigned age) {
  const auto name = std::string(audit_file);
  return directory / (age == 0 ? name : name + "." + std::to_string(age));
}

}  // namespace

Position audited_position(const std::string& line) {
  std::uint64_t at = 0;
  std::uint64_t counter = 0;
  unsigned server = 0;
  if (std::sscanf(line.c_str(), "{\"seq\":%" SCNu64 ",\"epoch\":\"%" SCNu64 ".%u\"", &at, &counter,
                  &server) != 3 ||
      server >= chat262::limits::servers_max) {
    return {};
  }
  return {{counter, server_id(server)}, seq(at)};
}

Result<std::unique_ptr<AuditFile>> AuditFile::open(const fs::path& directory,
                                                   std::uint64_t bytes_max) {
  auto file = std::unique_ptr<AuditFile>(new AuditFile(directory, bytes_max));
  if (auto started = file->start(); !started) return tl::unexpected<Error>(started.error());
  return file;
}

AuditFile::AuditFile(fs::path directory, std::uint64_t bytes_max)
    : directory_(std::move(directory)), bytes_max_(bytes_max) {}

Result<void> AuditFile::start() {
  for (unsigned age = audit_files_max; age-- > 0;) read_positions(file_of(directory_, age));
  std::reverse(found_.begin(), found_.end());
  if (found_.size() > positions_max) found_.resize(positions_max);
  const auto path = file_of(directory_, 0);
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat status {};
  if (fd_ < 0 || fstat(fd_, &status) != 0) {
    return fail(Errc::system, path.string() + ": " + std::strerror(errno));
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  // A line that a crash cut off is ended, so that the next one stands alone.
  if (size_ > 0) {
    std::ifstream end(path, std::ios::binary);
    end.seekg(-1, std::ios::end);
    if (end.get() != '\n') append("\n");
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

AuditFile::~AuditFile() {
  ending_ = true;
  queue_.close();
  if (thread_.joinable()) thread_.join();
  if (fd_ >= 0) ::close(fd_);
}

void AuditFile::read_positions(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    // Without its end it may be half a line.
    if (line.empty() || line.back() != '}') continue;
    const auto position = audited_position(line);
    if (position.seq != Seq{}) found_.push_back(position);
  }
}

bool AuditFile::write(std::string line) {
  return queue_.push_if_below(limits::audit_lines_max, std::move(line));
}

void AuditFile::run() {
  std::vector<std::string> lines;
  while (queue_.pop_all(lines, std::chrono::seconds(60))) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    if (text.empty()) continue;
    if (size_ > 0 && size_ + text.size() > bytes_max_) rotate();
    while (!append(text)) {  // a full disk: it may have room again
      if (ending_) return;
      std::this_thread::sleep_for(retry_after);
    }
  }
}

// All of it or nothing.
bool AuditFile::append(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto written = ::write(fd_, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) return false;
      return false;
    }
    done += static_cast<std::size_t>(written);
  }
  size_ += text.size();
  return true;
}

void AuditFile::rotate() {
  std::error_code ignored;
  for (unsigned age = audit_files_max - 1; age > 0; --age) {
    fs::rename(file_of(directory_, age - 1), file_of(directory_, age), ignored);
  }
  const int fresh =
      ::open(file_of(directory_, 0).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fresh < 0) return;  // the old one goes on
  ::close(fd_);
  fd_ = fresh;
  size_ = 0;
}

}  // namespace chat262::broker

#include "broker/control_socket.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace chat262::broker {

namespace {

constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

// What is made while it lives is for the owner alone.
class OwnerOnly {
 public:
  OwnerOnly() : before_(umask(0177)) {}
  ~OwnerOnly() { umask(before_); }
  OwnerOnly(const OwnerOnly&) = delete;
  OwnerOnly& operator=(const OwnerOnly&) = delete;

 private:
  mode_t before_;
};

}  // namespace

Result<void> open_control_socket(Gateway& gateway, const std::filesystem::path& data) {
  const auto path = (data / control_socket_file).string();
  if (path.size() > path_bytes_max) {
    return fail(Errc::too_large,
                fmt::format("the path of the control socket, {}, has {} bytes, and a socket's may "
                            "have {}: give a shorter --data",
                            path, path.size(), path_bytes_max));
  }
  const OwnerOnly owner_only;
  if (const auto bound = gateway.bind("ipc://" + path); !bound) return bound;
  if (chmod(path.c_str(), 0600) != 0) {
    return fail(Errc::system, path + ": " + std::strerror(errno));
  }
  return {};
}

void remove_control_socket(const std::filesystem::path& data) {
  std::error_code ignored;
  std::filesystem::remove(data / control_socket_file, ignored);
}

}  // namespace chat262::broker

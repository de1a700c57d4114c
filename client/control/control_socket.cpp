#include "client/control/control_socket.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "client/control/outcome.hpp"
#include "protocol/codec.hpp"

namespace chat262::control {
namespace {

namespace fs = std::filesystem;

constexpr const char* usual_directory = "/var/lib/chat262";

// Whether somebody listens; what the system says if not.
int connect_once(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno;
  const int done = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int why = done == 0 ? 0 : errno;
  close(probe);
  return why;
}

void need_listener(const fs::path& data, const std::string& path) {
  const int why = connect_once(path);
  switch (why) {
    case 0:
      return;
    case ENOENT:
    case ENOTDIR:
      throw Failure{Exit::degraded, "no server runs on " + data.string() + ": there is no " + path};
    case ECONNREFUSED:
      throw Failure{Exit::degraded, "no server runs on " + data.string() +
                                        ": nobody listens at the " + path +
                                        " that one left behind"};
    case EACCES:
    case EPERM:
      throw Failure{Exit::degraded,
                    path + ": not allowed; ask as the user that the server runs as, or as root"};
    case ENAMETOOLONG:
      throw Failure{Exit::degraded, path + " is too long a path for a socket"};
    default:
      throw Failure{Exit::degraded, path + ": " + std::strerror(why)};
  }
}

}  // namespace

fs::path data_directory(const fs::path& given) {
  if (!given.empty()) return given;
  const fs::path usual = usual_directory;
  std::error_code error;
  if (fs::exists(usual / control_socket_file, error)) return usual;
  std::vector<fs::path> found;  // the service unit has a directory for each server
  for (const auto& entry : fs::directory_iterator(usual, error)) {
    if (fs::exists(entry.path() / control_socket_file, error)) found.push_back(entry.path());
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw Failure{Exit::usage, "which server? No one runs in " + usual.string() +
                                   " that this user may see; give its data directory with --data"};
  }
  std::string text = "which server? Give one of these with --data:";
  for (const auto& path : found) text += " " + path.string();
  throw Failure{Exit::usage, text};
}

ControlSocket::ControlSocket(const fs::path& data)
    : path_((data / control_socket_file).string()), context_(1) {
  need_listener(data, path_);
  connection_ = std::make_unique<client::Connection>(context_, "ipc://" + path_);
  if (getrandom(client_.bytes.data(), client_.bytes.size(), 0) !=
      static_cast<ssize_t>(client_.bytes.size())) {
    throw Failure{Exit::degraded, "no random numbers from the system"};
  }
}

Reply ControlSocket::ask(RequestBody body, std::int64_t wait_ms) {
  const Request request{
      .client = client_, .number = ++number_, .token = {}, .body = std::move(body)};
  const auto got = connection_->ask(encode_request(request), client::monotonic_ms() + wait_ms, -1);
  if (got.outcome != client::Connection::Outcome::answered) {
    throw Failure{Exit::no_answer, "the server at " + path_ + " does not answer"};
  }
  auto reply = decode_reply(got.answer, request.body);
  if (!reply) throw Failure{Exit::degraded, path_ + ": " + reply.error().text};
  return std::move(*reply);
}

void ControlSocket::refused(const Reply& reply) {
  const auto* error = std::get_if<reply::ErrorBody>(&reply.body);
  if (reply.status == Status::unknown_operation) {
    throw Failure{Exit::degraded, "the server is of an older version, which cannot do that"};
  }
  throw Failure{Exit::degraded, error != nullptr ? error->text : "an answer that fits no request"};
}

}  // namespace chat262::control

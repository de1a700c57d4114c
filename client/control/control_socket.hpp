// The control socket of a server on this machine, DIR/control.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "client/connection.hpp"
#include "protocol/client_messages.hpp"

namespace chat262::control {

// The data directory to use: `given`, or if that is empty the one server's in /var/lib/chat262.
// Throws Failure if that is not clear.
[[nodiscard]] std::filesystem::path data_directory(const std::filesystem::path& given);

class ControlSocket {
 public:
  // Throws Failure if no server listens there, or the system does not let this user ask.
  explicit ControlSocket(const std::filesystem::path& data);

  // One request, one answer; a refusal is an answer. Throws Failure if none comes within `wait_ms`.
  [[nodiscard]] Reply ask(RequestBody body, std::int64_t wait_ms);
  // As ask(); a refusal is thrown as a Failure.
  template <class T>
  [[nodiscard]] T get(RequestBody body, std::int64_t wait_ms) {
    auto reply = ask(std::move(body), wait_ms);
    if (auto* found = std::get_if<T>(&reply.body)) return std::move(*found);
    refused(reply);
  }

 private:
  [[noreturn]] static void refused(const Reply& reply);

  std::string path_;
  zmq::context_t context_;
  std::unique_ptr<client::Connection> connection_;
  ClientId client_{};
  std::uint64_t number_ = 0;
};

}  // namespace chat262::control

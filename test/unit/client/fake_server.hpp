// A server that answers as a test says: one ROUTER socket on a thread of its own, speaking the real
// protocol. Listening on an address does not depend on any other part of the server.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "protocol/client_messages.hpp"

namespace chat262::client {

class FakeServer {
 public:
  // The reply, or nullopt for silence. Called on the server's thread.
  using Answer = std::function<std::optional<Reply>(const Request& request)>;

  FakeServer(std::string endpoint, Answer answer);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  // What has come so far.
  [[nodiscard]] std::vector<Request> requests();

 private:
  void run();

  std::string endpoint_;
  Answer answer_;
  std::mutex mutex_;
  std::vector<Request> requests_;
  std::atomic<bool> listening_{false};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

[[nodiscard]] Reply error_reply(Status status, reply::ErrorBody body = {});
[[nodiscard]] Reply sent_reply();

}  // namespace chat262::client

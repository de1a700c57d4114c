// The thread that talks to the cluster for the interactive session, one job after the other, so
// that typing never waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "chat262/client.hpp"

namespace chat262::client {

class Worker {
 public:
  using Job = std::function<void(Client&)>;

  explicit Worker(Options options);
  // Waits for the job under way; those not begun are dropped.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(Job job);
  [[nodiscard]] std::size_t waiting();
  // No job is waiting or under way.
  [[nodiscard]] bool idle();
  // From now on insist() asks only once.
  void stop_insisting() { insisting_ = false; }

  // In a job: repeats `call` under the same request id while its outcome is unknown.
  // `on_unknown` is told each time.
  template <class T>
  Outcome<T> insist(Client& client, const std::function<Outcome<T>(Client&)>& call,
                    const std::function<void(const Unknown&)>& on_unknown) {
    for (;;) {
      Outcome<T> outcome = call(client);
      const Unknown* unknown = outcome.unknown();
      if (unknown == nullptr || !insisting_) return outcome;
      on_unknown(*unknown);
      client.with_request(unknown->request);
    }
  }

 private:
  void run();

  Client client_;
  std::atomic<bool> insisting_{true};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool busy_ = false;
  bool ending_ = false;
  std::thread thread_;
};

// Looks after servers that did not answer, and tells when they do again.
class Watcher {
 public:
  // `on_back` is called on the watcher's thread.
  Watcher(Options options, std::function<void(unsigned server)> on_back);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void watch(unsigned server);

 private:
  void run();

  Client client_;
  std::function<void(unsigned)> on_back_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<unsigned> servers_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace chat262::client

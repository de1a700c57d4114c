#include "client/terminal/worker.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

namespace chat262::client {
namespace {

constexpr std::chrono::milliseconds watch_every{1000};

// Signals are for the thread that owns the screen.
std::thread start_without_signals(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Worker::Worker(Options options)
    : client_(std::move(options)), thread_(start_without_signals([this] { run(); })) {}

Worker::~Worker() {
  insisting_ = false;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Worker::add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
}

std::size_t Worker::waiting() {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

bool Worker::idle() {
  const std::lock_guard lock(mutex_);
  return jobs_.empty() && !busy_;
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    busy_ = false;
    changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) break;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    job(client_);
    lock.lock();
  }
  lock.unlock();
  client_.unsubscribe();
}

Watcher::Watcher(Options options, std::function<void(unsigned)> on_back)
    : client_(std::move(options)),
      on_back_(std::move(on_back)),
      thread_(start_without_signals([this] { run(); })) {}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watcher::watch(unsigned server) {
  {
    const std::lock_guard lock(mutex_);
    if (std::find(servers_.begin(), servers_.end(), server) != servers_.end()) return;
    servers_.push_back(server);
  }
  changed_.notify_all();
}

void Watcher::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (servers_.empty()) {
      changed_.wait(lock);
      continue;
    }
    changed_.wait_for(lock, watch_every, [this] { return ending_; });
    const std::deque<unsigned> servers = servers_;
    for (const unsigned server : servers) {
      if (ending_) return;
      lock.unlock();
      const bool back = client_.hello(server).done();
      if (back) on_back_(server);
      lock.lock();
      if (back) std::erase(servers_, server);
    }
  }
}

}  // namespace chat262::client

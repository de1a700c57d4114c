// A queue with one lock and a condition, from the reactor to a worker thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace chat262::broker {

template <class T>
class WorkQueue {
 public:
  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    wake_.notify_one();
  }

  // False if there are `limit` items already; `item` is then gone.
  [[nodiscard]] bool push_if_below(std::size_t limit, T item) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= limit) return false;
      items_.push_back(std::move(item));
    }
    wake_.notify_one();
    return true;
  }

  // No more items come; workers end when the queue is empty.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
  }

  // As close(), and what waits is not done any more.
  void abandon() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      items_.clear();
    }
    wake_.notify_all();
  }

  // Waits for an item. nullopt: closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  // Waits for items, at most `wait`, and takes all there are. False: closed and empty.
  bool pop_all(std::vector<T>& items, std::chrono::milliseconds wait) {
    items.clear();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, wait, [this] { return closed_ || !items_.empty(); });
    for (auto& item : items_) items.push_back(std::move(item));
    items_.clear();
    return !(closed_ && items.empty());
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace chat262::broker

// The events thread of a Client: asks for events again and again with connections of its own,
// keeps its place over failovers, and passes each message on once.
//
// Threads: constructed and destroyed by the Client's thread; everything between happens on the
// thread it starts. The destructor waits for a running callback.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "client/caller.hpp"

namespace chat262::client {

// Which messages were delivered lately. After a merge of two histories a cursor may lead back, and
// what was seen before comes again.
class RecentIds {
 public:
  static constexpr std::size_t ids_max = 4096;
  // False if `id` was added before and is not forgotten yet.
  bool add(const MessageId& id);

 private:
  std::set<MessageId> known_;
  std::deque<MessageId> order_;
};

struct SubscriptionCallbacks {
  std::function<void(const Event&, const Cursor& next)> on_event;
  std::function<void(const Progress&)> on_progress;
  std::function<void(const Refused&)> on_end;
};

class Subscription {
 public:
  Subscription(zmq::context_t& context, const Options& options, ClientId client, Bytes token,
               std::optional<chat262::Cursor> since, SubscriptionCallbacks callbacks);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

 private:
  void run();
  bool take(const Caller::Result& result);  // false: the end
  void deliver(const reply::Events& events);

  zmq::context_t& context_;
  Options options_;
  Request request_;
  std::optional<chat262::Cursor> since_;
  SubscriptionCallbacks callbacks_;
  RecentIds recent_;
  int cancel_fd_;  // an eventfd: readable once the end is wanted
  std::thread thread_;
};

}  // namespace chat262::client

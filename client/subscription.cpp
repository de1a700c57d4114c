#include "client/subscription.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "client/convert.hpp"
#include "protocol/limits.hpp"

namespace chat262::client {
namespace {

constexpr Milliseconds round_timeout{10'000};  // of one call; then the next: there is no deadline
constexpr unsigned page_events = 200;

}  // namespace

bool RecentIds::add(const MessageId& id) {
  if (!known_.insert(id).second) return false;
  order_.push_back(id);
  if (order_.size() > ids_max) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

Subscription::Subscription(zmq::context_t& context, const Options& options, ClientId client,
                           Bytes token, std::optional<chat262::Cursor> since,
                           SubscriptionCallbacks callbacks)
    : context_(context),
      options_(options),
      request_{.client = client, .number = 0, .token = std::move(token), .body = {}},
      since_(std::move(since)),
      callbacks_(std::move(callbacks)),
      cancel_fd_(eventfd(0, EFD_CLOEXEC)) {
  if (cancel_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  // Signals are the program's business: none of them may end up on this thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(cancel_fd_);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Subscription::~Subscription() {
  const std::uint64_t one = 1;
  while (::write(cancel_fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  ::close(cancel_fd_);
}

void Subscription::run() {
  Caller caller(context_, options_.servers, options_.poll, callbacks_.on_progress, cancel_fd_);
  // Safely within the poll, or every quiet wait would look like a dead server.
  const auto wait_ms = static_cast<std::uint32_t>(
      std::min<std::int64_t>(limits::wait_ms_max, options_.poll.count() * 7 / 10));
  for (;;) {
    // The first answer of "from now on" is wanted at once: it says where now is.
    ++request_.number;
    request_.body =
        request::Events{.since = since_, .wait_ms = since_ ? wait_ms : 0, .limit = page_events};
    const Caller::Result result = caller.call(request_, round_timeout);
    if (result.cancelled || !take(result)) return;
  }
}

bool Subscription::take(const Caller::Result& result) {
  if (!result.reply) return true;  // nobody answered; the caller has said so, and goes on
  if (const auto* events = std::get_if<reply::Events>(&result.reply->body)) {
    deliver(*events);
    return true;
  }
  if (callbacks_.on_end) callbacks_.on_end(to_refused(*result.reply));
  return false;
}

void Subscription::deliver(const reply::Events& events) {
  const Cursor next = to_string_bytes(events.next);
  for (const chat262::Event& event : events.events) {
    const auto* message = std::get_if<chat262::Message>(&event);
    if (message != nullptr && !recent_.add(message->id)) continue;
    const Event shown = to_public(event);
    // Going on from an event's own place repeats nothing before it and loses nothing after it.
    const Cursor at = std::visit([](const auto& e) { return e.at; }, shown);
    callbacks_.on_event(shown, at.empty() ? next : at);
  }
  since_ = events.next;
}

}  // namespace chat262::client

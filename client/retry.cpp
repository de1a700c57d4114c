#include "client/retry.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace chat262::client {
namespace {

// Half of `ms`, and a random part of the other half.
std::int64_t jittered(std::int64_t ms, std::uint32_t jitter) {
  const std::int64_t half = ms / 2;
  return half + (ms - half) * static_cast<std::int64_t>(jitter & 0xffffU) / 0xffff;
}

}  // namespace

Retry::Retry(const Rules& rules) : rules_(rules) {
  if (rules_.servers == 0) {
    std::fputs("Retry: a cluster has at least one server\n", stderr);
    std::abort();
  }
  clear_round();
}

Retry::Step Retry::begin(Instant now, Instant deadline) {
  deadline_ = deadline;
  rounds_ = 0;
  clear_round();
  return ask(preferred_, now);
}

Retry::Step Retry::after(const Event& event, Instant now, std::uint32_t jitter) {
  if (std::holds_alternative<Answered>(event)) {
    preferred_ = current_;
    return Finished{};
  }
  if (std::holds_alternative<Paused>(event)) return ask(current_, now);
  if (const auto* hint = std::get_if<NotLeader>(&event)) return redirected(*hint, now, jitter);
  if (const auto* busy = std::get_if<Busy>(&event)) {
    const auto asked = std::min<std::int64_t>(busy->retry_ms, rules_.busy_ms_max);
    const auto least = std::max(asked, rules_.hint_retry_ms);
    return pause(least + jittered(rules_.hint_retry_ms, jitter), current_, false, now);
  }
  return failed(now, jitter);  // NoAnswer, Unavailable
}

Retry::Step Retry::ask(unsigned server, Instant now) {
  current_ = server;
  if (now >= deadline_) return GiveUp{};
  return Ask{.server = server, .until = std::min(now + rules_.poll_ms, deadline_)};
}

Retry::Step Retry::pause(std::int64_t ms, unsigned then, bool round_failed, Instant now) {
  current_ = then;
  if (now + ms >= deadline_) return GiveUp{};
  return Pause{.until = now + ms, .server = then, .round_failed = round_failed};
}

Retry::Step Retry::failed(Instant now, std::uint32_t jitter) {
  failed_[current_] = true;
  if (const auto next = next_in_order()) return ask(*next, now);
  return end_round((current_ + 1) % rules_.servers, now, jitter);
}

Retry::Step Retry::redirected(const NotLeader& event, Instant now, std::uint32_t jitter) {
  if (!event.hint || *event.hint >= rules_.servers || *event.hint == current_) {
    return failed(now, jitter);  // it knows nobody: no better than no answer
  }
  const unsigned hint = *event.hint;
  if (++redirects_ > rules_.redirects_max) return end_round(hint, now, jitter);
  if (failed_[hint]) {
    if (++patience_ <= rules_.hint_patience) {
      return pause(rules_.hint_retry_ms, current_, false, now);
    }
    // It hears the server that we did not. Believe it once; if that fails, the round is over.
    patience_ = 0;
    failed_[current_] = true;
    failed_[hint] = false;
    return ask(hint, now);
  }
  pointed_away_[current_] = true;
  if (pointed_away_[hint]) return pause(rules_.hint_retry_ms, hint, false, now);
  return ask(hint, now);
}

Retry::Step Retry::end_round(unsigned then, Instant now, std::uint32_t jitter) {
  const unsigned doublings = std::min(rounds_, 16U);
  const std::int64_t ms =
      std::min(rules_.backoff_ms_min * (std::int64_t{1} << doublings), rules_.backoff_ms_max);
  ++rounds_;
  clear_round();
  return pause(jittered(ms, jitter), then, true, now);
}

void Retry::clear_round() {
  failed_.assign(rules_.servers, false);
  pointed_away_.assign(rules_.servers, false);
  redirects_ = 0;
  patience_ = 0;
}

std::optional<unsigned> Retry::next_in_order() const {
  for (unsigned step = 1; step < rules_.servers; ++step) {
    const unsigned server = (current_ + step) % rules_.servers;
    if (!failed_[server]) return server;
  }
  return std::nullopt;
}

}  // namespace chat262::client

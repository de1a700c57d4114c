#include "broker/scrub.hpp"

#include <chrono>
#include <string>

#include "broker/inbox.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

namespace {

constexpr std::size_t piece_bytes = 256 << 10;

TimeMs wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return TimeMs{{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()}};
}

}  // namespace

ScrubThread::ScrubThread(const store::Log& log, store::Tables& tables, Inbox& inbox,
                         std::uint64_t bytes_per_second)
    : log_(log),
      tables_(tables),
      inbox_(inbox),
      bytes_per_second_(bytes_per_second),
      thread_([this] { run(); }) {}

ScrubThread::~ScrubThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::uint64_t ScrubThread::pass_now() {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++asked_;
  }
  wake_.notify_all();
  return number;
}

void ScrubThread::run() {
  while (wait_for_pass()) pass();
}

bool ScrubThread::wait_for_pass() {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stop_ || asked_ > begun_; };
  if (bytes_per_second_ == 0) {
    wake_.wait(lock, ready);
  } else if (scrubbed_.passes > 0) {
    wake_.wait_for(lock, std::chrono::milliseconds(limits::scrub_pause_ms), ready);
  }
  present_ = asked_ > begun_ ? asked_ : 0;
  begun_ = asked_;
  return !stop_;
}

bool ScrubThread::rest(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  if (asked_ > begun_) return false;  // begin again, at once
  if (present_ == 0 && bytes_per_second_ > 0) {
    const auto wait = std::chrono::milliseconds(bytes * 1000 / bytes_per_second_);
    wake_.wait_for(lock, wait, [this] { return stop_ || asked_ > begun_; });
  }
  return !stop_ && asked_ == begun_;
}

void ScrubThread::pass() {
  entries_ = 0;
  Seq at = seq(1);
  while (at <= log_.last()) {
    const auto entries = log_.read(at, log_.last(), piece_bytes);
    std::uint64_t bytes = 0;
    if (entries) {
      for (const Entry& entry : *entries) bytes += entry.size_bytes();
      entries_ += entries->size();
      at = entries->back().seq.next();
    } else {
      if (entries.error().code == Errc::corrupt) inbox_.push(LogDamaged{at});
      at = at.next();
    }
    if (!rest(bytes)) return;
  }
  std::string next;
  bool damaged = false;
  do {
    const auto done = tables_.check(next, piece_bytes);
    damaged = !done;
    if (damaged) break;  // it shows in Tables::fault()
    next = *done;
    if (!rest(piece_bytes)) return;
  } while (!next.empty());
  ++scrubbed_.passes;
  scrubbed_.ended = wall_clock();
  scrubbed_.entries = entries_;
  scrubbed_.asked = present_;
  scrubbed_.tables_damaged = damaged;
  inbox_.push(scrubbed_);
}

}  // namespace chat262::broker

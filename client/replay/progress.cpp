#include "client/replay/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace chat262::replay {
namespace {

constexpr auto redraw_every = std::chrono::milliseconds(100);
constexpr std::uint64_t bar_columns = 30;

}  // namespace

ProgressBar::ProgressBar(std::string label, std::uint64_t total, Show show)
    : label_(std::move(label)),
      total_(total),
      show_(show),
      terminal_(show == Show::all && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  finish();
}

void ProgressBar::set(std::uint64_t done) {
  const auto now = Clock::now();
  if (!begun_) {
    begun_ = true;
    first_ = done;
    begin_ = now;
  }
  done_ = done;
  if (!terminal_ || now - drawn_at_ < redraw_every) return;
  drawn_at_ = now;
  draw();
}

void ProgressBar::note(const std::string& text) {
  if (show_ == Show::nothing) return;
  clear();
  std::fprintf(stderr, "%s\n", text.c_str());
  if (terminal_ && begun_) draw();
}

void ProgressBar::finish() {
  clear();
}

void ProgressBar::draw() {
  const std::chrono::duration<double> spent = Clock::now() - begin_;
  const auto work = static_cast<double>(done_ - std::min(first_, done_));
  const double rate = spent.count() > 0 ? work / spent.count() : 0;
  std::string line = label_ + " ";
  if (total_ > 0) {
    const auto part = std::min(done_, total_);
    const auto filled = part * bar_columns / total_;
    line += fmt::format("[{:#<{}}{:.<{}}] {:3}% {}/{}", "", filled, "", bar_columns - filled,
                        part * 100 / total_, grouped(done_), grouped(total_));
  } else {
    line += grouped(done_);
  }
  line += fmt::format("  {}/s", grouped(static_cast<std::uint64_t>(rate)));
  if (total_ > done_ && rate > 0) {
    const auto left = static_cast<std::uint64_t>(static_cast<double>(total_ - done_) / rate);
    line += fmt::format("  {}:{:02} left", left / 60, left % 60);
  }
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (drawn_) std::fprintf(stderr, "\r\x1b[K");
  drawn_ = false;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

}  // namespace chat262::replay

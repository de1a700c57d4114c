// What a long run shows on standard error: a bar on a terminal, and notes as lines anywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace chat262::replay {

class ProgressBar {
 public:
  enum class Show { all, notes, nothing };

  // Draws a bar if `show` is all and standard error is a terminal. `total` 0: not known.
  ProgressBar(std::string label, std::uint64_t total, Show show);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` of the total; redraws a few times a second at most.
  void set(std::uint64_t done);
  void note(const std::string& text);
  void finish();  // removes the bar; also done by the destructor

 private:
  using Clock = std::chrono::steady_clock;
  void draw();
  void clear();

  std::string label_;
  std::uint64_t total_;
  Show show_;
  bool terminal_;
  bool drawn_ = false;
  std::uint64_t done_ = 0;
  std::uint64_t first_ = 0;  // `done` of the first call of set(): not this run's work
  bool begun_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point drawn_at_{};
};

// "76256" -> "76,256"
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace chat262::replay

// Reads the whole log and all tables again and again, slowly, for flipped bits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "protocol/ids.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

class Inbox;

struct Scrubbed {  // passes over everything, in this life
  std::uint64_t passes = 0;
  TimeMs ended{};             // the last of them; 0: none has
  std::uint64_t entries = 0;  // checked in it
  std::uint64_t asked = 0;    // what pass_now() returned for it; 0: nobody had asked
  bool tables_damaged = false;
};

// Answers LogDamaged for each damaged entry that it meets, Scrubbed at the end of a pass. Damage in
// the tables shows in Tables::fault().
class ScrubThread {
 public:
  // `bytes_per_second`: 0: only when pass_now() says so.
  ScrubThread(const store::Log& log, store::Tables& tables, Inbox& inbox,
              std::uint64_t bytes_per_second);
  ~ScrubThread();
  // Begins a pass at once, at full speed. Its number, from 1.
  std::uint64_t pass_now();
  // Read in the present or the last pass.
  [[nodiscard]] std::uint64_t entries() const { return entries_; }

 private:
  void run();
  void pass();
  // Waits as long as reading `bytes` may take. False: the thread must end.
  bool rest(std::uint64_t bytes);
  bool wait_for_pass();

  const store::Log& log_;
  store::Tables& tables_;
  Inbox& inbox_;
  const std::uint64_t bytes_per_second_;
  Scrubbed scrubbed_;
  std::atomic<std::uint64_t> entries_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::uint64_t asked_ = 0;    // passes asked for so far
  std::uint64_t begun_ = 0;    // of these
  std::uint64_t present_ = 0;  // number of the present pass; 0: nobody asked for it
  std::thread thread_;
};

}  // namespace chat262::broker

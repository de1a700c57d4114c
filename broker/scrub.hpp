// Reads the whole log and all tables again and again, slowly, for flipped bits.
#pragma once

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
};

// Answers LogDamaged for each damaged entry that it meets, Scrubbed at the end of a pass. Damage in
// the tables shows in Tables::fault().
class ScrubThread {
 public:
  // `bytes_per_second`: 0: only when pass_now() says so.
  ScrubThread(const store::Log& log, store::Tables& tables, Inbox& inbox,
              std::uint64_t bytes_per_second);
  ~ScrubThread();
  // Begins a pass at once, at full speed.
  void pass_now();

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
  std::uint64_t entries_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  bool asked_ = false;  // for a pass at once
  bool hurry_ = false;  // the present pass is one
  std::thread thread_;
};

}  // namespace chat262::broker

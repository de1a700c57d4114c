// One simulated server: what survives its crashes, and what does not. Private to World.
#pragma once

#include <deque>

#include "test/support/world.hpp"

namespace chat262::test {

struct World::Server {
  Server(ServerId server_id, std::int64_t clock_offset) : id(server_id), offset_ms(clock_offset) {}

  ServerId id;
  std::int64_t offset_ms;  // clocks of two machines have nothing in common
  Disk disk;
  Life life = Life::dead;
  std::uint64_t lives = 0;
  bool lost_once = false;  // its disk was lost or replaced by an old copy
  std::uint32_t next_nonce = 1;

  // Of this life.
  std::unique_ptr<Model> model;
  std::unique_ptr<replica::Replica> core;
  EntryLog log;  // as the core believes it to be: on disk, or its write is under way
  Time wakes = never;
  Time ticked = 0;
  std::deque<replica::Input> aside;  // while paused
  std::vector<Answer> answers;
  std::vector<std::uint64_t> held;  // handles of requests that wait for a decision
  std::vector<Waiting> waiting;     // accepted, not committed
  Seq committed{};
  Seq found{};       // the tables stood here at the start
  bool led = false;  // in this life: only then may something be applied that is not committed
  bool in_step = false;
  unsigned crash_at = 0;  // if not 0: it crashes before that many more actions are done
  Time full_tell = never;

  // What the checkers remember.
  std::size_t acks_seen = 0;  // acknowledged requests known to be in `log`
  Epoch served{};             // the last epoch it was seen to serve in
  std::string unavailable;    // the last reason it gave
};

}  // namespace chat262::test

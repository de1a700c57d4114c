// Breadth first over every order of events within the bounds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "test/model/rules.hpp"

namespace chat262::model {

// 64-bit fingerprints of the clusters seen, open addressing.
class Seen {
 public:
  Seen() : slots_(1U << 20) {}
  bool add(std::uint64_t print);  // false: it was there
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void grow();
  std::vector<std::uint64_t> slots_;  // 0: free
  std::size_t size_ = 0;
};

struct Limits {
  std::uint64_t states_max = 200'000'000;
  std::uint64_t memory_mib_max = 3000;
  unsigned seconds_max = 3600;
  unsigned ends_every = 1;  // from every so manyth quiet state all is made well; 0: from none
  bool progress = false;    // a line for every depth
};

struct Outcome {
  std::string broken;               // empty: nothing
  std::vector<std::uint16_t> path;  // of packed events, from the first state to where it broke
  bool in_the_end = false;          // it is not made well
  bool complete = false;            // every state within the bounds was seen
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint64_t beyond = 0;  // transitions that were not followed: see Bounds::epochs
  std::uint64_t ends = 0;    // states from which all was made well, to see that it can be
  unsigned depth = 0;
  std::uint64_t widest = 0;
  double seconds = 0;
  std::uint64_t memory_mib = 0;
};

class Explorer {
 public:
  Explorer(Rules& rules, Limits limits) : rules_(rules), limits_(limits) {}
  [[nodiscard]] Outcome run(const Cluster& first);
  // Prints, should the core abort in a step, how it came to that.
  void say_where(const Cluster& first) const;

 private:
  struct Trace {  // of one state: from which it was reached first, and how
    std::uint32_t parent = 0;
    std::uint16_t event = 0;
  };
  [[nodiscard]] std::vector<std::uint16_t> path_to(std::uint32_t state) const;

  Rules& rules_;
  Limits limits_;
  Seen seen_;
  std::vector<Trace> traces_;
  std::uint32_t at_ = 0;  // the state that is looked at
  Event event_{};
};

// The story of a path, an event a line; and how all is made well then, or not.
void print_path(Rules& rules, Cluster cluster, const std::vector<std::uint16_t>& path,
                bool and_the_end = false);

}  // namespace chat262::model

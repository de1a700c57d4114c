#include "test/model/explore.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace chat262::model {

namespace {

std::uint64_t memory_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) / 1024;
}

std::uint64_t print_of(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t print = 0x243f6a8885a308d3 + bytes.size();
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    for (unsigned k = 0; k < 8; ++k) word |= static_cast<std::uint64_t>(bytes[i + k]) << 8 * k;
    print = mixed(print * 0x9e3779b97f4a7c15 + word);
  }
  for (; i < bytes.size(); ++i) print = mixed(print * 0x9e3779b97f4a7c15 + bytes[i]);
  return print == 0 ? 1 : print;
}

// The clusters of one depth, packed one behind the other.
struct Level {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> states;
  void clear() {
    bytes.clear();
    states.clear();
  }
  void add(const std::vector<std::uint8_t>& packed, std::uint32_t state) {
    bytes.push_back(static_cast<std::uint8_t>(packed.size() & 255));
    bytes.push_back(static_cast<std::uint8_t>(packed.size() >> 8));
    bytes.insert(bytes.end(), packed.begin(), packed.end());
    states.push_back(state);
  }
};

}  // namespace

bool Seen::add(std::uint64_t print) {
  if ((size_ + 1) * 10 > slots_.size() * 7) grow();
  std::size_t at = print & (slots_.size() - 1);
  while (slots_[at] != 0) {
    if (slots_[at] == print) return false;
    at = (at + 1) & (slots_.size() - 1);
  }
  slots_[at] = print;
  ++size_;
  return true;
}

void Seen::grow() {
  std::vector<std::uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  for (const std::uint64_t print : old) {
    if (print == 0) continue;
    std::size_t at = print & (slots_.size() - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = print;
  }
}

Outcome Explorer::run(const Cluster& first) {
  const auto began = std::chrono::steady_clock::now();
  Outcome outcome;
  std::uint64_t ends = 0;
  Level level;
  Level next;
  std::vector<std::uint8_t> packed;
  std::vector<Event> events;
  first.pack(packed);
  seen_.add(print_of(packed));
  traces_.push_back({});
  level.add(packed, 0);
  const auto finish = [&](bool complete) {
    outcome.complete = complete;
    outcome.states = seen_.size();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - began;
    outcome.seconds = spent.count();
    outcome.memory_mib = memory_mib();
    return outcome;
  };
  const auto breaks = [&](const std::string& what, std::uint32_t state) {
    outcome.broken = what;
    outcome.path = path_to(state);
  };
  for (; !level.states.empty(); ++outcome.depth) {
    outcome.widest = std::max<std::uint64_t>(outcome.widest, level.states.size());
    const std::uint8_t* at = level.bytes.data();
    for (const std::uint32_t state : level.states) {
      const std::size_t size = at[0] | static_cast<std::size_t>(at[1]) << 8;
      const Cluster cluster = Cluster::unpack(at + 2);
      at += 2 + size;
      at_ = state;
      rules_.events(cluster, events);
      for (const Event& event : events) {
        event_ = event;
        Cluster after = cluster;
        const std::string broken = rules_.apply(after, event);
        ++outcome.transitions;
        if (!broken.empty()) {
          breaks(broken, state);
          outcome.path.push_back(event.packed());
          return finish(false);
        }
        // Asked for nothing: as if it had not been asked, or later.
        if (event.kind == Kind::asked && !rules_.face(after, event.server).candidate) continue;
        if (rules_.beyond(after)) {
          ++outcome.beyond;
          continue;
        }
        packed.clear();
        after.pack(packed);
        if (!seen_.add(print_of(packed))) continue;
        const auto number = static_cast<std::uint32_t>(traces_.size());
        traces_.push_back({state, event.packed()});
        next.add(packed, number);
      }
      if (limits_.ends_every != 0 && cluster.quiet() && ends++ % limits_.ends_every == 0) {
        ++outcome.ends;
        Cluster end = cluster;
        std::string why;
        if (!rules_.settles(end, why)) {
          breaks(why, state);
          outcome.in_the_end = true;
          return finish(false);
        }
      }
    }
    if (limits_.progress) {
      std::printf("depth %u: %zu states, %zu servers, %llu MiB\n", outcome.depth, seen_.size(),
                  rules_.all().states(), static_cast<unsigned long long>(memory_mib()));
      std::fflush(stdout);
    }
    level.clear();
    std::swap(level, next);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - began;
    if (seen_.size() > limits_.states_max || memory_mib() > limits_.memory_mib_max ||
        spent.count() > limits_.seconds_max) {
      return finish(level.states.empty());
    }
  }
  return finish(true);
}

std::vector<std::uint16_t> Explorer::path_to(std::uint32_t state) const {
  std::vector<std::uint16_t> path;
  for (; state != 0; state = traces_[state].parent) path.push_back(traces_[state].event);
  std::reverse(path.begin(), path.end());
  return path;
}

void Explorer::say_where(const Cluster& first) const {
  std::vector<std::uint16_t> path = path_to(at_);
  print_path(rules_, first, path);
  std::printf("  then: ");
  std::printf("%u %s (from or about %u)\n", event_.server, name_of(event_.kind), event_.other);
}

void print_path(Rules& rules, Cluster cluster, const std::vector<std::uint16_t>& path,
                bool and_the_end) {
  for (const std::uint16_t packed : path) {
    const Event event = Event::unpacked(packed);
    std::printf("  %s\n", rules.text_of(cluster, event).c_str());
    const std::string broken = rules.apply(cluster, event);
    if (!broken.empty()) std::printf("  => %s\n", broken.c_str());
  }
  std::printf("%s", rules.text_of(cluster).c_str());
  if (!and_the_end) return;
  constexpr unsigned lines = 150;
  rules.telling = lines;
  std::string why;
  std::printf("  and when all is well again:\n");
  if (!rules.settles(cluster, why)) std::printf("  => %s\n", why.c_str());
}

}  // namespace chat262::model

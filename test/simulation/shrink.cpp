// Delta debugging (Zeller, Hildebrandt 2002) on the list of faults; clients and the end by trying.
#include "test/simulation/shrink.hpp"

#include <algorithm>

#include "test/simulation/clients.hpp"

namespace chat262::test {

namespace {

class Shrinker {
 public:
  Shrinker(Options failing, const std::function<void(const std::string&)>& told)
      : best_(std::move(failing)), told_(told) {}

  Options shrink() {
    const RunResult first = run(best_, {});
    if (!first.failed()) return best_;
    best_.faults = first.faults;
    best_.until = first.worked_until;
    if (best_.clients == ~0U) best_.clients = (1U << first.clients) - 1;
    if (!run(best_, {}).failed()) {
      told_("the list of its faults alone does not fail");
      return best_;
    }
    for (bool smaller = true; smaller;) {
      smaller = drop_clients();
      smaller = shorten() || smaller;
      smaller = drop_faults() || smaller;
    }
    return best_;
  }

 private:
  bool try_this(const Options& options) {
    const RunResult result = run(options, {});
    if (!result.failed()) return false;
    best_ = options;
    best_.faults = result.faults;  // some of them were not injected
    told_(std::to_string(best_.faults->size()) + " faults, until " +
          std::to_string(*best_.until / milliseconds) +
          " ms: " + result.why.substr(0, result.why.find('\n')));
    return true;
  }

  bool drop_clients() {
    bool smaller = false;
    for (unsigned i = 0; i < clients_max; ++i) {
      if ((best_.clients >> i & 1U) == 0) continue;
      Options options = best_;
      options.clients &= ~(1U << i);
      smaller = try_this(options) || smaller;
    }
    return smaller;
  }

  bool shorten() {
    bool smaller = false;
    for (const Time share : {50, 75, 90}) {
      Options options = best_;
      options.until = *best_.until * share / 100 / milliseconds * milliseconds;
      smaller = try_this(options) || smaller;
    }
    return smaller;
  }

  bool drop_faults() {
    bool smaller = false;
    std::size_t piece = std::max<std::size_t>(best_.faults->size() / 2, 1);
    while (piece > 0 && !best_.faults->empty()) {
      for (std::size_t from = 0; from < best_.faults->size();) {
        Options options = best_;
        auto& faults = *options.faults;
        const std::size_t to = std::min(from + piece, faults.size());
        faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(from),
                     faults.begin() + static_cast<std::ptrdiff_t>(to));
        if (try_this(options)) {
          smaller = true;
        } else {
          from += piece;
        }
      }
      piece /= 2;
    }
    return smaller;
  }

  Options best_;
  const std::function<void(const std::string&)>& told_;
};

}  // namespace

Options shrink(const Options& failing, const std::function<void(const std::string&)>& told) {
  return Shrinker(failing, told).shrink();
}

}  // namespace chat262::test

// `chat262ctl verify`: whether all servers hold the same history, and hold it whole.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/control/status.hpp"

namespace chat262::control {

struct Verification {
  struct Row {
    unsigned server = 0;
    bool up = false;
    std::uint64_t compared_at = 0;  // entry at which its chain's hash equals another's; 0: none yet
    bool differs = false;           // a hash of it at some entry is not another's
    client::ServerStatus status;    // newest
  };
  std::vector<Row> rows;  // in leader order
  // ok: all are up, equal somewhere, read to the end at least once, and nothing is damaged.
  [[nodiscard]] Exit verdict() const;
};

// Asks again and again until everything is known, or for `wait`.
[[nodiscard]] Verification verify(const std::vector<client::Address>& known,
                                  std::chrono::milliseconds wait);

// Lines for people.
[[nodiscard]] std::string verification_text(const Verification& verification);

}  // namespace chat262::control

// Waiting for what sockets do in their own time.
#pragma once

#include <chrono>
#include <thread>

namespace chat262::broker::test {

inline constexpr auto patience = std::chrono::seconds(10);

template <class Done>
bool eventually(const Done& done) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (done()) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace chat262::broker::test

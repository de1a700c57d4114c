// A 128-bit fingerprint of structured values. Two values of one type whose fingerprints are equal
// are taken for equal; with 10^7 of them the chance of an error is below 10^-24.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/entry.hpp"

namespace chat262::model {

struct Print {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Print&) const = default;
};

// The finalizer of splitmix64: every bit of the result depends on every bit of `value`.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class Digest {
 public:
  [[nodiscard]] Print print() const { return print_; }

  // Everything at once; containers with their sizes, so that nothing runs into its neighbour.
  template <class... T>
  Digest& add(const T&... values) {
    (one(values), ...);
    return *this;
  }

 private:
  void word(std::uint64_t value) {
    print_.low = mixed(print_.low + 0x9e3779b97f4a7c15 + value);
    print_.high = mixed((print_.high ^ value) * 0xd6e8feb86659fd93 + print_.low);
  }

  template <class T>
  void one(const T& value) {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      word(static_cast<std::uint64_t>(value));
    } else if constexpr (requires { std::is_integral_v<decltype(value.value)>; }) {
      word(static_cast<std::uint64_t>(value.value));  // a Number
    } else if constexpr (requires { value.bytes; }) {
      range(value.bytes);  // an Id or a Hash
    } else {
      range(value);
    }
  }
  void one(const std::string& value) { range(value); }
  void one(const Epoch& value) { add(value.counter, value.server); }
  void one(const Position& value) { add(value.epoch, value.seq); }
  void one(const Incarnation& value) { add(value.counter, value.nonce); }
  void one(const RequestId& value) { add(value.client, value.number); }
  void one(const Member& value) { add(value.server, value.incarnation); }
  void one(const View& value) { add(value.leader, value.members, value.forced); }
  // The chain covers all the rest, and what stands before it.
  void one(const Entry& value) { add(value.epoch, value.seq, value.request, value.hash); }
  template <class A, class B>
  void one(const std::pair<A, B>& value) {
    add(value.first, value.second);
  }
  template <class T>
  void one(const std::optional<T>& value) {
    word(value ? 1 : 0);
    if (value) one(*value);
  }
  template <class Range>
  void range(const Range& values) {
    word(values.size());
    for (const auto& value : values) one(value);
  }

  Print print_{0x243f6a8885a308d3, 0x13198a2e03707344};
};

}  // namespace chat262::model

// Compares what should be there with what is: each message exactly once, and in order within its
// conversation. Pure.
//
// A message is known by what was said: conversation, author, time and text. That is independent of
// the ids under which it was sent, so a fault in those is found too. Of messages that are equal in
// all of this, the first found is taken for the first expected, and so on.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace chat262::replay {

// What was said where, by whom and when: half of a BLAKE2b-256.
struct MessageKey {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const MessageKey&) const = default;
};
// `conversation`: a folded name that tells rooms from users.
[[nodiscard]] MessageKey message_key(const std::string& conversation, const std::string& author,
                                     std::int64_t said_ms, const std::string& text);

struct SourcePlace {
  std::uint32_t file = 0;
  std::uint64_t line = 0;
};

// The messages that should be there, in order. About 40 bytes a message.
class Expected {
 public:
  void add(const std::string& conversation, const MessageKey& key, SourcePlace place);
  void finish();  // after the last add()

  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t conversations() const { return conversations_.size(); }
  [[nodiscard]] const SourcePlace& place(std::size_t position) const {
    return items_[position].place;
  }

 private:
  friend class Comparison;
  struct Item {
    MessageKey key;
    std::uint32_t conversation = 0;
    SourcePlace place;
  };
  std::vector<Item> items_;            // in order
  std::vector<std::uint32_t> by_key_;  // positions in items_, sorted by key, then position
  std::unordered_map<std::string, std::uint32_t> conversations_;
};

struct Differences {
  std::uint64_t found = 0;                // of those expected, each counted once
  std::uint64_t others = 0;               // messages that were not expected: not a fault
  std::vector<std::size_t> missing;       // positions
  std::vector<std::size_t> doubled;       // a position each time it was found once too often
  std::vector<std::size_t> out_of_order;  // positions found after one that should follow them
  [[nodiscard]] bool none() const {
    return missing.empty() && doubled.empty() && out_of_order.empty();
  }
};

class Comparison {
 public:
  // `expected` is finished and outlives this.
  explicit Comparison(const Expected& expected);
  // The next message that is there. Calls for one conversation come in its order.
  void found(const MessageKey& key);
  [[nodiscard]] Differences finish();

 private:
  const Expected& expected_;
  std::vector<std::uint32_t> taken_;    // of a key, at its first place in by_key_: how often found
  std::vector<std::int64_t> furthest_;  // position, by conversation
  std::vector<bool> seen_;              // by position
  Differences differences_;
};

}  // namespace chat262::replay

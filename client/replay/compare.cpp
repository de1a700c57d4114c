#include "client/replay/compare.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "protocol/entry.hpp"

namespace chat262::replay {

MessageKey message_key(const std::string& conversation, const std::string& author,
                       std::int64_t said_ms, const std::string& text) {
  // No part but the last may hold a zero byte, so different messages give different bytes.
  std::string bytes = conversation + '\0' + author + '\0' + std::to_string(said_ms) + '\0' + text;
  const Hash hash =
      hash_of(ByteView(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
  MessageKey key;
  std::copy_n(hash.bytes.begin(), key.bytes.size(), key.bytes.begin());
  return key;
}

void Expected::add(const std::string& conversation, const MessageKey& key, SourcePlace place) {
  const auto next = static_cast<std::uint32_t>(conversations_.size());
  const auto number = conversations_.try_emplace(conversation, next).first->second;
  items_.push_back({key, number, place});
}

void Expected::finish() {
  by_key_.resize(items_.size());
  std::iota(by_key_.begin(), by_key_.end(), 0U);
  std::sort(by_key_.begin(), by_key_.end(), [this](std::uint32_t a, std::uint32_t b) {
    return std::tie(items_[a].key, a) < std::tie(items_[b].key, b);
  });
}

Comparison::Comparison(const Expected& expected)
    : expected_(expected),
      taken_(expected.size(), 0),
      furthest_(expected.conversations(), -1),
      seen_(expected.size(), false) {}

void Comparison::found(const MessageKey& key) {
  const auto& items = expected_.items_;
  const auto& by_key = expected_.by_key_;
  const auto first = std::lower_bound(
      by_key.begin(), by_key.end(), key,
      [&items](std::uint32_t position, const MessageKey& k) { return items[position].key < k; });
  if (first == by_key.end() || items[*first].key != key) {
    ++differences_.others;
    return;
  }
  auto& taken = taken_[static_cast<std::size_t>(first - by_key.begin())];
  const auto mine = first + taken;
  if (mine == by_key.end() || items[*mine].key != key) {
    differences_.doubled.push_back(*(mine - 1));
    return;
  }
  ++taken;
  const std::uint32_t position = *mine;
  seen_[position] = true;
  ++differences_.found;
  auto& furthest = furthest_[items[position].conversation];
  if (position < furthest) differences_.out_of_order.push_back(position);
  furthest = std::max(furthest, std::int64_t{position});
}

Differences Comparison::finish() {
  for (std::size_t position = 0; position < seen_.size(); ++position) {
    if (!seen_[position]) differences_.missing.push_back(position);
  }
  return std::move(differences_);
}

}  // namespace chat262::replay

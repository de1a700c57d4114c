// One server with its disk, and what an input does to it. Private to Servers.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "test/model/servers.hpp"
#include "test/model/state_access.hpp"
#include "test/support/disk.hpp"

namespace chat262::model {

// Stands where the tables stand in a real server: what was applied.
class Applied {
 public:
  [[nodiscard]] Seq last() const { return seq(entries_.size()); }
  [[nodiscard]] Hash hash() const { return entries_.empty() ? Hash{} : entries_.back().hash; }
  [[nodiscard]] std::optional<Position> find(const RequestId& request) const;
  // Throws Violation if the entry does not follow, or was applied before.
  void apply(const Entry& entry, const std::string& whose);
  void revert(Seq to);

 private:
  std::vector<Entry> entries_;
};

// The core borrows its index of requests for its whole life; here it is that of whichever server is
// stepped.
class Servers::Tables final : public replica::RequestIndex {
 public:
  [[nodiscard]] std::optional<Position> find(const RequestId& request) const override {
    return of == nullptr ? std::nullopt : of->find(request);
  }
  const Applied* of = nullptr;
};

struct Servers::Node {
  ServerId id{};
  test::DiskContent disk;
  Seq tables_on_disk{};                 // they stand there up to here
  std::deque<replica::Persist> writes;  // under way, the oldest first; their ids are not used

  // Of this life; empty: dead.
  std::optional<replica::StateAccess::State> core;
  Applied tables;
  test::EntryLog log;  // as the core believes it to be
  Seq committed{};
  Seq found{};
  bool led = false;
  struct Waiting {
    std::uint32_t operation = 0;
    Position at{};
  };
  std::vector<Waiting> waiting;

  [[nodiscard]] Print print() const;
};

}  // namespace chat262::model

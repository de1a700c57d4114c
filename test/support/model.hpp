// Stands where the tables stand in a real server: what was applied, in order, and where.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/replica/io.hpp"

namespace chat262::test {

class Model final : public replica::RequestIndex {
 public:
  [[nodiscard]] std::optional<Position> find(const RequestId& request) const override;

  [[nodiscard]] Seq applied() const { return seq(entries_.size()); }
  [[nodiscard]] Hash hash() const { return entries_.empty() ? Hash{} : entries_.back().hash; }

  // Throws Violation if the entry does not follow what is applied.
  void apply(const Entry& entry, const std::string& whose);
  void revert(Seq to);

 private:
  struct Applied {
    Position at{};
    RequestId request{};
    EntryKind kind{};
    Hash hash{};
  };
  std::vector<Applied> entries_;
  std::map<RequestId, Position> requests_;
};

}  // namespace chat262::test

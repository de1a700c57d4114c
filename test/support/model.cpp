#include "test/support/model.hpp"

#include "test/support/text.hpp"
#include "test/support/violation.hpp"

namespace chat262::test {

std::optional<Position> Model::find(const RequestId& request) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return std::nullopt;
  return found->second;
}

void Model::apply(const Entry& entry, const std::string& whose) {
  if (entry.seq != applied().next() || !entry_intact(hash(), entry)) {
    throw Violation(whose + " applies " + text_of(entry.position()) + ", which does not follow " +
                    std::to_string(applied().value));
  }
  entries_.push_back({entry.position(), entry.request, entry.kind, entry.hash});
  if (entry.kind == EntryKind::view) return;
  if (!requests_.emplace(entry.request, entry.position()).second) {
    throw Violation(whose + " applies a request twice (I2): " + text_of(entry.request));
  }
}

void Model::revert(Seq to) {
  while (applied() > to) {
    if (entries_.back().kind != EntryKind::view) requests_.erase(entries_.back().request);
    entries_.pop_back();
  }
}

}  // namespace chat262::test

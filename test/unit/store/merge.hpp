// Two histories that parted and are merged, for the tests of REPLICATION.md, "Merging".
#pragma once

#include <algorithm>

#include "history.hpp"

namespace chat262::store::test {

inline const TimeMs far_future{{2'000'000'000'000}};

inline Hash token(std::uint8_t n) {
  return Hash{{n}};
}

// Two sides with a common beginning.
struct Split {
  History shared;
  History left;
  History right;

  Split() { shared.view(1); }
  void part() {
    left = right = shared;
    left.set_client(0xa1);
    right.set_client(0xb2);
    left.view(2, 0);
    right.view(2, 1);
  }
  [[nodiscard]] Position fork() const { return shared.entries().back().position(); }
};

// `winner`, and what `loser` has above the fork behind it.
inline History merge(const Split& split, const History& winner, const History& loser) {
  History merged = winner;
  merged.view(winner.entries().back().epoch.counter + 5, 0);
  for (const Entry& entry : loser.above(split.fork().seq)) {
    if (entry.kind == EntryKind::view) continue;
    merged.add(must(make_merged_entry(entry, split.fork())));
  }
  return merged;
}

// What a history comes to.
struct Applied {
  TempDir dir;
  std::unique_ptr<Log> log = open_log(dir.path());
  std::unique_ptr<Tables> tables = open_tables(dir.path(), *log);
  const History& history;

  explicit Applied(const History& all) : history(all) { apply_all(*tables, history); }
  const Tables* operator->() const { return tables.get(); }
  [[nodiscard]] Status outcome(const Entry& of) const {
    const auto found = tables->request(of.request);
    REQUIRE(found);
    return found->status;
  }
  // Texts of a conversation, "!" before an undelivered one, as a reader sees them.
  [[nodiscard]] std::vector<std::string> texts(const ConversationId& conversation) const {
    std::vector<std::string> found;
    for (const auto& item : tables->items_above(conversation, Seq{}, 99)) {
      if (item.kind != Tables::ItemKind::message) continue;
      const Entry& entry = history.entries()[item.seq.value - 1];
      std::string text(entry.text.begin(), entry.text.end());
      if (tables->account(item.who)->deleted) text = "(erased)";
      found.push_back((item.undelivered ? "!" : "") + text);
    }
    return found;
  }
  [[nodiscard]] std::uint64_t unread(const AccountId& account, const AccountId& with) const {
    const auto seen = tables->conversation(account, with);
    REQUIRE(seen);
    return tables->unread(seen->id, account, tables->resolve(seen->read_upto), 99);
  }
  [[nodiscard]] bool told(const AccountId& account, Tables::Happening::Kind kind) const {
    const auto all = tables->happenings(account, Seq{}, 99);
    return std::any_of(all.begin(), all.end(), [kind](const auto& h) { return h.kind == kind; });
  }
};

using Kind = Tables::Happening::Kind;
using Texts = std::vector<std::string>;

inline Position last(const History& history) {
  return history.entries().back().position();
}

}  // namespace chat262::store::test

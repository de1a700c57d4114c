#include "client/control/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "client/control/show_status.hpp"

namespace chat262::control {

namespace {

constexpr std::chrono::milliseconds ask_every{100};

// Hashes seen at the ends of logs, by seq: who said which. Two that are equal at a seq mean equal
// histories up to it.
using Ends = std::map<std::uint64_t, std::map<unsigned, std::string>>;

void compare(Verification& found, Ends& ends) {
  for (const auto& row : found.rows) {
    if (row.up && row.status.last > 0) ends[row.status.last][row.server] = row.status.last_hash;
  }
  for (const auto& [seq, hashes] : ends) {
    if (hashes.size() < 2) continue;
    for (auto& row : found.rows) {
      const auto own = hashes.find(row.server);
      if (own == hashes.end()) continue;
      row.compared_at = seq;
      row.differs = row.differs ||
                    std::any_of(hashes.begin(), hashes.end(),
                                [&](const auto& other) { return other.second != own->second; });
    }
  }
}

bool settled(const Verification& found) {
  const bool alone = found.rows.size() == 1;
  return std::all_of(found.rows.begin(), found.rows.end(), [alone](const auto& row) {
    const bool done =
        row.status.scrub_passes > 0 && row.status.damage_repaired == row.status.damage_found;
    return row.differs || (row.up && done && (alone || row.compared_at > 0));
  });
}

}  // namespace

Exit Verification::verdict() const {
  if (std::none_of(rows.begin(), rows.end(), [](const Row& row) { return row.up; })) {
    return Exit::no_answer;
  }
  const bool good = settled(*this) && std::none_of(rows.begin(), rows.end(),
                                                   [](const Row& row) { return row.differs; });
  return good ? Exit::ok : Exit::degraded;
}

Verification verify(const std::vector<client::Address>& known, std::chrono::milliseconds wait) {
  const auto give_up = std::chrono::steady_clock::now() + wait;
  Verification found;
  Ends ends;
  while (true) {
    for (auto& answer : ask_status(known).rows) {
      auto row = std::find_if(found.rows.begin(), found.rows.end(), [&](const auto& each) {
        return each.server == answer.address.server;
      });
      if (row == found.rows.end()) {
        row = found.rows.insert(row, Verification::Row{.server = answer.address.server});
      }
      row->up = answer.status.has_value();
      if (answer.status) row->status = std::move(*answer.status);
    }
    compare(found, ends);
    if (settled(found) || std::chrono::steady_clock::now() >= give_up) return found;
    std::this_thread::sleep_for(ask_every);
  }
}

std::string verification_text(const Verification& verification) {
  std::string text;
  for (const auto& row : verification.rows) {
    const auto& status = row.status;
    text += fmt::format("server {}: ", row.server);
    if (!row.up) {
      text += "down\n";
      continue;
    }
    if (status.scrub_passes == 0) {
      text += "has not read its whole log yet";
    } else {
      text += fmt::format("{} entries verified", status.scrub_entries);
    }
    text += fmt::format(", {} damaged, {} repaired", status.damage_found, status.damage_repaired);
    if (!status.damage.empty()) {
      text += fmt::format(", entry {} could not be repaired yet", status.damage.front());
    }
    if (row.differs) {
      text += ", ITS HISTORY IS ANOTHER THAN THE OTHERS'";
    } else if (row.compared_at > 0) {
      text += fmt::format(", equal to the others at entry {}", row.compared_at);
    } else if (verification.rows.size() > 1) {
      text += ", not compared with another server";
    }
    text += "\n";
  }
  return text;
}

}  // namespace chat262::control

#include "client/control/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>

#include "client/control/control_socket.hpp"
#include "client/convert.hpp"

namespace chat262::control {

namespace {

constexpr std::chrono::milliseconds ask_every{100};
constexpr std::chrono::milliseconds report_every{2000};
constexpr std::int64_t answer_within_ms = 2000;  // the server gives up on another one sooner

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

bool whole(const reply::Scrub& scrub) {
  const bool tables = scrub.tables_ready && (!scrub.tables_found || scrub.tables_rebuilt > 0);
  return scrub.repaired == scrub.found && tables;
}

void ask_scrubs(Verification& found, const AskScrub& ask) {
  for (auto& row : found.rows) {
    if (found.settled(row)) continue;
    request::Scrub request{server_id(row.server), row.pass == 0};
    try {
      if (take_scrub(row, ask(request), request.begin)) {
        request.begin = true;
        static_cast<void>(take_scrub(row, ask(request), true));
      }
    } catch (const Failure& failure) {
      row.scrub_why = failure.text;
    }
  }
}

std::string progress_text(const Verification& found) {
  std::string text;
  for (const auto& row : found.rows) {
    if (!text.empty()) text += ", ";
    text += fmt::format("server {}: ", row.server);
    if (!row.scrub) {
      text += "not asked yet";
    } else if (!row.scrubbed()) {
      text += fmt::format("{} of {} entries read", row.scrub->entries, row.scrub->last);
    } else if (!whole(*row.scrub)) {
      text += "being repaired";
    } else {
      text += found.settled(row) ? "done" : "read, not compared yet";
    }
  }
  return text;
}

bool all_settled(const Verification& found) {
  return std::all_of(found.rows.begin(), found.rows.end(),
                     [&found](const auto& row) { return found.settled(row); });
}

std::string scrub_text(const Verification::Row& row) {
  if (!row.scrub || row.pass == 0) return "was not read: " + row.scrub_why;
  const auto& scrub = *row.scrub;
  auto text = row.scrubbed()
                  ? fmt::format("{} entries read", scrub.entries)
                  : fmt::format("only {} of {} entries read yet", scrub.entries, scrub.last);
  text += fmt::format(", {} damaged, {} repaired", scrub.found, scrub.repaired);
  if (scrub.tables_found) {
    text += ", tables damaged";
    text +=
        scrub.tables_rebuilt > 0 && scrub.tables_ready ? " and made anew" : " and being made anew";
  } else if (!scrub.tables_ready) {
    text += ", tables behind the log";
  } else if (row.scrubbed()) {
    text += ", tables whole";
  }
  return text;
}

std::string known_text(const client::ServerStatus& status) {
  auto text = status.scrub_passes == 0 ? std::string("has not read its whole log yet")
                                       : fmt::format("{} entries verified", status.scrub_entries);
  return text +
         fmt::format(", {} damaged, {} repaired", status.damage_found, status.damage_repaired);
}

}  // namespace

bool Verification::settled(const Row& row) const {
  if (row.differs) return true;
  const auto& status = row.status;
  const bool good = scrubs
                        ? row.scrubbed() && whole(*row.scrub)
                        : status.scrub_passes > 0 && status.damage_repaired == status.damage_found;
  return row.up && good && (rows.size() == 1 || row.compared_at > 0);
}

Exit Verification::verdict() const {
  if (std::none_of(rows.begin(), rows.end(), [](const Row& row) { return row.up; })) {
    return Exit::no_answer;
  }
  const bool good = all_settled(*this) && std::none_of(rows.begin(), rows.end(),
                                                       [](const Row& row) { return row.differs; });
  return good ? Exit::ok : Exit::degraded;
}

bool take_scrub(Verification::Row& row, const reply::Scrub& scrub, bool began) {
  row.scrub = scrub;
  row.scrub_why.clear();
  if (began) row.pass = scrub.pass;
  if (scrub.pass >= row.pass) return false;
  row.pass = 0;  // it was started again since
  return true;
}

Verification verify(const std::vector<client::Address>& known, const VerifyOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  auto reported = begin;
  Verification found;
  found.scrubs = static_cast<bool>(options.scrub);
  Ends ends;
  while (true) {
    for (auto& answer : ask_status(known).rows) {
      auto row = std::find_if(found.rows.begin(), found.rows.end(), [&](const auto& each) {
        return each.server == answer.address.server;
      });
      if (row == found.rows.end()) {
        row = found.rows.insert(row, Verification::Row{});
        row->server = answer.address.server;
      }
      row->up = answer.status.has_value();
      if (answer.status) row->status = std::move(*answer.status);
    }
    compare(found, ends);
    if (found.scrubs) ask_scrubs(found, options.scrub);
    const auto now = std::chrono::steady_clock::now();
    if (all_settled(found) || now >= begin + options.wait) return found;
    if (options.report && found.scrubs && now >= reported + report_every) {
      options.report(progress_text(found));
      reported = now;
    }
    std::this_thread::sleep_for(ask_every);
  }
}

Exit run_verify(const std::optional<std::filesystem::path>& data,
                std::vector<client::Address> servers, std::chrono::milliseconds wait) {
  std::optional<ControlSocket> control;
  VerifyOptions options;
  options.wait = wait;
  if (data) {
    control.emplace(*data);
    options.scrub = [&control](const request::Scrub& request) {
      return control->get<reply::Scrub>(request, answer_within_ms);
    };
    options.report = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    if (servers.empty()) {
      const auto hello = control->get<reply::Hello>(request::Hello{}, answer_within_ms);
      for (const auto& server : hello.servers) {
        servers.push_back(client::address_of(server));
      }
    }
  }
  const auto found = verify(servers, options);
  std::fputs(verification_text(found).c_str(), stdout);
  return found.verdict();
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
    text += verification.scrubs ? scrub_text(row) : known_text(status);
    if (!status.damage.empty() && status.damage_repaired < status.damage_found) {
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
  if (!verification.scrubs) {
    text +=
        "no server was told to read its log and tables now: that takes --data, the directory of a "
        "server on this machine\n";
  }
  return text;
}

}  // namespace chat262::control

#include "client/replay/report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace chat262::replay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t shown_max = 10;  // of each kind of fault, to people

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json json_of(const SourceCounts& counts, const std::vector<SourceProblem>& problems) {
  Json unknown = Json::array();
  for (const auto& problem : problems) {
    unknown.push_back({{"where", problem.where}, {"what", problem.what}});
  }
  return {{"lines", counts.lines},     {"messages", counts.messages}, {"notices", counts.notices},
          {"empty", counts.empty},     {"wordless", counts.wordless}, {"erased", counts.erased},
          {"unknown", counts.unknown}, {"unknown_lines", unknown}};
}

std::string list_of(const std::vector<SourceProblem>& problems, std::uint64_t count) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < shown_max; ++i) {
    text += fmt::format("    {}: {}\n", problems[i].where, problems[i].what);
  }
  if (count > shown_max) text += fmt::format("    and {} more\n", grouped(count - shown_max));
  return text;
}

std::string text_of(const SourceCounts& counts, const std::vector<SourceProblem>& problems) {
  auto text = fmt::format("read: {} lines: {} messages, {} notices", grouped(counts.lines),
                          grouped(counts.messages), grouped(counts.notices));
  if (counts.empty > 0) text += fmt::format(", {} empty", grouped(counts.empty));
  if (counts.wordless > 0) {
    text += fmt::format(", {} messages without a text", grouped(counts.wordless));
  }
  if (counts.erased > 0) text += fmt::format(", {} erased", grouped(counts.erased));
  text += fmt::format(", {} not understood\n", grouped(counts.unknown));
  return text + list_of(problems, counts.unknown);
}

double rate_of(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string where(const VerifyReport& report, const std::vector<SourceFile>& files,
                  std::size_t position) {
  const auto& place = report.expected.place(position);
  return fmt::format("{}:{}", files[place.file].path.string(), place.line);
}

Json json_list(const VerifyReport& report, const std::vector<SourceFile>& files,
               const std::vector<std::size_t>& positions) {
  constexpr std::size_t listed_max = 1000;
  Json list = Json::array();
  for (std::size_t i = 0; i < positions.size() && i < listed_max; ++i) {
    list.push_back(where(report, files, positions[i]));
  }
  return list;
}

Json json_of(const VerifyReport& report, const VerifyPlace& place,
             const std::vector<SourceFile>& files, bool directory) {
  const auto& differences = place.differences;
  Json json{{"place", place.name}, {"good", place.good()}};
  if (directory) {
    json["server"] = place.server;
    json["last"] = place.last;
    json["commit"] = place.commit;
    json["last_hash"] = place.last_hash;
  }
  if (!place.wrong.empty()) json["wrong"] = place.wrong;
  json["found"] = differences.found;
  json["missing"] = differences.missing.size();
  json["doubled"] = differences.doubled.size();
  json["out_of_order"] = differences.out_of_order.size();
  json["others"] = differences.others;
  json["missing_lines"] = json_list(report, files, differences.missing);
  json["doubled_lines"] = json_list(report, files, differences.doubled);
  json["out_of_order_lines"] = json_list(report, files, differences.out_of_order);
  return json;
}

std::string faults(const VerifyReport& report, const std::vector<SourceFile>& files,
                   const std::vector<std::size_t>& positions, const std::string& what) {
  if (positions.empty()) return {};
  auto text = fmt::format("  {}: {}\n", what, grouped(positions.size()));
  for (std::size_t i = 0; i < positions.size() && i < shown_max; ++i) {
    text += fmt::format("    {}\n", where(report, files, positions[i]));
  }
  if (positions.size() > shown_max) {
    text += fmt::format("    and {} more\n", grouped(positions.size() - shown_max));
  }
  return text;
}

std::string text_of(const VerifyReport& report, const VerifyPlace& place,
                    const std::vector<SourceFile>& files, bool directory) {
  const auto& differences = place.differences;
  auto text = fmt::format("{}: {}\n", place.name, place.good() ? "good" : "NOT GOOD");
  if (directory) {
    text += fmt::format("  server {}, last entry {}, commit hint {}, chain hash {}\n", place.server,
                        place.last, place.commit, place.last_hash);
  }
  if (!place.wrong.empty()) text += fmt::format("  {}\n", place.wrong);
  text += fmt::format("  {} of {} messages found; {} others are there too\n",
                      grouped(differences.found), grouped(report.expected.size()),
                      grouped(differences.others));
  text += faults(report, files, differences.missing, "missing");
  text += faults(report, files, differences.doubled, "doubled");
  text += faults(report, files, differences.out_of_order, "out of order");
  return text;
}

}  // namespace

std::string summary(DeliverReport& report, bool json) {
  const double median = report.waits.ms_at(0.5);
  const double p99 = report.waits.ms_at(0.99);
  const double longest = report.waits.ms_at(1);
  const double rate = rate_of(report.sent, report.seconds);
  if (json) {
    Json refusals = Json::array();
    for (const auto& refusal : report.refusals) {
      refusals.push_back({{"where", refusal.where}, {"what", refusal.what}});
    }
    return dump({{"complete", report.complete},
                 {"ended_by", report.ended_by},
                 {"source", json_of(report.source, report.problems)},
                 {"sent", report.sent},
                 {"already_there", report.already_there},
                 {"refused", report.refused},
                 {"refusals", refusals},
                 {"seconds", report.seconds},
                 {"messages_per_second", rate},
                 {"wait_ms_median", median},
                 {"wait_ms_p99", p99},
                 {"wait_ms_max", longest}});
  }
  auto text = text_of(report.source, report.problems);
  text += fmt::format("sent: {} messages in {:.1f} s, {:.0f} a second; {} were there already\n",
                      grouped(report.sent), report.seconds, rate, grouped(report.already_there));
  if (report.sent > 0) {
    text += fmt::format(
        "one write waited: median {:.2f} ms, 99 % at most {:.2f} ms, "
        "longest {:.0f} ms\n",
        median, p99, longest);
  }
  if (report.refused > 0) {
    text += fmt::format("refused: {}\n", grouped(report.refused)) +
            list_of(report.refusals, report.refused);
  }
  if (!report.complete) text += "NOT COMPLETE: " + report.ended_by + "; run it again to go on\n";
  return text;
}

std::string summary(const ExportReport& report, const std::string& file, bool json) {
  if (json) {
    return dump({{"file", file},
                 {"written", report.written},
                 {"already_there", report.already_there},
                 {"upto_seq", report.last_seq},
                 {"seconds", report.seconds}});
  }
  auto text = fmt::format("{}: {} messages written in {:.1f} s; {} were there already\n", file,
                          grouped(report.written), report.seconds, grouped(report.already_there));
  if (report.last_seq > 0) text += fmt::format("read up to log entry {}\n", report.last_seq);
  return text;
}

std::string summary(const VerifyReport& report, const std::vector<SourceFile>& files, bool json) {
  const bool directory = report.places.empty() || !report.places.front().last_hash.empty() ||
                         report.places.front().last > 0;
  if (json) {
    Json places = Json::array();
    for (const auto& place : report.places) {
      places.push_back(json_of(report, place, files, directory));
    }
    return dump({{"good", report.good()},
                 {"source", json_of(report.source, report.problems)},
                 {"expected", report.expected.size()},
                 {"not_checked", report.not_checked},
                 {"places", places},
                 {"histories_differ", report.histories_differ}});
  }
  auto text = text_of(report.source, report.problems);
  if (report.not_checked > 0) {
    text += fmt::format("{} direct messages were not checked: that takes --data\n",
                        grouped(report.not_checked));
  }
  for (const auto& place : report.places) text += text_of(report, place, files, directory);
  for (const auto& difference : report.histories_differ) {
    text += "DIFFERENT HISTORIES: " + difference + "\n";
  }
  text += report.good() ? "every message is there exactly once, in order\n"
                        : "NOT every message is there exactly once, in order\n";
  return text;
}

}  // namespace chat262::replay

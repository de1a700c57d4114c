// The subcommands about an account's sessions.
#include <fmt/format.h>

#include <utility>

#include "client/terminal/json.hpp"
#include "client/terminal/script.hpp"
#include "protocol/names.hpp"

namespace chat262::client {

using nlohmann::json;

Outcome<std::vector<Session>> Script::all_sessions() {
  std::vector<Session> all;
  std::string after;
  for (;;) {
    auto outcome = client_.list_sessions(after);
    if (const auto* refused = outcome.refused()) return *refused;
    auto& page = outcome.value();
    for (auto& session : page.sessions) all.push_back(std::move(session));
    if (!page.more || all.empty()) return all;
    after = all.back().id;
  }
}

ExitCode Script::sessions() {
  const auto outcome = all_sessions();
  if (!outcome) return explain(outcome);
  for (const Session& session : outcome.value()) {
    if (arguments_.json) fmt::print("{}\n", one_line(json_of(session)));
  }
  if (arguments_.json) return ExitCode::ok;
  for (const std::string& line : session_lines(outcome.value())) fmt::print("{}\n", line);
  return ExitCode::ok;
}

ExitCode Script::end_sessions() {
  if (arguments_.all) return logout(true);
  const auto outcome = all_sessions();
  if (!outcome) return explain(outcome);
  std::vector<Session> chosen;
  for (const Session& session : outcome.value()) {
    const bool named = !arguments_.others && session.id.starts_with(arguments_.name);
    if (named || (arguments_.others && !session.current)) chosen.push_back(session);
  }
  if (!arguments_.others && chosen.size() != 1) {
    const auto* what = chosen.empty() ? "you have no session whose id begins with this"
                                      : "more than one session's id begins with this";
    return explain(Error{Errc::invalid, what}, ExitCode::refused);
  }
  for (const Session& session : chosen) {
    const auto ended = client_.end_session(session.id);
    const auto* refused = ended.refused();
    const bool gone = refused != nullptr && refused->code == "bad_argument";  // meanwhile
    if (!ended && !gone) return explain(ended);
    if (session.current) sessions_.remove(session_.account);
  }
  const json object = {{"outcome", "done"}, {"ended", chosen.size()}};
  print(one_line(object),
        fmt::format("{} session{} ended", chosen.size(), chosen.size() == 1 ? "" : "s"));
  return ExitCode::ok;
}

}  // namespace chat262::client

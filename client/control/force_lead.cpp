#include "client/control/force_lead.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "client/control/confirm.hpp"
#include "client/control/control_socket.hpp"
#include "client/control/show_status.hpp"

namespace chat262::control {
namespace {

constexpr std::int64_t answer_within_ms = 2000;
constexpr std::int64_t force_within_ms = 15'000;  // the server gives up sooner, and says why

std::string epoch_text(const Epoch& epoch) {
  return fmt::format("{}.{}", epoch.counter, epoch.server.value);
}

std::string position_text(const Position& at) {
  return fmt::format("entry {} of epoch {}", at.seq.value, epoch_text(at.epoch));
}

// How a server stands against this one, as far as this one knows.
std::string line_of(const reply::SurveyedServer& server, const Position& own_last) {
  auto text = fmt::format("  server {} ", server.id.value);
  if (server.heard) {
    text += "is heard";
  } else if (server.silent_ms) {
    text += "is missing, last heard " + duration_text(*server.silent_ms) + " ago";
  } else {
    text += "is missing, not heard since this server started";
  }
  if (server.last) {
    text += ", log at " + position_text(*server.last);
    if (server.last->seq > own_last.seq) {
      text += fmt::format(", {} more than here", server.last->seq.value - own_last.seq.value);
    }
  } else {
    text += ", its log is not known";
  }
  if (server.promised != Epoch{}) text += ", promised " + epoch_text(server.promised);
  if (server.lost_disk) text += ", its disk is new or an old copy";
  if (server.member) text += ", in the latest view here";
  return text + "\n";
}

}  // namespace

std::string what_may_be_lost(const reply::Survey& survey, const reply::ServerStatus& status) {
  std::string text = fmt::format(
      "Server {} does not lead. Its log ends at {}, {} of them known as committed; "
      "promised epoch {}.\n",
      survey.server.value, position_text(status.last), status.commit.value,
      epoch_text(status.promised));
  if (status.lost_disk) {
    text += "Its disk is new or an old copy: it may lack anything.\n";
  }
  std::string waits;
  for (const auto& server : status.waiting_for) {
    waits += (waits.empty() ? "" : ", ") + std::to_string(server.value);
  }
  if (!waits.empty()) text += "It waits for " + waits + ": " + status.waiting_why + ".\n";
  text += "What it knows of the others:\n";
  for (const auto& server : survey.servers) {
    if (server.id != survey.server) text += line_of(server, status.last);
  }
  text +=
      "If it leads, everything that was acknowledged and is only on the servers that are missing "
      "is\n"
      "gone from the chat: for ever if their disks are lost; until they come back, if not, and "
      "then\n"
      "it is merged behind what was written meanwhile. The log records that leadership was "
      "forced.\n";
  return text;
}

Exit force_lead(const std::filesystem::path& data, bool yes) {
  ControlSocket server(data_directory(data));
  const auto survey = server.get<reply::Survey>(request::Survey{}, answer_within_ms);
  const auto status = server.get<reply::ServerStatus>(request::Status{}, answer_within_ms);
  if (status.leader) {
    throw Failure{Exit::degraded, *status.leader == status.server
                                      ? fmt::format("server {} leads already", status.server.value)
                                      : fmt::format("server {} leads, and this one hears it",
                                                    status.leader->value)};
  }
  std::fputs(what_may_be_lost(survey, status).c_str(), stdout);
  std::fflush(stdout);
  if (!yes) need_word("force");
  const auto done = server.get<reply::HandedOver>(request::ForceLead{}, force_within_ms);
  std::printf("server %u leads, in epoch %s, by force\n", unsigned{done.leader.value},
              epoch_text(done.epoch).c_str());
  return Exit::ok;
}

}  // namespace chat262::control

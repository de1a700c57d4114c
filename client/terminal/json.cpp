#include "client/terminal/json.hpp"

#include <fmt/format.h>

#include "client/terminal/arguments.hpp"

namespace chat262::client {

using nlohmann::json;

json json_of(const Message& message) {
  json object = {{"event", "message"},
                 {"id", message.id},
                 {"cursor", hex(message.at)},
                 {"time_ms", message.time_ms},
                 {"conversation", target_text(message.conversation)},
                 {"from", message.from},
                 {"text", message.text}};
  if (message.erased) object["erased"] = true;
  if (message.late) object["late"] = true;
  if (message.undelivered) object["undelivered"] = true;
  if (message.original) {
    object["original"] = {{"author", message.original->author},
                          {"time_ms", message.original->time_ms}};
  }
  return object;
}

json json_of(const Event& event) {
  if (const auto* message = std::get_if<Message>(&event)) return json_of(*message);
  if (const auto* joined = std::get_if<Joined>(&event)) {
    return {{"event", "joined"},
            {"cursor", hex(joined->at)},
            {"time_ms", joined->time_ms},
            {"room", joined->room},
            {"user", joined->user}};
  }
  if (const auto* left = std::get_if<Left>(&event)) {
    return {{"event", "left"},
            {"cursor", hex(left->at)},
            {"time_ms", left->time_ms},
            {"room", left->room},
            {"user", left->user}};
  }
  if (const auto* renamed = std::get_if<Renamed>(&event)) {
    return {{"event", "renamed"},          {"cursor", hex(renamed->at)},
            {"time_ms", renamed->time_ms}, {"was", target_text(renamed->was)},
            {"name", renamed->name},       {"self", renamed->self}};
  }
  if (const auto* undelivered = std::get_if<Undelivered>(&event)) {
    return {{"event", "undelivered"},
            {"cursor", hex(undelivered->at)},
            {"time_ms", undelivered->time_ms},
            {"id", undelivered->message},
            {"to", target_text(undelivered->to)}};
  }
  const Read& read = std::get<Read>(event);
  return {{"event", "read"},
          {"cursor", hex(read.at)},
          {"conversation", target_text(read.conversation)},
          {"upto", hex(read.upto)}};
}

json json_of(const Conversation& conversation) {
  json object = {{"conversation", target_text(conversation.target)},
                 {"unread", conversation.unread},
                 {"read_upto", hex(conversation.read_upto)}};
  object["last"] = conversation.last ? json_of(*conversation.last) : json(nullptr);
  return object;
}

json json_of(const ServerStatus& status) {
  json object = {{"server", status.server},
                 {"software", status.software},
                 {"cluster", status.cluster},
                 {"role", status.role},
                 {"health", status.health},
                 {"epoch", {{"counter", status.epoch_counter}, {"server", status.epoch_server}}},
                 {"in_sync", status.in_sync},
                 {"lost_disk", status.lost_disk},
                 {"view", status.view},
                 {"heard", status.heard},
                 {"scrub_passes", status.scrub_passes},
                 {"scrubbed_ms", status.scrubbed_ms},
                 {"scrub_entries", status.scrub_entries},
                 {"damage_found", status.damage_found},
                 {"damage_repaired", status.damage_repaired},
                 {"damage", status.damage},
                 {"waiting_for", status.waiting_for},
                 {"waiting_why", status.waiting_why},
                 {"last", status.last},
                 {"last_hash", status.last_hash},
                 {"commit", status.commit},
                 {"applied", status.applied},
                 {"log_bytes", status.log_bytes},
                 {"table_bytes", status.table_bytes},
                 {"uptime_ms", status.uptime_ms},
                 {"starts", status.starts}};
  object["leader"] = status.leader ? json(*status.leader) : json(nullptr);
  return object;
}

json json_of(const Session& session) {
  return {{"session", session.id},
          {"created_ms", session.created_ms},
          {"expires_ms", session.expires_ms},
          {"address", session.address},
          {"client", session.client},
          {"current", session.current}};
}

json json_of(const Refused& refused) {
  json object = {{"outcome", "refused"}, {"code", refused.code}, {"text", refused.text}};
  if (!refused.waiting_for.empty()) object["waiting_for"] = refused.waiting_for;
  if (refused.retry_ms != 0) object["retry_ms"] = refused.retry_ms;
  return object;
}

json json_of(const Unknown& unknown) {
  return {{"outcome", "unknown"}, {"request_id", to_text(unknown.request)}, {"text", unknown.text}};
}

// JSON has strings hold control characters from U+007F on as they are, and terminals obey them.
// Text outside strings is ASCII.
std::string one_line(const json& object) {
  constexpr unsigned char del = 0x7F;
  constexpr unsigned char c1_lead = 0xC2;  // of U+0080 to U+00BF
  constexpr unsigned char c1_last = 0x9F;
  const std::string dumped = object.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string line;
  line.reserve(dumped.size());
  for (std::size_t i = 0; i < dumped.size(); ++i) {
    const auto byte = static_cast<unsigned char>(dumped[i]);
    const auto next = static_cast<unsigned char>(i + 1 < dumped.size() ? dumped[i + 1] : '\0');
    if (byte == del) {
      line += "\\u007f";
    } else if (byte == c1_lead && next <= c1_last) {
      line += fmt::format("\\u{:04x}", unsigned{next});
      ++i;
    } else {
      line += dumped[i];
    }
  }
  return line;
}

}  // namespace chat262::client

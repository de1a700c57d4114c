#include "client/convert.hpp"

#include <variant>

#include "protocol/keys.hpp"

namespace chat262::client {
namespace {

std::optional<unsigned> number_of(const std::optional<ServerId>& server) {
  if (!server) return std::nullopt;
  return server->value;
}

std::vector<unsigned> numbers_of(const std::vector<ServerId>& servers) {
  std::vector<unsigned> numbers;
  for (const ServerId server : servers) numbers.push_back(server.value);
  return numbers;
}

struct EventToPublic {
  Event operator()(const chat262::Message& message) const { return to_public(message); }
  Event operator()(const event::Joined& joined) const {
    return Joined{to_string_bytes(joined.at), joined.time.value, joined.room, joined.user};
  }
  Event operator()(const event::Left& left) const {
    return Left{to_string_bytes(left.at), left.time.value, left.room, left.user};
  }
  Event operator()(const event::Read& read) const {
    return Read{to_string_bytes(read.at), to_public(read.conversation), to_string_bytes(read.upto)};
  }
  Event operator()(const event::Renamed& renamed) const {
    return Renamed{to_string_bytes(renamed.at), renamed.time.value, to_public(renamed.was),
                   renamed.name, renamed.self};
  }
  Event operator()(const event::Undelivered& undelivered) const {
    return Undelivered{to_string_bytes(undelivered.at), undelivered.time.value,
                       id_text(undelivered.message), to_public(undelivered.to)};
  }
};

}  // namespace

std::string to_string_bytes(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

Bytes to_bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

chat262::Target to_protocol(const Target& target) {
  return {.kind = target.kind == Target::Kind::room ? TargetKind::room : TargetKind::user,
          .name = target.name};
}

std::optional<chat262::Original> to_protocol(const std::optional<Original>& original) {
  if (!original) return std::nullopt;
  return chat262::Original{.author = original->author, .time = TimeMs{{original->time_ms}}};
}

Target to_public(const chat262::Target& target) {
  return target.kind == TargetKind::room ? Target::room(target.name) : Target::user(target.name);
}

Message to_public(const chat262::Message& message) {
  Message shown{.id = id_text(message.id),
                .at = to_string_bytes(message.at),
                .time_ms = message.time.value,
                .conversation = to_public(message.conversation),
                .from = message.from,
                .original = std::nullopt,
                .erased = message.erased,
                .text = message.text,
                .late = message.late,
                .undelivered = message.undelivered};
  if (message.original) {
    shown.original =
        Original{.author = message.original->author, .time_ms = message.original->time.value};
  }
  return shown;
}

Event to_public(const chat262::Event& event) {
  return std::visit(EventToPublic{}, event);
}

Conversation to_public(const chat262::Conversation& conversation) {
  Conversation shown{.target = to_public(conversation.target),
                     .unread = conversation.unread,
                     .last = std::nullopt,
                     .read_upto = to_string_bytes(conversation.read_upto)};
  if (conversation.last) shown.last = to_public(*conversation.last);
  return shown;
}

Address address_of(const ServerConfig& server) {
  return address_of(reply::ServerAddress{server.id, server.client_endpoint(), server.key});
}

Address address_of(const reply::ServerAddress& server) {
  return {.server = server.id.value,
          .endpoint = server.endpoint,
          .key = server.key.empty() ? std::string() : key_text(server.key)};
}

ServerInfo to_public(const reply::Hello& hello) {
  ServerInfo info{.software = hello.software,
                  .feature_level = hello.feature_level,
                  .cluster = id_text(hello.cluster),
                  .server = hello.server.value,
                  .leader = number_of(hello.leader),
                  .servers = {},
                  .time_ms = hello.time.value,
                  .text_bytes_max = hello.text_bytes_max};
  for (const auto& server : hello.servers) {
    info.servers.push_back(address_of(server));
  }
  return info;
}

ServerStatus to_public(const reply::ServerStatus& status) {
  ServerStatus shown;
  shown.software = status.software;
  shown.role = status.role;
  shown.health = status.health;
  shown.cluster = id_text(status.cluster);
  shown.server = status.server.value;
  shown.leader = number_of(status.leader);
  shown.epoch_counter = status.epoch.counter;
  shown.epoch_server = status.epoch.server.value;
  shown.in_sync = status.in_sync;
  shown.lost_disk = status.lost_disk;
  shown.view = numbers_of(status.view);
  shown.heard = numbers_of(status.heard);
  shown.waiting_for = numbers_of(status.waiting_for);
  shown.waiting_why = status.waiting_why;
  shown.last = status.last.seq.value;
  shown.commit = status.commit.value;
  shown.applied = status.applied.value;
  shown.last_hash = hex(std::string(status.last_hash.bytes.begin(), status.last_hash.bytes.end()));
  shown.scrub_passes = status.scrub_passes;
  shown.scrubbed_ms = status.scrubbed.value;
  shown.scrub_entries = status.scrub_entries;
  shown.damage_found = status.damage_found;
  shown.damage_repaired = status.damage_repaired;
  for (const auto seq : status.damage) shown.damage.push_back(seq.value);
  shown.log_bytes = status.log_bytes;
  shown.table_bytes = status.table_bytes;
  shown.uptime_ms = status.uptime_ms;
  shown.starts = status.starts;
  shown.policy = status.policy;
  if (status.settings != Hash{}) {
    shown.settings = hex(std::string(status.settings.bytes.begin(), status.settings.bytes.end()));
  }
  for (const auto& view : status.forced) {
    shown.forced.push_back({.seq = view.at.seq.value,
                            .epoch_counter = view.at.epoch.counter,
                            .epoch_server = view.at.epoch.server.value,
                            .without = numbers_of(view.without)});
  }
  return shown;
}

Refused to_refused(const Reply& reply) {
  Refused refused{.code = status_name(reply.status), .text = {}, .waiting_for = {}};
  if (const auto* error = std::get_if<reply::ErrorBody>(&reply.body)) {
    refused.text = error->text;
    refused.waiting_for = numbers_of(error->servers);
    refused.retry_ms = error->retry_ms;
  }
  if (refused.text.empty()) refused.text = refused.code;
  return refused;
}

}  // namespace chat262::client

// Between the protocol's types and the public ones.
#pragma once

#include <optional>
#include <string>

#include "chat262/client.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::client {

[[nodiscard]] std::string to_string_bytes(const Bytes& bytes);
[[nodiscard]] Bytes to_bytes(const std::string& text);

template <class Tag>
[[nodiscard]] IdText id_text(const Id<Tag>& id) {
  return hex(std::string(id.bytes.begin(), id.bytes.end()));
}

[[nodiscard]] chat262::Target to_protocol(const Target& target);
[[nodiscard]] std::optional<chat262::Original> to_protocol(const std::optional<Original>& original);

[[nodiscard]] Target to_public(const chat262::Target& target);
[[nodiscard]] Message to_public(const chat262::Message& message);
[[nodiscard]] Event to_public(const chat262::Event& event);
[[nodiscard]] Conversation to_public(const chat262::Conversation& conversation);
[[nodiscard]] Address address_of(const ServerConfig& server);
[[nodiscard]] Address address_of(const reply::ServerAddress& server);
[[nodiscard]] ServerInfo to_public(const reply::Hello& hello);
[[nodiscard]] ServerStatus to_public(const reply::ServerStatus& status);
[[nodiscard]] Refused to_refused(const Reply& reply);

}  // namespace chat262::client

// Public types as JSON, for --json. Cursors are hexadecimal digits.
#pragma once

#include <nlohmann/json.hpp>

#include "chat262/client.hpp"

namespace chat262::client {

[[nodiscard]] nlohmann::json json_of(const Message& message);
[[nodiscard]] nlohmann::json json_of(const Event& event);
[[nodiscard]] nlohmann::json json_of(const Conversation& conversation);
[[nodiscard]] nlohmann::json json_of(const ServerStatus& status);
[[nodiscard]] nlohmann::json json_of(const Session& session);
[[nodiscard]] nlohmann::json json_of(const Refused& refused);
[[nodiscard]] nlohmann::json json_of(const Unknown& unknown);

// One line; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string one_line(const nlohmann::json& json);

}  // namespace chat262::client

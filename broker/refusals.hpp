// Why a request is not done, as the client is told.
#pragma once

#include <cstdint>
#include <string>

#include "broker/replica/io.hpp"
#include "protocol/client_messages.hpp"

namespace chat262::broker {

struct Refusal {
  Status status = Status::ok;
  std::string text;
  std::uint32_t retry_ms = 0;  // of too_many; of busy, 0: busy_retry_ms
};

inline constexpr const char* damaged_tables_text = "this server's tables are damaged";
inline constexpr const char* damaged_text =
    "a part of this server's log is damaged and is being repaired: try again";

[[nodiscard]] Reply refusal_reply(std::uint64_t number, const Refusal& refusal);
// "server 2 waits for servers 0, 1: is needed for a majority", "server 0 has a full disk"
[[nodiscard]] std::string waiting_text(ServerId self, const replica::Unavailable& why);

// For people: what a refusal's status means.
[[nodiscard]] const char* status_text(Status status);

}  // namespace chat262::broker

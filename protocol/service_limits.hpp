// What one client, account or address may ask of the service: the table `[limits]` of the cluster
// file. chat262-cluster(5) says what each is for; what cannot be configured is in limits.hpp and
// broker/server_limits.hpp.
#pragma once

#include <array>
#include <cstdint>

namespace chat262 {

struct ServiceLimits {
  std::uint32_t session_requests_per_s = 2000;
  std::uint32_t address_requests_per_s = 10'000;
  std::uint32_t address_handshakes_per_s = 50;
  std::uint32_t address_registrations_per_h = 20;
  std::uint32_t address_open_requests = 2048;  // received and not answered
  std::uint32_t account_waiters = 32;          // `events` requests that wait
  std::uint32_t account_rooms = 1000;          // that it is in
  std::uint32_t room_members = 10'000;
  std::uint32_t connection_replies = 32;  // queued for a client that does not read them
  std::uint32_t page_items = 256;
  std::uint32_t text_bytes = 16 * 1024;
  // Whether what is limited by address is also limited for loopback addresses, behind which
  // everybody on this machine may stand.
  bool loopback = false;

  bool operator==(const ServiceLimits&) const = default;
};

struct NumberLimit {
  const char* key;  // in the cluster file
  std::uint32_t ServiceLimits::*value;
  std::uint32_t lowest;
  std::uint32_t highest;
};
inline constexpr std::array number_limits{
    NumberLimit{"session_requests_per_s", &ServiceLimits::session_requests_per_s, 1, 1'000'000},
    NumberLimit{"address_requests_per_s", &ServiceLimits::address_requests_per_s, 1, 1'000'000},
    NumberLimit{"address_handshakes_per_s", &ServiceLimits::address_handshakes_per_s, 1, 100'000},
    NumberLimit{"address_registrations_per_h", &ServiceLimits::address_registrations_per_h, 1,
                1'000'000},
    NumberLimit{"address_open_requests", &ServiceLimits::address_open_requests, 1, 16'384},
    NumberLimit{"account_waiters", &ServiceLimits::account_waiters, 1, 8192},
    NumberLimit{"account_rooms", &ServiceLimits::account_rooms, 1, 100'000},
    NumberLimit{"room_members", &ServiceLimits::room_members, 2, 1'000'000},
    NumberLimit{"connection_replies", &ServiceLimits::connection_replies, 1, 1000},
    NumberLimit{"page_items", &ServiceLimits::page_items, 1, 256},
    NumberLimit{"text_bytes", &ServiceLimits::text_bytes, 64, 16 * 1024},
};

}  // namespace chat262

// Every limit of the protocol. Past a limit the answer is an error, never growth.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chat262::limits {

inline constexpr unsigned servers_max = 7;
inline constexpr std::size_t host_bytes_max = 253;

// Client requests and replies.
inline constexpr std::size_t client_frame_bytes_max = 64 * 1024;
inline constexpr std::size_t reply_frame_bytes_max = 256 * 1024;
inline constexpr std::size_t name_bytes_max = 64;      // account and room names, UTF-8
inline constexpr std::size_t pattern_bytes_max = 128;  // search patterns
inline constexpr std::size_t password_bytes_max = 128;
inline constexpr std::size_t password_bytes_min = 8;
inline constexpr std::size_t text_bytes_max = 16 * 1024;  // one message
inline constexpr std::size_t author_bytes_max = 128;      // author of an imported message
inline constexpr std::size_t token_bytes = 32;
inline constexpr std::size_t by_bytes_max = 128;  // which operator did it
inline constexpr std::uint32_t invitation_uses_max = 10'000;
inline constexpr std::uint32_t invitation_days_max = 366;
inline constexpr std::size_t address_bytes_max = 45;      // an IP address as text
inline constexpr std::size_t client_text_bytes_max = 64;  // what a program says of itself
inline constexpr unsigned page_items_max = 256;  // of any list; a page also ends near 48 KiB
inline constexpr std::size_t page_bytes_max = 48 * 1024;
inline constexpr std::uint32_t wait_ms_max = 700;  // events: safely within the client's 1 s poll

// Peer messages.
inline constexpr std::size_t peer_frame_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t entry_bytes_max = 64 * 1024;    // head and text of one log entry
inline constexpr std::size_t batch_entries_max = 1024;       // of one Append
inline constexpr std::size_t batch_bytes_max = 1024 * 1024;  // of one Append, Entries or Offer
inline constexpr std::size_t learner_batch_bytes_max = 256 * 1024;
inline constexpr std::size_t inflight_batches_max = 4;  // Appends not yet answered, a follower
inline constexpr std::size_t inflight_bytes_max = 1024 * 1024;

}  // namespace chat262::limits

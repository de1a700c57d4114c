// Every limit of the server program that is not part of the protocol. Past a limit the answer is
// `busy` or an error, never growth.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chat262::broker::limits {

// Clients.
// A frame over the protocol's limit is answered with too_large; one over this closes the
// connection, because libzmq does so itself.
inline constexpr std::int64_t client_frame_cut_bytes = 256 * 1024;
inline constexpr std::size_t envelope_frames_max = 8;
inline constexpr std::size_t requests_open_max = 16384;     // received and not yet answered
inline constexpr std::size_t requests_per_turn_max = 2048;  // taken from the socket in one turn
// Large pages cost much more than other requests: then a turn ends earlier.
inline constexpr std::size_t requests_at_once_max = 16;
inline constexpr std::int64_t requests_turn_ms_max = 2;
// A message may have any number of frames, and all but a few are passed over.
inline constexpr std::size_t frames_per_turn_max = 16'384;
inline constexpr int client_requests_queued_max = 32;         // of one client, in libzmq
inline constexpr int client_send_buffer_bytes = 128 * 1024;   // of one connection, in the kernel
inline constexpr std::size_t reply_bytes_per_request = 4096;  // a larger reply counts as several
inline constexpr std::size_t rate_cells = 65'536;             // addresses or sessions, told apart
inline constexpr std::size_t parked_max = 8192;               // held while nobody leads
inline constexpr std::int64_t parked_ms_max = 900;            // within the client's 1 s poll
inline constexpr std::int64_t parked_ask_every_ms = 50;
inline constexpr std::int64_t commit_wait_ms_max = 3000;  // a reply that waits for its commit
inline constexpr std::size_t event_waiters_max = 8192;
inline constexpr std::uint32_t busy_retry_ms = 100;
inline constexpr std::uint32_t full_retry_ms = 60'000;  // what is full may have room again
inline constexpr std::int64_t session_ms = 30LL * 24 * 3600 * 1000;

// Passwords.
inline constexpr std::size_t password_queue_max = 48;  // about 0.7 s of work for two workers
inline constexpr unsigned password_workers = 2;
// Wrong passwords at once, and in how long one is forgotten: eight a minute of one name from one
// address, thirty of one address, thirty of one name from addresses that are new to it.
inline constexpr unsigned login_failures_max = 8;
inline constexpr std::int64_t login_leak_ms = 7'500;
inline constexpr unsigned address_failures_max = 30;
inline constexpr std::int64_t address_leak_ms = 2'000;
inline constexpr unsigned name_failures_max = 30;
inline constexpr std::int64_t name_leak_ms = 2'000;
inline constexpr std::int64_t login_delay_ms = 2'000;                // after that: the first wait,
inline constexpr std::int64_t login_delay_ms_max = 60'000;           // and the longest
inline constexpr std::int64_t login_proved_ms = 24LL * 3600 * 1000;  // no newcomer for so long
inline constexpr std::size_t login_throttles_max = 65'536;
inline constexpr std::size_t failed_sign_ins_max = 256;  // of one message
inline constexpr std::int64_t reset_code_ms = 24LL * 3600 * 1000;
inline constexpr std::int64_t account_wait_ms_max = 5'000;  // until it is on all disks
inline constexpr unsigned login_former_names_max = 4;       // accounts tried that once had the name

// Queries: nothing keeps the reactor for more than some tens of milliseconds.
inline constexpr unsigned name_scan_rounds_max = 16;  // of one search, 4096 names each
inline constexpr unsigned item_scan_max = 16384;  // joins and leaves passed over for one history
inline constexpr unsigned unread_max = 1000;
// Messages to one deleted account that one event page tells of; a page's worth more may come to it.
inline constexpr unsigned undelivered_told_max = 1000;
inline constexpr unsigned unread_scan_max = 4096;         // newest items of one conversation
inline constexpr unsigned conversations_scan_max = 8192;  // of one page; it then ends early

// Peers.
inline constexpr std::size_t peer_messages_per_turn_max = 1024;
inline constexpr int peer_queue_messages_max = 256;
// Then a connection is given up and a new one tried. The kernel's own retries wait twice as long
// each time: after a cut of a minute a link would stay silent for up to another.
inline constexpr int peer_unacknowledged_ms_max = 1000;
inline constexpr int peer_connect_ms_max = 1000;

// An incoming connection whose other end is gone without a word: asked after 30 s, gone after 60 s.
inline constexpr int keepalive_idle_s = 30;
inline constexpr int keepalive_every_s = 10;
inline constexpr int keepalive_times = 3;

inline constexpr std::int64_t probe_ms_max = 200;
inline constexpr std::int64_t probe_every_ms = 100;

// Tables.
inline constexpr std::uint64_t apply_at_once_max = 16384;  // entries; more is done in slices
inline constexpr std::uint64_t apply_slice_entries = 1024;
inline constexpr std::size_t apply_read_bytes = 1024 * 1024;
inline constexpr unsigned table_rebuilds_max = 3;  // in one life; then the disk is to blame
inline constexpr std::int64_t write_behind_every_ms = 200;
inline constexpr std::size_t overlay_write_bytes =
    8 * 1024 * 1024;  // written behind before its time
inline constexpr std::size_t overlay_bytes_max = 512 * 1024 * 1024;

// Operator.
inline constexpr std::size_t operator_requests_per_turn_max = 16;
inline constexpr std::uint32_t operator_replies_max = 64;
inline constexpr std::size_t relays_max = 64;                // passed on and not answered
inline constexpr std::int64_t handover_settle_ms_max = 600;  // still serving: costs nobody
inline constexpr std::int64_t handover_drain_ms_max = 200;   // for writes that wait for a disk
inline constexpr std::int64_t handover_ms_max = 5000;        // until the next leader serves
inline constexpr std::int64_t relay_ms_max = 7000;
inline constexpr std::int64_t relay_scrub_ms_max = 1000;  // answered at once
inline constexpr std::int64_t rotation_ms_max = 6000;
inline constexpr unsigned key_changes_max = 32;       // of one life: each leaves listening sockets
inline constexpr std::int64_t replace_ms_max = 5000;  // until it is on all disks
inline constexpr std::int64_t force_judge_ms_max = 5000;   // until the rules have said no
inline constexpr std::size_t forced_views_max = 16;        // that status tells
inline constexpr std::int64_t stop_handover_ms_max = 800;  // the same when stopping

// Repair and scrub.
inline constexpr std::size_t repairs_waiting_max = 4096;  // the next scrub finds the others
inline constexpr std::size_t repairs_shown_max = 16;
inline constexpr std::uint64_t repair_first_entries = 64;  // asked for at first
inline constexpr std::uint64_t repair_entries_max = 1024;  // of one answer
inline constexpr std::size_t repair_answer_bytes = 256 * 1024;
inline constexpr std::size_t repair_bytes_max = 4 * 1024 * 1024;  // held for one damaged entry
inline constexpr std::int64_t repair_answer_ms_max = 300;
inline constexpr std::int64_t repair_again_ms = 5'000;
inline constexpr std::int64_t read_held_ms_max = 3'000;  // a range that waits for a repair
inline constexpr std::size_t reads_held_max = 256;
inline constexpr std::int64_t scrub_pause_ms = 10 * 60'000;
inline constexpr unsigned scrub_mib_per_s = 4;

// Audit log.
inline constexpr std::size_t audit_lines_max = 65'536;              // that wait for the disk
inline constexpr std::uint64_t audit_bytes_max = 16 * 1024 * 1024;  // of one file

// Process.
inline constexpr int stop_linger_ms = 200;

}  // namespace chat262::broker::limits

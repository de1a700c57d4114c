// `chat262ctl verify`: whether all servers hold the same history, and hold it whole.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/control/status.hpp"
#include "protocol/client_messages.hpp"

namespace chat262::control {

struct Verification {
  struct Row {
    unsigned server = 0;
    bool up = false;
    std::uint64_t compared_at = 0;  // entry at which its chain's hash equals another's; 0: none yet
    bool differs = false;           // a hash of it at some entry is not another's
    client::ServerStatus status;    // newest
    std::uint64_t pass = 0;         // its scrub that was asked for; 0: none yet
    std::optional<reply::Scrub> scrub;  // newest word of it
    std::string scrub_why;              // there is no such word
    // That pass, or a later one, has read everything.
    [[nodiscard]] bool scrubbed() const { return scrub && pass > 0 && scrub->ended; }
  };
  bool scrubs = false;    // every server is made to read its log and tables now
  std::vector<Row> rows;  // in leader order
  // Of this server no more is to be learned: its history differs, or it is whole and compared.
  [[nodiscard]] bool settled(const Row& row) const;
  // ok: all are up, equal somewhere, read to the end, and nothing is damaged that is not repaired.
  [[nodiscard]] Exit verdict() const;
};

// Asks for a scrub; throws Failure where that cannot be done now.
using AskScrub = std::function<reply::Scrub(const request::Scrub&)>;

struct VerifyOptions {
  std::chrono::milliseconds wait{};                // at most
  AskScrub scrub;                                  // empty: what the servers know anyway is enough
  std::function<void(const std::string&)> report;  // lines that say how far it is; may be empty
};

// Asks again and again until everything is known, or for `wait`.
[[nodiscard]] Verification verify(const std::vector<client::Address>& known,
                                  const VerifyOptions& options);

// Takes what a server says of its scrub: true if it must be told to begin, since it does not know
// of the pass that was asked for.
[[nodiscard]] bool take_scrub(Verification::Row& row, const reply::Scrub& scrub, bool began);

// Lines for people.
[[nodiscard]] std::string verification_text(const Verification& verification);

// The command. `data`: of a server on this machine, through which all are made to scrub; none: no
// scrub.
Exit run_verify(const std::optional<std::filesystem::path>& data,
                std::vector<client::Address> servers, std::chrono::milliseconds wait);

}  // namespace chat262::control

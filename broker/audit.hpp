// What is written down of accounts and their sessions: what was committed, each entry once at every
// server, also over restarts; and what failed, at the server that saw it.
//
// Invariants:
//  (1) A line about an entry is written after it is committed and applied, in the log's order.
//  (2) Nothing that is secret is in a line: no password, token, code, nor a hash of one; nor a name
//      that nobody has, which may be a password in the wrong place.
//
// Not thread-safe; owned by the reactor.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "broker/audit_file.hpp"
#include "broker/replica/io.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/entry.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

class Audit {
 public:
  // Both must outlive it.
  Audit(AuditFile& file, const store::Tables& tables) : file_(file), tables_(tables) {}

  // Before anything is applied: writes what is in the tables and was not written down.
  void start(const store::Log& log);

  void applied(const Entry& entry);  // after the tables have it
  void committed(Seq seq);
  void reverted(Seq to);

  enum class Failure { wrong, throttled };
  // A log-in, or a code for a new password.
  void failed(Failure failure, const Request& request, TimeMs now);
  // To be called once a turn: failures are told in sums, now and then.
  void finish_turn(replica::Clock now, TimeMs wall);

 private:
  struct Line {
    Seq at{};
    std::string text;
  };
  struct Failed {
    TimeMs first{};
    std::uint64_t wrong = 0;
    std::uint64_t throttled = 0;
  };
  [[nodiscard]] std::optional<std::string> line_of(const Entry& entry) const;
  void flush();
  void write(std::string line);

  AuditFile& file_;
  const store::Tables& tables_;
  Seq seen_{};  // what is at or below is written, or waits
  Seq told_{};  // of the last line, or mark
  Seq committed_{};
  Epoch epoch_{};  // of the last entry seen
  std::deque<Line> waiting_;
  std::uint64_t lost_ = 0;
  std::map<std::pair<std::string, std::string>, Failed> failed_;  // by name and address
  Failed others_;
  replica::Clock next_told_{};
};

}  // namespace chat262::broker

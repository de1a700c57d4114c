// What the worker threads have done, on its way to the reactor.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "broker/repair.hpp"
#include "broker/replica/io.hpp"
#include "broker/scrub.hpp"

namespace chat262::broker {

struct PasswordDone {
  std::uint64_t job = 0;
  bool verified = false;  // true also if there was nothing to verify
  std::string hash;       // of the new password; empty if none was asked for or it failed
};
struct TablesWritten {
  bool disk_full = false;  // nothing was written; to be tried again
};
struct Fatal {  // the process must end
  std::string text;
};

struct LogDamaged {  // the record of this entry, or of the one before it
  Seq at{};
};
struct ReadDamaged {  // a range whose first entry is damaged: to be read again when it is repaired
  replica::ReadLog range;
};
struct PeerRead {  // what another server needs to repair its log
  ServerId to{};
  peer::RepairAnswer answer;
};

using Completion = std::variant<replica::Persisted, replica::PersistFailed, replica::LogRead,
                                replica::DiskRoom, PasswordDone, TablesWritten, Fatal, LogDamaged,
                                ReadDamaged, PeerRead, RepairWritten, Scrubbed>;

// Many writers, one reader: the reactor, which polls fd().
class Inbox {
 public:
  Inbox();
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  void push(Completion completion);
  // Moves everything to `completions` (cleared first), in the order it was pushed.
  void take(std::vector<Completion>& completions);
  // Readable while there is something to take.
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
  std::mutex mutex_;
  std::vector<Completion> waiting_;
};

}  // namespace chat262::broker

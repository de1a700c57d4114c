// The server's log lines: spdlog, asynchronous, dropping the oldest rather than waiting. Every line
// carries server id, epoch and role. Never a body, a password or a token.
#pragma once

#include <memory>
#include <string>

#include "broker/replica/io.hpp"
#include "broker/replica/replica.hpp"
#include "protocol/ids.hpp"
#include "protocol/result.hpp"

namespace chat262::broker {

class Journal {
 public:
  // `level`: trace, debug, info, warn, error, critical or off. `file`: empty for standard error.
  static Result<std::unique_ptr<Journal>> open(ServerId self, const std::string& level,
                                               const std::string& file);
  virtual ~Journal() = default;

  virtual void write(replica::NoteLevel level, const std::string& text) = 0;
  virtual void critical(const std::string& text) = 0;
  // What the lines from now on say about epoch and role.
  virtual void set_state(const Epoch& epoch, peer::Role role, bool learner) = 0;
  virtual void flush() = 0;  // waits
};

[[nodiscard]] bool is_log_level(const std::string& level);

}  // namespace chat262::broker

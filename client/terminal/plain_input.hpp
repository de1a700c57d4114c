// Lines of standard input as they are: a pipe, a file, or a terminal that cannot move its cursor.
#pragma once

#include "client/terminal/input.hpp"

namespace chat262::client {

class PlainInput : public Input {
 public:
  PlainInput(Mailbox& mailbox, Signals& signals);

  Line read_line(const std::string& prompt, bool remember) override;
  Line read_secret(const std::string& prompt) override;
  void print(const std::vector<std::string>& lines) override;
  void set_prompt(const std::string& prompt) override;
  void stop_reading() override { stop_ = true; }
  [[nodiscard]] bool interactive() const override { return terminal_; }

 private:
  bool take_line(Line& line);

  Mailbox& mailbox_;
  Signals& signals_;
  bool terminal_;
  bool ended_ = false;
  bool stop_ = false;
  bool reading_ = false;
  std::string prompt_;
  std::string buffer_;
};

}  // namespace chat262::client

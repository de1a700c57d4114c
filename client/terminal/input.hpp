// Where lines come from and where text goes, with others printing at any time.
//
// One thread owns an Input. While it waits for a line, what is posted to the mailbox is done on
// that same thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/terminal/mailbox.hpp"

namespace chat262::client {

struct Line {
  enum class Kind {
    text,
    end,          // end of input, or the program was told to stop
    interrupted,  // Ctrl-C: what was typed is dropped
    abandoned     // stop_reading() was called
  } kind = Kind::text;
  std::string text;
};

class Input {
 public:
  virtual ~Input() = default;

  // `remember`: put the line into the history.
  virtual Line read_line(const std::string& prompt, bool remember) = 0;
  virtual Line read_secret(const std::string& prompt) = 0;

  // Prints, also in the middle of a line being typed, which is drawn again below.
  virtual void print(const std::vector<std::string>& lines) = 0;

  // A new prompt for the line being read; what was typed stays.
  virtual void set_prompt(const std::string& prompt) = 0;

  // Takes the line just entered off the screen, where that is possible; true if it was.
  virtual bool erase_entered() { return false; }

  // In a task of the mailbox: the line being read is given up.
  virtual void stop_reading() = 0;

  // True if a person types at a terminal.
  [[nodiscard]] virtual bool interactive() const = 0;

  // Called a few times a second while a line is awaited.
  std::function<void()> on_tick;
};

// libedit on a terminal that can do it, else plain lines. `history_file`: empty for none.
[[nodiscard]] std::unique_ptr<Input> make_input(Mailbox& mailbox, Signals& signals,
                                                const std::string& history_file);

}  // namespace chat262::client

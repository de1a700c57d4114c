// What a line typed in the interactive session means.
#pragma once

#include <string>
#include <utility>

namespace chat262::client {

struct Typed {
  std::string command;  // without the slash; empty: the line is text to send
  std::string rest;     // what follows the command, or the text
};

// "/msg alice hi" is a command; "//hi" is the text "/hi"; all else is text.
[[nodiscard]] Typed parse_typed(const std::string& line);

// The first word, and what follows it without the space between.
[[nodiscard]] std::pair<std::string, std::string> split_word(const std::string& text);

}  // namespace chat262::client

// A scenario as text. README.md of this folder describes the language.
#pragma once

#include <string>
#include <vector>

#include "protocol/policy.hpp"
#include "protocol/result.hpp"

namespace chat262::test {

using Words = std::vector<std::string>;

struct Line {
  unsigned number = 0;
  Words words;
};

struct Script {
  std::string path;
  unsigned servers = 3;
  Policy policy = Policy::continues;
  bool one_history = true;
  std::string rule;  // the letter of the rule without which it fails; may be empty
  std::vector<Line> lines;
  bool has_trace = false;
  std::vector<std::string> trace;  // the story as expected
};

[[nodiscard]] Result<Script> read_script(const std::string& path);
[[nodiscard]] Words split(const std::string& line);
[[nodiscard]] std::string join(const Words& words, std::size_t from = 0);

// Whether `line` begins with the words of `pattern`; "*" stands for any one word.
[[nodiscard]] bool begins_with(const std::string& line, const Words& pattern);

}  // namespace chat262::test

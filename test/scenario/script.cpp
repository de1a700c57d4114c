#include "test/scenario/script.hpp"

#include <fstream>
#include <sstream>

namespace chat262::test {

Words split(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string join(const Words& words, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i];
  return text;
}

bool begins_with(const std::string& line, const Words& pattern) {
  const Words words = split(line);
  if (words.size() < pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != "*" && pattern[i] != words[i]) return false;
  }
  return true;
}

namespace {

// True if the line belongs to the head of the script.
bool read_head(Script& script, const Words& words) {
  if (words.size() != 2) return false;
  if (words[0] == "rule") {
    script.rule = words[1];
  } else if (words[0] == "servers") {
    script.servers = static_cast<unsigned>(std::stoul(words[1]));
  } else if (words[0] == "policy") {
    const auto policy = policy_named(words[1]);
    if (!policy) return false;
    script.policy = *policy;
  } else if (words[0] == "histories") {
    script.one_history = words[1] == "1";
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Script> read_script(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Errc::not_found, "cannot read " + path);
  Script script;
  script.path = path;
  bool in_trace = false;
  unsigned number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const Words words = split(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    if (in_trace) {
      in_trace = words[0] != "end";
      if (in_trace) script.trace.push_back(join(words));
    } else if (words[0] == "trace") {
      in_trace = script.has_trace = true;
    } else if (!read_head(script, words)) {
      script.lines.push_back({number, words});
    }
  }
  if (in_trace) return fail(Errc::malformed, path + ": trace without end");
  return script;
}

}  // namespace chat262::test

#include "client/terminal/typed.hpp"

namespace chat262::client {
namespace {

constexpr const char* spaces = " \t";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(spaces);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

}  // namespace

Typed parse_typed(const std::string& line) {
  if (line.starts_with("//")) return {.command = {}, .rest = line.substr(1)};
  if (!line.starts_with("/")) return {.command = {}, .rest = line};
  auto [command, rest] = split_word(line.substr(1));
  if (command.empty()) return {.command = "help", .rest = {}};
  return {.command = std::move(command), .rest = std::move(rest)};
}

std::pair<std::string, std::string> split_word(const std::string& text) {
  const std::string all = trimmed(text);
  const auto end = all.find_first_of(spaces);
  if (end == std::string::npos) return {all, {}};
  return {all.substr(0, end), trimmed(all.substr(end))};
}

}  // namespace chat262::client

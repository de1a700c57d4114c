#include "test/simulation/fault.hpp"

#include <array>
#include <sstream>

namespace chat262::test {

namespace {

constexpr std::array<const char*, fault_kinds> names = {
    "late",  "crash", "crash-in", "stop",  "pause", "freeze",   "full", "slow",
    "error", "lose",  "copy",     "older", "cut",   "isolate",  "hold", "lossy",
    "delay", "reset", "deaf",     "part",  "clock", "handover", "rot"};

bool has_two(FaultKind kind) {
  return kind == FaultKind::cut || kind == FaultKind::hold || kind == FaultKind::lossy ||
         kind == FaultKind::delay || kind == FaultKind::reset;
}

std::optional<Fault> read_fault(const std::string& text) {
  std::istringstream words(text);
  Fault fault;
  std::string kind;
  unsigned a = 0;
  if (!(words >> fault.at >> kind >> a) || a >= 10) return std::nullopt;
  fault.at *= milliseconds;
  fault.a = server_id(a);
  std::size_t index = 0;
  while (index < names.size() && kind != names[index]) ++index;
  if (index == names.size()) return std::nullopt;
  fault.kind = static_cast<FaultKind>(index);
  if (has_two(fault.kind)) {
    unsigned b = 0;
    if (!(words >> b) || b >= 10) return std::nullopt;
    fault.b = server_id(b);
  }
  for (std::string word; words >> word;) {
    if (word == "for" && words >> fault.lasts) {
      fault.lasts *= milliseconds;
    } else if (word != "n" || !(words >> fault.n)) {
      return std::nullopt;
    }
  }
  return fault;
}

}  // namespace

const char* name_of(FaultKind kind) {
  return names.at(static_cast<std::size_t>(kind));
}

std::string text_of(const Fault& fault) {
  std::string text = std::to_string(fault.at / milliseconds) + " " + name_of(fault.kind) + " " +
                     std::to_string(fault.a.value);
  if (has_two(fault.kind)) text += " " + std::to_string(fault.b.value);
  if (fault.lasts > 0) text += " for " + std::to_string(fault.lasts / milliseconds);
  if (fault.n != 0) text += " n " + std::to_string(fault.n);
  return text;
}

std::string text_of(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) text += (text.empty() ? "" : "; ") + text_of(fault);
  return text;
}

std::optional<std::vector<Fault>> read_faults(const std::string& text) {
  std::vector<Fault> faults;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ';');) {
    if (part.find_first_not_of(" \n") == std::string::npos) continue;
    const auto fault = read_fault(part);
    if (!fault) return std::nullopt;
    faults.push_back(*fault);
  }
  return faults;
}

}  // namespace chat262::test

#include "client/control/audit.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "client/control/control_socket.hpp"
#include "protocol/names.hpp"

namespace chat262::control {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* file_name = "audit.log";
constexpr unsigned older_max = 9;
constexpr auto look_every = std::chrono::milliseconds(300);

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return printable(found->get<std::string>());
  return found->dump();
}

class Printer {
 public:
  explicit Printer(const AuditOptions& options) : options_(options) {
    if (options.account.empty()) return;
    const auto folded = fold(options.account);
    if (!folded) throw Failure{Exit::usage, "this is no name: " + options.account};
    wanted_ = *folded;
  }

  void print(const std::string& line) {
    if (line.empty() || !is_wanted(line)) return;
    const auto text = options_.json ? line : audit_text(line);
    if (text.empty()) return;
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }

 private:
  bool is_wanted(const std::string& line) const {
    if (wanted_.empty()) return true;
    const auto object = json::parse(line, nullptr, false);
    if (!object.is_object()) return false;
    const auto name = object.find("account");
    if (name == object.end() || !name->is_string()) return false;
    const auto folded = fold(name->get<std::string>());
    return folded && *folded == wanted_;
  }

  const AuditOptions& options_;
  std::string wanted_;
};

// What is complete in it from `at` on; a line that is being written is left for the next time.
void print_from(const fs::path& path, std::streamoff& at, Printer& printer) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(at);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    printer.print(line);
    at = file.tellg();
  }
}

ino_t number_of(const fs::path& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

std::string audit_text(const std::string& line) {
  const auto object = json::parse(line, nullptr, false);
  if (!object.is_object()) return printable(line);
  const auto what = text_in(object, "what");
  if (what == "mark") return {};
  auto text = fmt::format("{:<24}  {:<22}", text_in(object, "time"), what);
  const auto name = text_in(object, "account");
  if (!name.empty()) text += "  " + name;
  for (const auto& [key, value] : object.items()) {
    if (key == "time" || key == "what" || key == "account" || key == "epoch" || key == "id") {
      continue;
    }
    if (key == "seq") continue;
    if (value == true) {
      text += "  " + key;
    } else if (key == "session") {
      text += fmt::format("  {} {}", key, text_in(object, "session").substr(0, 12));
    } else {
      text += fmt::format("  {} {}", key, text_in(object, key.c_str()));
    }
  }
  return text;
}

Exit show_audit(const AuditOptions& options) {
  const auto directory = data_directory(options.data);
  const auto path = directory / file_name;
  Printer printer(options);
  bool any = false;
  for (unsigned age = older_max; age-- > 0;) {
    const auto file = age == 0 ? path : directory / (file_name + ("." + std::to_string(age)));
    std::error_code error;
    if (!fs::exists(file, error)) continue;
    if (!std::ifstream(file)) {
      throw Failure{Exit::degraded, file.string() +
                                        " cannot be read; ask as the user that the "
                                        "server runs as, or as root"};
    }
    any = true;
    if (age == 0) break;
    std::streamoff at = 0;
    print_from(file, at, printer);
  }
  if (!any) throw Failure{Exit::degraded, "there is no " + path.string()};
  std::streamoff at = 0;
  auto number = number_of(path);
  print_from(path, at, printer);
  while (options.follow) {
    std::this_thread::sleep_for(look_every);
    const auto now = number_of(path);
    if (now != number && number != 0) {  // it was put aside: its end first
      print_from(directory / (std::string(file_name) + ".1"), at, printer);
      at = 0;
    }
    number = now;
    print_from(path, at, printer);
  }
  return Exit::ok;
}

}  // namespace chat262::control

#include "client/control/demo.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <sstream>

#include "client/control/demo_cluster.hpp"
#include "client/control/show_status.hpp"

namespace chat262::control {
namespace {

constexpr auto settle_within = std::chrono::seconds(30);
constexpr std::size_t typed_bytes_max = 4096;
constexpr std::size_t log_lines_shown = 20;

constexpr const char* help_text =
    "  status       how the servers are\n"
    "  kill N       end server N at once (SIGKILL)\n"
    "  stop N       end server N cleanly (SIGTERM)\n"
    "  restart N    start server N again\n"
    "  pause N      freeze server N (SIGSTOP)\n"
    "  resume N     let it go on\n"
    "  wait         until somebody leads and all that run are in-sync\n"
    "  log N        the end of server N's log file\n"
    "  help         this list\n"
    "  quit         stop all servers and end\n";

std::string last_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > log_lines_shown) lines.pop_front();
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

// Signals as something to poll. They stay blocked: only servers get them as signals.
class SignalInput {
 public:
  SignalInput() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    file_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  }
  ~SignalInput() { close(file_); }
  SignalInput(const SignalInput&) = delete;
  SignalInput& operator=(const SignalInput&) = delete;

  [[nodiscard]] int file() const { return file_; }
  // True if one of those that have come asks to end.
  [[nodiscard]] bool asks_to_end() {
    signalfd_siginfo info{};
    while (read(file_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) ends_ = true;
    }
    return ends_;
  }

 private:
  int file_ = -1;
  bool ends_ = false;
};

class Prompt {
 public:
  explicit Prompt(DemoCluster& cluster) : cluster_(cluster) {}

  Exit run() {
    cluster_.start_all();
    introduce();
    const bool led = wait_settled();
    if (led) {
      say(status_table(cluster_.status()));
      say("`help` lists what can be typed here.\n");
    } else if (!ended_) {
      say("the cluster is not ready yet\n");
    }
    if (!led && !cluster_.all_run()) {
      tell_why_not();
      ended_ = true;
      code_ = Exit::degraded;
    }
    while (!ended_) step();
    say("stopping all servers\n");
    cluster_.stop_all();
    return code_;
  }

 private:
  static void say(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  void introduce() {
    std::string list;
    for (const auto& host : cluster_.hosts()) list += " " + host;
    say(fmt::format("{} servers:{}\ndata and log files in {}\n", cluster_.hosts().size(), list,
                    cluster_.directory().string()));
    say(fmt::format("chat from another terminal:  chat262 --cluster {}\n",
                    cluster_.cluster_file().string()));
  }

  // What has happened is told before the prompt is shown again.
  void step() {
    if (isatty(STDIN_FILENO) == 1 && !prompted_) say("demo> ");
    prompted_ = true;
    pollfd inputs[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.file(), POLLIN, 0}};
    if (poll(inputs, 2, -1) < 0 && errno != EINTR) ended_ = true;
    if (signals_.asks_to_end()) ended_ = true;
    tell_ends();
    if (!ended_ && (inputs[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_typed();
  }

  void tell_ends() {
    for (auto& server : cluster_.servers()) {
      if (!server.has_ended()) continue;
      say(fmt::format("\nserver {} {}; its log is {}\n", server.id(), server.ending(),
                      server.log().string()));
      prompted_ = false;
    }
  }

  // The log files of a temporary folder are about to go.
  void tell_why_not() {
    for (const auto& server : cluster_.servers()) {
      if (!server.running()) say(last_lines(server.log()));
    }
  }

  void read_typed() {
    char bytes[512];
    const auto size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) {
      ended_ = true;
      return;
    }
    typed_.append(bytes, static_cast<std::size_t>(size));
    for (auto end = typed_.find('\n'); end != std::string::npos && !ended_;
         end = typed_.find('\n')) {
      const auto line = typed_.substr(0, end);
      typed_.erase(0, end + 1);
      try {
        obey(line);
      } catch (const Failure& failure) {
        say(failure.text + "\n");
      }
      if (signals_.asks_to_end()) ended_ = true;
      prompted_ = false;
    }
    if (typed_.size() > typed_bytes_max) typed_.clear();
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::string argument;
    std::string more;
    words >> verb >> argument >> more;
    if (verb.empty()) return;
    if (verb == "quit" || verb == "exit") {
      ended_ = true;
    } else if (verb == "help" || verb == "?") {
      say(help_text);
    } else if (verb == "status") {
      say(status_table(cluster_.status()));
    } else if (verb == "wait") {
      say(wait_settled() ? "ready\n" : "not ready within 30 s\n");
    } else if (auto* server = server_named(argument); server == nullptr || !more.empty()) {
      say(fmt::format("`{}`? `help` lists what can be typed here.\n", line));
    } else {
      act(verb, *server);
    }
  }

  ServerProcess* server_named(const std::string& text) {
    unsigned id = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, id);
    return read.ec == std::errc{} && read.ptr == end ? cluster_.find(id) : nullptr;
  }

  void act(const std::string& verb, ServerProcess& server) {
    if (verb == "restart") {
      cluster_.restart(server.id());
      say(fmt::format("server {} started\n", server.id()));
    } else if (verb == "log") {
      say(last_lines(server.log()));
    } else if (!server.running()) {
      say(fmt::format("server {} does not run\n", server.id()));
    } else if (verb == "kill" || verb == "stop") {
      server.send(verb == "kill" ? SIGKILL : SIGTERM);
      if (verb == "stop") server.send(SIGCONT);
      const bool over = server.wait_end(std::chrono::seconds(5));
      say(fmt::format("server {} {}\n", server.id(), over ? server.ending() : "does not end"));
    } else if (verb == "pause") {
      server.send(SIGSTOP);
      say(fmt::format("server {} is frozen\n", server.id()));
    } else if (verb == "resume") {
      server.send(SIGCONT);
      say(fmt::format("server {} goes on\n", server.id()));
    } else {
      say(fmt::format("`{}`? `help` lists what can be typed here.\n", verb));
    }
  }

  // False if it took too long, a server ended, or the demo is to end.
  bool wait_settled() {
    const auto end = std::chrono::steady_clock::now() + settle_within;
    while (!cluster_.settled()) {
      pollfd input{signals_.file(), POLLIN, 0};
      poll(&input, 1, 100);
      if (signals_.asks_to_end()) ended_ = true;
      tell_ends();
      if (ended_ || std::chrono::steady_clock::now() > end) return false;
      if (!any_runs()) return false;
    }
    return true;
  }

  bool any_runs() {
    for (const auto& server : cluster_.servers()) {
      if (server.running()) return true;
    }
    return false;
  }

  DemoCluster& cluster_;
  SignalInput signals_;
  std::string typed_;
  bool prompted_ = false;
  bool ended_ = false;
  Exit code_ = Exit::ok;
};

}  // namespace

Exit demo(const DemoOptions& options) {
  DemoCluster cluster(options);
  return Prompt(cluster).run();
}

}  // namespace chat262::control

// Clients that write in a closed loop, and what it cost: acknowledged writes a second, and how long
// each waited. Also the writer of the cluster tests that need more load than a script can make.
//
// Each acknowledged text is "NAME THREAD COUNT padding"; --acknowledged writes them to a file, so
// that a test can look for them in the servers' logs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "chat262/client.hpp"

namespace {

using chat262::client::Address;
using chat262::client::Client;
using chat262::client::Options;
using chat262::client::Target;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::vector<std::string> addresses;
  std::string cluster;
  unsigned clients = 64;
  double seconds = 5;
  std::uint64_t count = 0;  // of each client; 0: as many as `seconds` allow
  unsigned text_bytes = 100;
  std::string account = "load";
  std::string password = "a password for loads";
  std::string room = "load";
  std::string name = "load";
  std::string acknowledged;
  std::string stop_file;  // end when it is there
  bool progress = false;
};

struct Tally {
  std::vector<double> waits_ms;
  std::vector<std::string> texts;
  std::string failure;
};

Options options_for(const std::vector<Address>& servers) {
  Options options;
  options.servers = servers;
  options.timeout = std::chrono::seconds(60);
  return options;
}

// The account and the room, if they are not there yet. A session for each client: what one session
// may ask for has a limit.
std::vector<std::string> prepare(const Arguments& arguments, const std::vector<Address>& servers) {
  Client client(options_for(servers));
  if (auto made = client.register_account(arguments.account, arguments.password); !made) {
    if (made.refused() == nullptr || made.refused()->code != "name_taken") {
      throw std::runtime_error("register: " + made.error_text());
    }
  }
  std::vector<std::string> tokens;
  while (tokens.size() < arguments.clients) {
    auto session = client.log_in(arguments.account, arguments.password);
    if (!session) throw std::runtime_error("log in: " + session.error_text());
    tokens.push_back(session.value().token);
  }
  if (auto room = client.create_room(arguments.room); !room) {
    if (room.refused() == nullptr || room.refused()->code != "name_taken") {
      throw std::runtime_error("create room: " + room.error_text());
    }
  }
  return tokens;
}

// What was acknowledged since it was last asked, for whoever watches.
class Progress {
 public:
  void add(double wait_ms) {
    const std::lock_guard lock(mutex_);
    ++acknowledged_;
    longest_ms_ = std::max(longest_ms_, wait_ms);
  }
  void print() {
    const std::lock_guard lock(mutex_);
    const nlohmann::json line = {{"acknowledged", acknowledged_}, {"longest_ms", longest_ms_}};
    std::cout << line.dump() << std::endl;
    acknowledged_ = 0;
    longest_ms_ = 0;
  }

 private:
  std::mutex mutex_;
  std::uint64_t acknowledged_ = 0;
  double longest_ms_ = 0;
};

// One client's closed loop.
void write_on(const Arguments& arguments, const std::vector<Address>& servers,
              const std::string& token, unsigned number, const std::atomic<bool>& stop,
              Progress* progress, Tally& tally) {
  Client client(options_for(servers));
  client.resume(token);
  const Target room = Target::room(arguments.room);
  for (std::uint64_t n = 1; !stop && (arguments.count == 0 || n <= arguments.count); ++n) {
    std::string text = arguments.name + ' ' + std::to_string(number) + ' ' + std::to_string(n);
    text.append(text.size() < arguments.text_bytes ? arguments.text_bytes - text.size() : 0, '.');
    const auto begin = Clock::now();
    const auto sent = client.send(room, text);
    if (!sent) {
      tally.failure = sent.error_text();
      return;
    }
    const double wait_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    tally.waits_ms.push_back(wait_ms);
    if (progress != nullptr) progress->add(wait_ms);
    if (!arguments.acknowledged.empty()) tally.texts.push_back(std::move(text));
  }
}

double at_share(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(share * last + 0.5)];
}

// How many clients are still at it.
class Running {
 public:
  explicit Running(unsigned clients) : left_(clients) {}
  void one_ended() {
    const std::lock_guard lock(mutex_);
    --left_;
    changed_.notify_one();
  }
  // Until all have ended, or `pause` has passed. True if all have ended.
  bool wait(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, pause, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned left_;
};

// Until the time is over, the stop file is there, or all clients have written their count.
void wait_for_end(const Arguments& arguments, Running& running, Progress* progress) {
  const auto end = Clock::now() + std::chrono::duration<double>(arguments.seconds);
  const std::chrono::milliseconds pause(progress != nullptr ? 50 : 5);
  while (!running.wait(pause)) {
    if (progress != nullptr) progress->print();
    const bool asked = !arguments.stop_file.empty() && std::ifstream(arguments.stop_file).good();
    const bool over = arguments.stop_file.empty() && arguments.count == 0 && Clock::now() >= end;
    if (asked || over) return;
  }
}

int run(const Arguments& arguments) {
  const auto servers = chat262::client::servers_from(arguments.addresses, arguments.cluster);
  const auto tokens = prepare(arguments, servers);
  std::vector<Tally> tallies(arguments.clients);
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  Running running(arguments.clients);
  Progress watched;
  Progress* const progress = arguments.progress ? &watched : nullptr;
  const auto begin = Clock::now();
  for (unsigned i = 0; i < arguments.clients; ++i) {
    threads.emplace_back([&, i] {
      write_on(arguments, servers, tokens[i], i, stop, progress, tallies[i]);
      running.one_ended();
    });
  }
  wait_for_end(arguments, running, progress);
  stop = true;
  for (auto& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  std::vector<double> waits;
  std::vector<std::string> failures;
  std::ofstream texts;
  if (!arguments.acknowledged.empty()) texts.open(arguments.acknowledged);
  for (const Tally& tally : tallies) {
    waits.insert(waits.end(), tally.waits_ms.begin(), tally.waits_ms.end());
    for (const std::string& text : tally.texts) texts << text << '\n';
    if (!tally.failure.empty()) failures.push_back(tally.failure);
  }
  std::sort(waits.begin(), waits.end());
  const nlohmann::json report = {
      {"clients", arguments.clients},   {"seconds", seconds},
      {"acknowledged", waits.size()},   {"per_second", static_cast<double>(waits.size()) / seconds},
      {"p50_ms", at_share(waits, 0.5)}, {"p99_ms", at_share(waits, 0.99)},
      {"max_ms", at_share(waits, 1)},   {"failures", failures}};
  std::cout << report.dump() << std::endl;
  return failures.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char* argv[]) {
  Arguments arguments;
  CLI::App app("Writes to a chat262 cluster in a closed loop and measures it.");
  app.add_option("addresses", arguments.addresses, "the servers, in leader order");
  app.add_option("--cluster", arguments.cluster, "or the cluster's file");
  app.add_option("--clients", arguments.clients, "how many write at a time")
      ->check(CLI::Range(1, 4096));
  app.add_option("--seconds", arguments.seconds, "for how long");
  app.add_option("--count", arguments.count, "so many messages of each client instead");
  app.add_option("--text-bytes", arguments.text_bytes, "length of a text");
  app.add_option("--account", arguments.account, "made if missing");
  app.add_option("--password", arguments.password, "of that account (a test's: nothing secret)");
  app.add_option("--room", arguments.room, "made if missing");
  app.add_option("--name", arguments.name, "first word of each text");
  app.add_option("--acknowledged", arguments.acknowledged, "write acknowledged texts to this file");
  app.add_option("--stop-file", arguments.stop_file, "end when this file is there");
  app.add_flag("--progress", arguments.progress, "a line twenty times a second, as JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(arguments);
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << '\n';
    return 1;
  }
}

// explore: see README.md. 0: every state within the bounds was seen and nothing broke; or, with
// --must-break, something did.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>

#include "test/model/explore.hpp"
#include "test/support/violation.hpp"

namespace chat262::model {

namespace {

struct Options {
  Bounds bounds;
  Limits limits;
  replica::Config config;
  bool histories = false;
  std::string begin;  // "crash 1, settle": what happens before
  bool must_break = false;
};

// Told to a handler of SIGABRT, when the core finds its own state broken.
const Explorer* running = nullptr;
const Cluster* running_from = nullptr;
bool may_abort = false;

extern "C" void say_where(int) {
  std::signal(SIGABRT, SIG_DFL);
  if (running == nullptr) return;
  std::printf("the core aborts:\n");
  running->say_where(*running_from);
  std::fflush(stdout);
  if (may_abort) std::_Exit(0);
}

const std::map<std::string, Kind> kinds = {
    {"crash", Kind::crash},         {"start", Kind::start},   {"refused", Kind::refused},
    {"asked", Kind::asked},         {"submit", Kind::submit}, {"write", Kind::write},
    {"heartbeat", Kind::heartbeat}, {"gets", Kind::deliver},  {"wrote", Kind::write},
    {"suspects", Kind::suspects},   {"robbed", Kind::robbed}};

// Words as in the traces: "crash 1", "submit 0", "asked 2", "cut 0".
Event event_of(const std::string& words) {
  std::istringstream in(words);
  std::string verb;
  unsigned server = 0;
  unsigned other = 0;
  in >> verb >> server >> other;
  Event event{Kind::deliver, static_cast<std::uint8_t>(server), static_cast<std::uint8_t>(other)};
  const auto kind = kinds.find(verb);
  if (kind != kinds.end()) {
    event.kind = kind->second;
  } else if (verb == "cut") {
    event.net = Event::Net::cut;
  } else if (verb == "lose") {
    event.net = Event::Net::lose;
  } else if (verb == "heal") {
    event.net = Event::Net::heal;
  } else {
    throw test::Violation("what is `" + words + "`?");
  }
  return event;
}

std::vector<std::string> split(const std::string& story) {
  std::vector<std::string> result;
  std::istringstream in(story);
  for (std::string words; std::getline(in >> std::ws, words, ',');) result.push_back(words);
  return result;
}

// What comes before the exploration: events, "run" (messages and writes go on to their end) and
// "settle" (time passes too, until all is well).
void happen(Rules& rules, Cluster& cluster, const std::string& words) {
  std::string why;
  if (words == "settle") {
    static_cast<void>(rules.settles(cluster, why));
  } else if (words == "run") {
    static_cast<void>(rules.runs_dry(cluster, why));
  } else {
    Event event = event_of(words);
    if (event.kind == Kind::submit) event.other = cluster.submitted;
    why = rules.apply(cluster, event);
  }
  if (!why.empty()) throw test::Violation(words + ": " + why + "\n" + rules.text_of(cluster));
}

// The bounds that a plan needs.
void make_room(Bounds& bounds) {
  bounds.operations = bounds.crashes = bounds.restarts = bounds.takeovers = bounds.cuts = 0;
  for (const Event& event : bounds.plan) {
    bounds.operations += event.kind == Kind::submit;
    bounds.crashes += event.kind == Kind::crash;
    bounds.restarts += starts(event.kind);
    bounds.takeovers += event.kind == Kind::asked;
    bounds.cuts += event.net == Event::Net::cut;
  }
}

Cluster beginning(Rules& rules, const std::string& story) {
  Cluster cluster;
  for (unsigned i = 0; i < servers; ++i) cluster.server[i] = rules.all().fresh(i);
  happen(rules, cluster, "settle");
  for (const std::string& words : split(story)) happen(rules, cluster, words);
  // The bounds are counted from here.
  cluster.retries = cluster.crashes = cluster.restarts = cluster.takeovers = 0;
  cluster.heartbeats = cluster.cuts = cluster.late = 0;
  cluster.ask_waits = cluster.holds = cluster.planned = 0;
  return cluster;
}

void print_bounds(const Options& options) {
  const Bounds& b = options.bounds;
  std::printf(
      "policy %s%s%s; operations %u, retries %u, crashes %u, restarts %u, takeovers %u, "
      "heartbeats %u, ask-waits %u, cuts %u, late %u, epochs %u; ",
      policy_name(options.config.policy), options.config.without.empty() ? "" : " without ",
      options.config.without.c_str(), b.operations, b.retries, b.crashes, b.restarts, b.takeovers,
      b.heartbeats, b.ask_waits, b.cuts, b.late, b.epochs);
  if (b.holds) {
    std::printf("one thing after the other, %u held", *b.holds);
  } else {
    std::printf("every order");
  }
  std::printf("%s\n", b.plan.empty() ? "" : " of the plan's moments");
  std::printf(
      "reductions, which leave nothing out: canonical states, HeartbeatAcks and meaningless "
      "messages at once, operations by name (test/model/README.md)\n");
}

int run(const Options& options) {
  print_bounds(options);
  Servers all(options.config, !options.histories);
  Rules rules(all, options.bounds, !options.histories);
  const Cluster first = beginning(rules, options.begin);
  rules.number_plan(first.submitted);
  std::printf("from:\n%s", rules.text_of(first).c_str());
  Explorer explorer(rules, options.limits);
  running = &explorer;
  running_from = &first;
  may_abort = options.must_break;
  std::signal(SIGABRT, say_where);
  const Outcome outcome = explorer.run(first);
  running = nullptr;
  std::printf(
      "%llu states, %llu transitions, depth %u, widest %llu, %llu ends, %llu beyond the epochs; "
      "%zu server states, %zu messages, %zu steps of the core; %.1f s, %llu MiB\n",
      static_cast<unsigned long long>(outcome.states),
      static_cast<unsigned long long>(outcome.transitions), outcome.depth,
      static_cast<unsigned long long>(outcome.widest),
      static_cast<unsigned long long>(outcome.ends),
      static_cast<unsigned long long>(outcome.beyond), all.states(), all.messages(), all.steps(),
      outcome.seconds, static_cast<unsigned long long>(outcome.memory_mib));
  if (!outcome.broken.empty()) {
    std::printf("broken: %s\n", outcome.broken.c_str());
    print_path(rules, first, outcome.path, outcome.in_the_end);
    return options.must_break ? 0 : 1;
  }
  std::printf(outcome.complete ? "nothing broken within the bounds\n"
                               : "a limit was reached: not every state was seen\n");
  return outcome.complete && !options.must_break ? 0 : 1;
}

int usage() {
  std::fprintf(
      stderr,
      "explore [--operations N] [--retries N] [--crashes N] [--restarts N] [--takeovers N]\n"
      "        [--heartbeats N] [--ask-waits N] [--cuts N] [--late N] [--epochs N] [--holds N]\n"
      "        [--policy continue|majority] [--histories] [--without RULES] [--begin STORY] "
      "[--plan STORY]\n"
      "        [--must-break] [--ends-every N] [--seconds N] [--progress]\n"
      "README.md of test/model says what they mean\n");
  return 2;
}

}  // namespace

}  // namespace chat262::model

int main(int argc, char* argv[]) {
  using namespace chat262::model;
  Options options;
  options.config.batch_entries_max = 1;
  options.config.inflight_batches_max = 1;
  Bounds& bounds = options.bounds;
  const std::map<std::string, unsigned*> numbers = {{"--operations", &bounds.operations},
                                                    {"--retries", &bounds.retries},
                                                    {"--crashes", &bounds.crashes},
                                                    {"--restarts", &bounds.restarts},
                                                    {"--takeovers", &bounds.takeovers},
                                                    {"--heartbeats", &bounds.heartbeats},
                                                    {"--cuts", &bounds.cuts},
                                                    {"--late", &bounds.late},
                                                    {"--ask-waits", &bounds.ask_waits},
                                                    {"--epochs", &bounds.epochs},
                                                    {"--ends-every", &options.limits.ends_every},
                                                    {"--seconds", &options.limits.seconds_max}};
  const std::map<std::string, std::string*> texts = {{"--begin", &options.begin},
                                                     {"--without", &options.config.without}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--histories") {
      options.histories = true;
    } else if (i + 1 < argc && word == "--holds") {
      bounds.holds = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
    } else if (i + 1 < argc && word == "--plan") {
      for (const std::string& words : split(argv[++i])) bounds.plan.push_back(event_of(words));
      make_room(bounds);
    } else if (i + 1 < argc && word == "--policy") {
      const auto policy = chat262::policy_named(argv[++i]);
      if (!policy || *policy == chat262::Policy::proof) return usage();
      options.config.policy = *policy;
    } else if (word == "--must-break") {
      options.must_break = true;
    } else if (word == "--progress") {
      options.limits.progress = true;
    } else if (i + 1 < argc && numbers.contains(word)) {
      *numbers.at(word) = static_cast<unsigned>(std::strtoul(argv[++i], nullptr, 10));
    } else if (i + 1 < argc && texts.contains(word)) {
      *texts.at(word) = argv[++i];
    } else {
      return usage();
    }
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

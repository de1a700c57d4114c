// chat262ctl: for those who run a cluster.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <thread>

#include "client/control/account_commands.hpp"
#include "client/control/backup.hpp"
#include "client/control/control_socket.hpp"
#include "client/control/demo.hpp"
#include "client/control/force_lead.hpp"
#include "client/control/handover.hpp"
#include "client/control/init.hpp"
#include "client/control/outcome.hpp"
#include "client/control/replace.hpp"
#include "client/control/show_status.hpp"
#include "client/control/verify.hpp"
#include "client/usage.hpp"
#include "protocol/policy.hpp"

namespace chat262::control {
namespace {

struct StatusArguments {
  std::vector<std::string> addresses;
  std::string cluster_file;
  bool json = false;
  bool watch = false;
  double every_s = 1;
};

std::vector<client::Address> servers_of(const std::vector<std::string>& addresses,
                                        const std::string& cluster_file) {
  try {
    return client::servers_from(addresses, cluster_file);
  } catch (const std::invalid_argument& wrong) {
    throw Failure{Exit::usage, wrong.what()};
  }
}

Exit show_status(const StatusArguments& arguments) {
  const auto servers = servers_of(arguments.addresses, arguments.cluster_file);
  for (;;) {
    const auto status = ask_status(servers);
    auto text = arguments.json ? status_json(status) : status_table(status);
    const bool clear = arguments.watch && isatty(STDOUT_FILENO) == 1;
    if (clear) text = "\x1b[H\x1b[2J" + text;
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    if (!arguments.watch) return status.verdict();
    std::this_thread::sleep_for(std::chrono::duration<double>(arguments.every_s));
  }
}

using Run = std::function<Exit()>;

void add_init(CLI::App& app, Run& run) {
  auto options = std::make_shared<InitOptions>();
  auto* command = app.add_subcommand("init", "write the file of a new cluster, and its keys");
  command->add_option("-o,--output", options->to,
                      "the file (cluster.toml); the servers' secret keys go beside it");
  command
      ->add_option("--policy", options->policy,
                   "when it goes on without servers: continue, proof or majority (continue)")
      ->check(CLI::IsMember(policy_names));
  command->add_flag("--plain", options->plain, "no keys: connections are not encrypted");
  command->add_option("ADDRESS", options->addresses, "of each server, in leader order")->required();
  command->callback([&run, options] { run = [options] { return init(*options); }; });
}

void add_demo(CLI::App& app, Run& run) {
  auto options = std::make_shared<DemoOptions>();
  auto* command = app.add_subcommand("demo", "run a cluster on this machine, with a prompt");
  command->add_option("--dir", options->directory,
                      "folder for data and log files (a temporary one)");
  command->add_option("--servers", options->servers, "how many (3)");
  command->add_option("--base", options->base, "address of server 0 (127.0.0.1)");
  command->add_option("--port", options->port, "client port; peers use the one above it (26262)");
  command->callback([&run, options] { run = [options] { return demo(*options); }; });
}

void add_status(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<StatusArguments>();
  auto* command = app.add_subcommand("status", "how the servers are; one address is enough");
  command->add_option("ADDRESS", arguments->addresses, "of one or more servers");
  command->add_option("--cluster", arguments->cluster_file,
                      "the cluster's file (else the one that CHAT262_CLUSTER names)");
  command->add_flag("--json", arguments->json, "as one JSON object");
  command->add_flag("--watch", arguments->watch, "again and again until interrupted");
  command->add_option("--every", arguments->every_s, "with --watch: seconds between (1)")
      ->check(CLI::PositiveNumber);
  command->callback([&run, arguments] { run = [arguments] { return show_status(*arguments); }; });
}

// Commands to a server on this machine.
void add_data_option(CLI::App& command, std::filesystem::path& data) {
  command.add_option("--data", data,
                     "data directory of a server on this machine (the one in /var/lib/chat262)");
}

void add_handover(CLI::App& app, Run& run) {
  struct Arguments {
    std::filesystem::path data;
    std::optional<unsigned> to;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("handover", "let another server lead");
  add_data_option(*command, arguments->data);
  command->add_option("ID", arguments->to, "who is to lead (the first server that is fit)");
  command->callback([&run, arguments] {
    run = [arguments] { return hand_over(arguments->data, arguments->to); };
  });
}

void add_force_lead(CLI::App& app, Run& run) {
  struct Arguments {
    std::filesystem::path data;
    bool yes = false;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "force-lead", "let a server lead that waits for others; what only those have is lost");
  add_data_option(*command, arguments->data);
  command->add_flag("--yes", arguments->yes, "do not ask");
  command->callback([&run, arguments] {
    run = [arguments] { return force_lead(arguments->data, arguments->yes); };
  });
}

void add_replace(CLI::App& app, Run& run) {
  auto options = std::make_shared<ReplaceOptions>();
  auto* command =
      app.add_subcommand("replace", "give the number of a lost server to a new machine");
  add_data_option(*command, options->data);
  command->add_option("-o,--output", options->to, "the new cluster file (standard output)");
  command->add_flag("--yes", options->yes, "do not ask");
  command->add_option("ID", options->server, "number of the lost server")->required();
  command
      ->add_option("ADDRESS", options->address,
                   "of the new machine; without a port, the ports stay")
      ->required();
  command->callback([&run, options] { run = [options] { return replace(*options); }; });
}

void add_cluster(CLI::App& app, Run& run) {
  struct Arguments {
    std::filesystem::path data, to;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("cluster", "print the cluster file as it is now");
  add_data_option(*command, arguments->data);
  command->add_option("-o,--output", arguments->to, "a new file (standard output)");
  command->callback([&run, arguments] {
    run = [arguments] { return print_cluster(arguments->data, arguments->to); };
  });
}

void add_rotate_keys(CLI::App& app, Run& run) {
  struct Arguments {
    std::filesystem::path data;
    unsigned server = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("rotate-keys", "give a server another key, while it runs");
  add_data_option(*command, arguments->data);
  command->add_option("ID", arguments->server, "number of the server; it may be another one's")
      ->required();
  command->callback([&run, arguments] {
    run = [arguments] { return rotate_keys(arguments->data, arguments->server); };
  });
}

void add_verify(CLI::App& app, Run& run) {
  struct Arguments {
    std::vector<std::string> addresses;
    std::string cluster_file;
    std::filesystem::path data;
    double timeout_s = 60;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("verify", "whether all servers hold the same history, and hold it whole");
  command->add_option("--data", arguments->data,
                      "data directory of a server on this machine: through it all servers are told "
                      "to read their logs and tables now (without addresses: the one in "
                      "/var/lib/chat262)");
  command->add_option("ADDRESS", arguments->addresses,
                      "of one or more servers; without --data nobody reads now");
  command->add_option("--cluster", arguments->cluster_file,
                      "the cluster's file (else the one that CHAT262_CLUSTER names)");
  command->add_option("--timeout", arguments->timeout_s, "seconds to wait for it (60)")
      ->check(CLI::PositiveNumber);
  command->callback([&run, arguments] {
    run = [arguments] {
      const auto wait =
          std::chrono::milliseconds(static_cast<std::int64_t>(arguments->timeout_s * 1000));
      const bool named = !arguments->addresses.empty() || !arguments->cluster_file.empty() ||
                         (arguments->data.empty() && std::getenv("CHAT262_CLUSTER") != nullptr);
      std::vector<client::Address> servers;
      if (named) servers = servers_of(arguments->addresses, arguments->cluster_file);
      std::optional<std::filesystem::path> data;
      if (!named || !arguments->data.empty()) data = data_directory(arguments->data);
      return run_verify(data, servers, wait);
    };
  });
}

void add_backup(CLI::App& app, Run& run) {
  struct Arguments {
    std::filesystem::path data, to;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      app.add_subcommand("backup", "copy a server's log, consistently, while it runs or not");
  command->add_option("--data", arguments->data, "the server's data directory")->required();
  command->add_option("TO", arguments->to, "the backup: a new directory")->required();
  command->callback(
      [&run, arguments] { run = [arguments] { return backup(arguments->data, arguments->to); }; });
}

void add_restore(CLI::App& app, Run& run) {
  auto options = std::make_shared<RestoreOptions>();
  auto* command = app.add_subcommand("restore", "make a data directory from a backup");
  command->add_option("--data", options->data, "the new data directory")->required();
  command->add_option("--id", options->server, "number of the server that will use it")->required();
  auto* cluster = command->add_option("--cluster", options->cluster_file, "the cluster's file");
  command->add_option("ADDRESS", options->addresses, "else the addresses of its servers, in order")
      ->excludes(cluster);
  command->add_option("--backup,--from", options->backup, "the backup")->required();
  auto* fresh = command->add_flag("--new-cluster", options->new_cluster,
                                  "begin a new cluster with the backup's content: once, for one "
                                  "of its servers; the others start empty");
  command
      ->add_flag("--as-learner", options->as_learner,
                 "for one server of a living cluster: the others bring it up to date")
      ->excludes(fresh);
  command->callback([&run, options] { run = [options] { return restore(*options); }; });
}

int run_program(int argc, char** argv) {
  CLI::App app{"Sets up, watches, saves and restores chat262 clusters.", "chat262ctl"};
  app.failure_message(client::usage_error);
  app.set_version_flag("--version", "chat262ctl " CHAT262_VERSION);
  app.require_subcommand(1);
  Run run;
  add_init(app, run);
  add_demo(app, run);
  add_status(app, run);
  add_handover(app, run);
  add_force_lead(app, run);
  add_replace(app, run);
  add_cluster(app, run);
  add_rotate_keys(app, run);
  add_account_commands(app, run);
  add_verify(app, run);
  add_backup(app, run);
  add_restore(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return static_cast<int>(run());
  } catch (const Failure& failure) {
    std::fprintf(stderr, "chat262ctl: %s\n", failure.text.c_str());
    return static_cast<int>(failure.code);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chat262ctl: %s\n", error.what());
    return static_cast<int>(Exit::degraded);
  }
}

}  // namespace
}  // namespace chat262::control

int main(int argc, char** argv) {
  return chat262::control::run_program(argc, argv);
}

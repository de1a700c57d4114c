// chat262-replay: brings messages from files into a cluster, out of it, and checks that they are
// there.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>

#include "client/replay/deliver.hpp"
#include "client/replay/export.hpp"
#include "client/replay/report.hpp"
#include "client/replay/verify.hpp"
#include "client/usage.hpp"

namespace chat262::replay {
namespace {

struct Arguments {
  std::vector<std::filesystem::path> files;
  std::string format = "auto";
  Login login;
  std::string room, user, tag;
  bool all = false;
  std::vector<std::filesystem::path> data;
  std::filesystem::path to;
  double rate = 0, speed = 0, timeout_s = 0;
  bool json = false, quiet = false;

  [[nodiscard]] Deadline deadline() const {
    if (timeout_s <= 0) return {};
    return Deadline(std::chrono::milliseconds(static_cast<std::int64_t>(timeout_s * 1000)));
  }
  [[nodiscard]] std::vector<SourceFile> sources() const {
    if (format == "irc") return source_files(files, Format::irc);
    if (format == "jsonl") return source_files(files, Format::json_lines);
    return source_files(files, Format::by_name);
  }
  void need_account() const {
    if (login.account.empty()) throw Failure{Exit::usage, "--as ACCOUNT is missing"};
  }
};

Exit run_deliver(const Arguments& arguments) {
  arguments.need_account();
  const auto files = arguments.sources();
  auto report = deliver(files, {arguments.login, arguments.room, arguments.tag, arguments.rate,
                                arguments.speed, arguments.deadline(), arguments.quiet});
  std::fputs(summary(report, arguments.json).c_str(), stdout);
  return report.code;
}

Exit run_export(const Arguments& arguments) {
  const bool chosen = arguments.all || !arguments.room.empty() || !arguments.user.empty();
  if (!chosen) throw Failure{Exit::usage, "one of --room, --user and --all is missing"};
  ExportOptions options{arguments.to, arguments.room,       arguments.user, arguments.login,
                        {},           arguments.deadline(), arguments.quiet};
  if (arguments.data.empty()) arguments.need_account();
  if (!arguments.data.empty()) options.data = arguments.data.front();
  const auto report = options.data.empty() ? export_cluster(options) : export_data(options);
  std::fputs(summary(report, options.to.string(), arguments.json).c_str(), stdout);
  return Exit::ok;
}

Exit run_verify(const Arguments& arguments) {
  if (arguments.data.empty()) arguments.need_account();
  const auto files = arguments.sources();
  const auto report = verify(files, {arguments.room, arguments.login, arguments.data,
                                     arguments.deadline(), arguments.quiet});
  std::fputs(summary(report, files, arguments.json).c_str(), stdout);
  return report.good() ? Exit::ok : Exit::differs;
}

void add_common(CLI::App& command, Arguments& arguments) {
  command.add_flag("--json", arguments.json, "write the summary as one JSON object");
  command.add_flag("-q,--quiet", arguments.quiet, "no progress bar and no notes");
  command
      .add_option("--timeout", arguments.timeout_s,
                  "seconds for the whole run; without it, it goes on until it is done")
      ->check(CLI::PositiveNumber);
}

void add_login(CLI::App& command, Arguments& arguments) {
  command
      .add_option("-s,--server", arguments.login.addresses,
                  "a server's address, HOST or HOST:PORT; once for each, in leader order")
      ->allow_extra_args(false);
  command.add_option("--cluster", arguments.login.cluster_file,
                     "the cluster's file (else the one that CHAT262_CLUSTER names)");
  command.add_option("--as", arguments.login.account, "the account to use");
  auto* file = command.add_option("--password-file", arguments.login.password_file,
                                  "a file whose first line is the password");
  command
      .add_flag("--password-stdin", arguments.login.password_stdin,
                "read the password from standard input")
      ->excludes(file);
}

void add_files(CLI::App& command, Arguments& arguments) {
  command.add_option("files", arguments.files, "IRC logs or JSON Lines files, in order")
      ->required();
  command
      .add_option("--format", arguments.format,
                  "irc, jsonl or auto: .jsonl, .ndjson and .json are JSON Lines")
      ->check(CLI::IsMember({"irc", "jsonl", "auto"}));
}

using Run = std::function<Exit(const Arguments&)>;

void add_deliver(CLI::App& app, Arguments& arguments, Run& run) {
  auto* import = app.add_subcommand("import", "bring IRC logs or JSON Lines files into a room");
  auto* replay = app.add_subcommand("replay", "send a JSON Lines file at a chosen speed");
  import->add_option("--room", arguments.room, "the room; made if it does not exist")->required();
  replay->add_option("--room", arguments.room, "the room for all messages (else as in the file)");
  for (auto* command : {import, replay}) {
    add_files(*command, arguments);
    add_login(*command, arguments);
    command->add_option("--tag", arguments.tag,
                        "another name for this delivery: the same lines under another tag are "
                        "sent again");
    add_common(*command, arguments);
    command->callback([&run] { run = run_deliver; });
  }
  auto* rate =
      replay->add_option("--rate", arguments.rate, "messages a second")->check(CLI::PositiveNumber);
  replay->add_option("--speed", arguments.speed, "times the recorded speed")
      ->check(CLI::PositiveNumber)
      ->excludes(rate);
}

void add_export(CLI::App& app, Arguments& arguments, Run& run) {
  auto* command = app.add_subcommand("export", "write messages to a JSON Lines file");
  command->add_option("--to", arguments.to, "the file; an earlier export goes on")->required();
  auto* room = command->add_option("--room", arguments.room, "the messages of this room");
  auto* user = command->add_option("--user", arguments.user, "direct messages with this user")
                   ->excludes(room);
  command
      ->add_flag("--all", arguments.all,
                 "everything: of the account's conversations, or in the data directory")
      ->excludes(room)
      ->excludes(user);
  command
      ->add_option("--data", arguments.data,
                   "a server's data directory to read instead of a cluster")
      ->expected(1);
  add_login(*command, arguments);
  add_common(*command, arguments);
  command->callback([&run] { run = run_export; });
}

void add_verify(CLI::App& app, Arguments& arguments, Run& run) {
  auto* command = app.add_subcommand(
      "verify", "check that the messages of files are there exactly once, in order");
  add_files(*command, arguments);
  command->add_option("--room", arguments.room, "the room they are in (else as in the file)");
  command
      ->add_option("--data", arguments.data,
                   "a server's data directory to check instead of the cluster; once for each")
      ->allow_extra_args(false);
  add_login(*command, arguments);
  add_common(*command, arguments);
  command->callback([&run] { run = run_verify; });
}

int run_program(int argc, char** argv) {
  CLI::App app{"Brings messages from files into a chat262 cluster, out of it, and checks them.",
               "chat262-replay"};
  app.failure_message(client::usage_error);
  app.set_version_flag("--version", "chat262-replay " CHAT262_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  Run run;
  add_deliver(app, arguments, run);
  add_export(app, arguments, run);
  add_verify(app, arguments, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  catch_interrupts();
  try {
    return static_cast<int>(run(arguments));
  } catch (const Failure& failure) {
    std::fprintf(stderr, "chat262-replay: %s\n", failure.text.c_str());
    return static_cast<int>(failure.code);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chat262-replay: %s\n", error.what());
    return static_cast<int>(Exit::usage);
  }
}

}  // namespace
}  // namespace chat262::replay

int main(int argc, char** argv) {
  return chat262::replay::run_program(argc, argv);
}

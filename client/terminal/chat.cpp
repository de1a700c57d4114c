#include "client/terminal/chat.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "client/caller.hpp"
#include "client/terminal/script.hpp"
#include "protocol/names.hpp"

namespace chat262::client {
namespace {

constexpr std::size_t shown_ids_max = 2000;
constexpr std::chrono::milliseconds pending_note_after{400};

std::string history_path() {
  const auto folder = state_directory();
  if (!folder) return {};
  std::error_code ignored;
  std::filesystem::create_directories(folder->parent_path(), ignored);
  ::mkdir(folder->c_str(), 0700);
  return *folder / "history";
}

}  // namespace

Chat::Chat(const Arguments& arguments, const ClusterConfig& cluster, SessionStore sessions)
    : arguments_(arguments),
      servers_(options_for(cluster, arguments.timeout).servers),
      sessions_(std::move(sessions)),
      input_(make_input(mailbox_, signals_, history_path())),
      style_{.colour = Style::wants_colour(STDOUT_FILENO)},
      transcript_(style_) {
  Options options = options_for(cluster, arguments.timeout);
  options.on_progress = {};
  watcher_ = std::make_unique<Watcher>(options, [this](unsigned server) {
    mailbox_.post([this, server] {
      if (silent_.erase(server) > 0) note(label(server) + " is back");
    });
  });
  options.on_progress = [this](const Progress& progress) {
    mailbox_.post([this, progress] { on_progress(progress); });
  };
  worker_ = std::make_unique<Worker>(options);
  input_->on_tick = [this] { on_tick(); };
}

ExitCode Chat::run() {
  if (input_->interactive()) {
    std::string addresses;
    for (const Address& server : servers_) addresses += " " + shown_address(server.endpoint);
    note(std::string("chat262 ") + CHAT262_VERSION + ", servers:" + addresses);
    note("/help lists the commands, /quit leaves");
  }
  if (!arguments_.account.empty() || !arguments_.session_file.empty()) resume_session();
  while (!quit_) {
    if (name_.empty() && !dialog()) break;
    if (name_.empty()) continue;
    const Line line = input_->read_line(prompt(), true);
    if (line.kind == Line::Kind::end) break;
    if (line.kind == Line::Kind::interrupted) note("/quit or Ctrl-D leaves");
    if (line.kind == Line::Kind::text) handle(line.text);
    if (!input_->interactive() && !wait_until([this] { return worker_->idle(); })) break;
  }
  if (!worker_->idle()) {
    note("waiting for the last request; Ctrl-C leaves without");
    worker_->stop_insisting();
    if (!wait_until([this] { return worker_->idle(); })) {
      std::fflush(stdout);
      std::_Exit(static_cast<int>(ExitCode::unknown));
    }
  }
  // A session that nothing keeps would stay open until it expires.
  if (!name_.empty() && !keep_session_) {
    wait_for([](Client& client) {
      client.set_timeout(Milliseconds{2000});
      static_cast<void>(client.log_out());
    });
  }
  return exit_code_;
}

void Chat::print(const std::vector<std::string>& lines) {
  input_->print(lines);
}

void Chat::note(const std::string& text) {
  print({dimmed("-- " + printable(text), style_)});
}

void Chat::show_message(const Message& message) {
  if (!shown_.insert(message.id).second) return;
  shown_order_.push_back(message.id);
  if (shown_order_.size() > shown_ids_max) {
    shown_.erase(shown_order_.front());
    shown_order_.pop_front();
  }
  print(transcript_.lines(message));
}

void Chat::on_event(const Event& event) {
  if (const auto* message = std::get_if<Message>(&event)) {
    show_message(*message);
    return;
  }
  print(transcript_.lines(event));
  if (const auto* renamed = std::get_if<Renamed>(&event)) on_renamed(*renamed);
}

// Which of the two was meant until now, only the person knows: nothing is sent to the wrong one.
void Chat::on_renamed(const Renamed& renamed) {
  if (renamed.self) return take_name(renamed.name);
  if (!conversation_ || conversation_->kind != renamed.was.kind) return;
  const auto folded = fold(conversation_->name);
  const auto was = fold(renamed.was.name);
  if (!folded || !was || *folded != *was) return;
  choose(std::nullopt);
  const std::string command = renamed.was.kind == Target::Kind::room ? "/room " : "/to ";
  note("choose whom you mean: " + command + renamed.was.name + " or " + command + renamed.name);
}

void Chat::take_name(const std::string& name) {
  if (name_.empty() || name_ == name) return;
  if (keep_session_) {
    if (const auto moved = sessions_.rename(name_, name); !moved) note(moved.error().text);
  }
  name_ = name;
}

// Two connections see the same trouble; it is told once.
void Chat::on_progress(const Progress& progress) {
  switch (progress.kind) {
    case Progress::Kind::no_answer:
      watcher_->watch(progress.server);
      if (!silent_.insert(progress.server).second) return;
      trouble_ = true;
      note(progress.text);
      return;
    case Progress::Kind::waiting:
      if (hopeless_) return;
      trouble_ = hopeless_ = true;
      note("no server can help now; trying on");
      return;
    case Progress::Kind::answered:
      silent_.erase(progress.server);
      if (!trouble_) return;
      trouble_ = hopeless_ = false;
      note(progress.text);
      return;
    case Progress::Kind::trying:
    case Progress::Kind::moved:
      return;
  }
}

void Chat::on_tick() {
  const auto now = std::chrono::steady_clock::now();
  for (Pending& message : pending_) {
    if (message.noted || now - message.since < pending_note_after) continue;
    message.noted = true;
    note("not acknowledged yet: " + message.text);
  }
}

std::string Chat::prompt() const {
  return conversation_ ? conversation_tag(*conversation_) + "> " : "> ";
}

std::string Chat::label(unsigned server) const {
  const std::string endpoint = server < servers_.size() ? servers_[server].endpoint : "?";
  return fmt::format("server {} ({})", server, shown_address(endpoint));
}

bool Chat::wait_for(const Worker::Job& task) {
  bool over = false;
  worker_->add([this, &over, &task](Client& client) {
    task(client);
    mailbox_.post([&over] { over = true; });
  });
  if (wait_until([&over] { return over; })) return true;
  // The job still refers to this call: nothing here may go on.
  std::fflush(stdout);
  std::_Exit(static_cast<int>(ExitCode::unknown));
}

bool Chat::wait_until(const std::function<bool()>& over) {
  for (;;) {
    mailbox_.run_all();
    if (over()) {
      mailbox_.run_all();
      return true;
    }
    pollfd ready[] = {{.fd = mailbox_.fd(), .events = POLLIN, .revents = 0},
                      {.fd = signals_.fd(), .events = POLLIN, .revents = 0}};
    ::poll(ready, 2, 100);
    on_tick();
    const Signals::Seen seen = signals_.take();
    if (seen.interrupt || seen.quit) {
      quit_ = true;
      return false;
    }
  }
}

ExitCode run_chat(const Arguments& arguments, const ClusterConfig& cluster,
                  const SessionStore& sessions) {
  return Chat(arguments, cluster, sessions).run();
}

}  // namespace chat262::client

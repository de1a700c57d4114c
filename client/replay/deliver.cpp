#include "client/replay/deliver.hpp"

#include <fmt/format.h>

#include <set>
#include <thread>

#include "client/replay/pace.hpp"

namespace chat262::replay {
namespace {

constexpr unsigned history_page = 256;
constexpr std::size_t refusals_max = 100;  // then the run gives up: something else is wrong

class Delivery {
 public:
  Delivery(const std::vector<SourceFile>& files, const DeliverOptions& options)
      : files_(files), options_(options), show_(show(options)), sent_upto_(files.size(), 0) {}

  DeliverReport run() {
    scan();
    ProgressBar bar("sending", report_.source.messages, show_);
    bar_ = &bar;
    session_.emplace(options_.login, Session::IfMissing::make, options_.deadline,
                     [&bar](const std::string& text) { bar.note(text); });
    for (const auto& room : rooms_) session_->enter_room(room);
    name_messages();
    for (const auto& room : rooms_) find_sent(room);
    try {
      send_all();
      report_.complete = true;
    } catch (const Failure& failure) {
      report_.ended_by = failure.text;
      report_.code = failure.code;
    }
    if (report_.complete && report_.refused > 0) report_.code = Exit::differs;
    return std::move(report_);
  }

 private:
  static ProgressBar::Show show(const DeliverOptions& options) {
    return options.quiet ? ProgressBar::Show::nothing : ProgressBar::Show::all;
  }

  [[nodiscard]] std::optional<client::Target> target_of(const SourceMessage& message) const {
    if (!options_.room.empty()) return client::Target::room(options_.room);
    return message.conversation;
  }

  // Reads everything once: what is there, and which rooms it goes to.
  void scan() {
    ProgressBar bar("reading", 0, show_);
    SourceReader reader(files_);
    while (const auto message = reader.next()) {
      bar.set(reader.counts().lines);
      const auto target = target_of(*message);
      if (!target) {
        throw Failure{Exit::usage, fmt::format("{}:{}: a message without \"room\" or \"to\"; "
                                               "say with --room where it goes",
                                               files_[message->file].path.string(), message->line)};
      }
      if (target->kind == client::Target::Kind::room) rooms_.insert(target->name);
    }
    report_.source = reader.counts();
    report_.problems = reader.problems();
  }

  void name_messages() {
    const StreamName stream{session_->me().account, options_.room, options_.tag};
    for (const auto& file : files_) clients_.push_back(client_id(stream, file.name));
  }

  // Goes back through the room's history to the last message of each file. All before it in its
  // file were acknowledged before it was sent. History is only a short cut: a message that it does
  // not show is asked again.
  void find_sent(const std::string& room) {
    const auto target = client::Target::room(room);
    MessageIndex index(clients_);
    bool indexed = false;
    std::optional<client::Cursor> from;
    ProgressBar bar("looking for what is there", 0, show_);
    std::uint64_t looked_at = 0;
    std::set<std::size_t> open;
    for (std::size_t file = 0; file < files_.size(); ++file) open.insert(file);
    for (bool more = true; more && !open.empty();) {
      auto page = session_->insist<client::History>("reading the history of " + room, [&] {
        return session_->client().history(target, from, false, history_page);
      });
      const auto& history = need(page, "reading the history of " + room);
      if (history.messages.empty()) break;
      if (!indexed) fill(index);
      indexed = true;
      for (const auto& message : history.messages) {
        const auto* place = index.find(message.id);
        if (place == nullptr) continue;
        auto& upto = sent_upto_[place->file];
        upto = std::max(upto, place->line);
        open.erase(place->file);
      }
      from = history.messages.front().at;
      more = history.more;
      looked_at += history.messages.size();
      bar.set(looked_at);
    }
  }

  void fill(MessageIndex& index) const {
    SourceReader reader(files_);
    while (const auto message = reader.next()) index.add(message->file, message->line);
    index.finish();
  }

  void send_all() {
    Pace pace(options_.rate, options_.speed);
    const auto begin = Deadline::Clock::now();
    std::uint64_t done = 0;
    SourceReader reader(files_);
    while (const auto message = reader.next()) {
      if (message->line <= sent_upto_[message->file]) {
        ++report_.already_there;
      } else {
        wait_until(pace.next(Deadline::Clock::now(), message->said_ms));
        send(*message);
      }
      bar_->set(++done);
      report_.seconds = seconds_since(begin);
    }
  }

  static double seconds_since(Deadline::Clock::time_point begin) {
    return std::chrono::duration<double>(Deadline::Clock::now() - begin).count();
  }

  void wait_until(Deadline::Clock::time_point when) const {
    for (;;) {
      options_.deadline.check("sending");
      const auto now = Deadline::Clock::now();
      if (now >= when) return;
      const auto step = std::chrono::milliseconds(100);
      std::this_thread::sleep_for(std::min<Deadline::Clock::duration>(when - now, step));
    }
  }

  void send(const SourceMessage& message) {
    const auto target = target_of(message);
    const auto request = request_of(clients_[message.file], message.line);
    const client::Original original{message.author, message.said_ms};
    const auto begin = Deadline::Clock::now();
    const auto outcome = session_->insist<client::Sent>("sending", [&] {
      return session_->client().with_request(request).send(*target, message.text, original);
    });
    report_.waits.add(Deadline::Clock::now() - begin);
    if (outcome.done()) {
      ++report_.sent;
      return;
    }
    refused(message, *outcome.refused());
  }

  void refused(const SourceMessage& message, const client::Refused& why) {
    ++report_.refused;
    const auto where = fmt::format("{}:{}", files_[message.file].path.string(), message.line);
    report_.refusals.push_back({where, fmt::format("{} ({})", why.text, why.code)});
    bar_->note(fmt::format("{}: refused: {} ({})", where, why.text, why.code));
    if (report_.refused >= refusals_max) {
      throw Failure{Exit::refused, fmt::format("{} messages were refused", report_.refused)};
    }
  }

  const std::vector<SourceFile>& files_;
  const DeliverOptions& options_;
  ProgressBar::Show show_;
  std::vector<std::uint64_t> sent_upto_;  // line, by file: found in history
  std::set<std::string> rooms_;
  std::vector<ClientId> clients_;  // by file
  std::optional<Session> session_;
  ProgressBar* bar_ = nullptr;
  DeliverReport report_;
};

}  // namespace

DeliverReport deliver(const std::vector<SourceFile>& files, const DeliverOptions& options) {
  return Delivery(files, options).run();
}

}  // namespace chat262::replay

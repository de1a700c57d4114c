#include "client/replay/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "client/replay/log_messages.hpp"
#include "protocol/names.hpp"

namespace chat262::replay {
namespace {

constexpr unsigned page_items = 256;

// Tells rooms from users, and names as the servers do.
std::string conversation_key(const client::Target& target) {
  const auto folded = fold(target.name);
  const bool room = target.kind == client::Target::Kind::room;
  return (room ? "room " : "user ") + (folded ? *folded : target.name);
}

class Verification {
 public:
  Verification(const std::vector<SourceFile>& files, const VerifyOptions& options)
      : files_(files),
        options_(options),
        show_(options.quiet ? ProgressBar::Show::nothing : ProgressBar::Show::all) {}

  VerifyReport run() {
    read_source();
    if (options_.data.empty()) {
      report_.places.push_back(check_cluster());
    } else {
      check_directories();
    }
    return std::move(report_);
  }

 private:
  void read_source() {
    ProgressBar bar("reading", 0, show_);
    SourceReader reader(files_);
    while (const auto message = reader.next()) {
      bar.set(reader.counts().lines);
      auto target = message->conversation;
      if (!options_.room.empty()) target = client::Target::room(options_.room);
      if (!target) {
        throw Failure{Exit::usage,
                      fmt::format("{}:{}: a message without \"room\" or \"to\"; say with --room "
                                  "where it should be",
                                  files_[message->file].path.string(), message->line)};
      }
      const bool room = target->kind == client::Target::Kind::room;
      if (!room && options_.data.empty()) {
        ++report_.not_checked;
        continue;
      }
      const auto conversation = conversation_key(*target);
      if (room) rooms_.try_emplace(conversation, target->name);
      report_.expected.add(
          conversation, message_key(conversation, message->author, message->said_ms, message->text),
          {static_cast<std::uint32_t>(message->file), message->line});
    }
    report_.expected.finish();
    report_.source = reader.counts();
    report_.problems = reader.problems();
  }

  VerifyPlace check_cluster() {
    VerifyPlace place;
    place.name = "the cluster";
    ProgressBar bar("checking", report_.expected.size(), show_);
    Session session(options_.login, Session::IfMissing::refuse, options_.deadline,
                    [&bar](const std::string& text) { bar.note(text); });
    Comparison comparison(report_.expected);
    std::uint64_t looked_at = 0;
    for (const auto& [conversation, room] : rooms_) {
      const auto target = client::Target::room(room);
      const std::string doing = "reading the history of " + room;
      std::optional<client::Cursor> from;
      for (bool more = true; more;) {
        options_.deadline.check(doing);
        auto page = session.insist<client::History>(
            doing, [&] { return session.client().history(target, from, true, page_items); });
        const auto& history = need(page, doing);
        if (history.messages.empty()) break;
        for (const auto& message : history.messages) {
          const auto& author = message.original ? message.original->author : message.from;
          const auto said_ms = message.original ? message.original->time_ms : message.time_ms;
          comparison.found(message_key(conversation, author, said_ms, message.text));
        }
        from = history.messages.back().at;
        more = history.more;
        bar.set(looked_at += history.messages.size());
      }
    }
    place.differences = comparison.finish();
    return place;
  }

  void check_directories() {
    std::vector<LogMessages> logs;
    for (const auto& directory : options_.data) {
      auto log = LogMessages::open(directory);
      if (!log) throw Failure{Exit::usage, directory.string() + ": " + log.error().text};
      logs.push_back(*std::move(log));
    }
    for (std::size_t i = 0; i < logs.size(); ++i) {
      report_.places.push_back(check_directory(options_.data[i].string(), logs[i]));
    }
    compare_histories(logs);
  }

  VerifyPlace check_directory(const std::string& name, LogMessages& log) {
    VerifyPlace place;
    place.name = name;
    place.server = log.identity().server.value;
    place.last = log.last().value;
    place.commit = log.commit().value;
    ProgressBar bar("checking " + name + ", log entry", place.last, show_);
    Comparison comparison(report_.expected);
    const auto hash = log.read(log.last(), [&](const Record& record) {
      options_.deadline.check("checking " + name);
      bar.set(record.seq);
      const auto conversation = conversation_key(*record.conversation);
      comparison.found(message_key(conversation, record.author(), record.said_ms(), record.text));
    });
    if (hash) {
      place.last_hash = client::hex(std::string(hash->bytes.begin(), hash->bytes.end()));
    } else {
      place.wrong = hash.error().text;
    }
    place.differences = comparison.finish();
    return place;
  }

  // Equal hashes at a seq mean equal histories up to it. What is above a commit hint may differ
  // for a while after a crash, unless both logs end at the same seq.
  void compare_histories(const std::vector<LogMessages>& logs) {
    for (std::size_t i = 1; i < logs.size(); ++i) {
      compare_at(logs, 0, i, std::min(logs[0].commit(), logs[i].commit()));
    }
    for (std::size_t i = 0; i < logs.size(); ++i) {
      for (std::size_t j = i + 1; j < logs.size(); ++j) {
        if (logs[i].last() == logs[j].last()) compare_at(logs, i, j, logs[i].last());
      }
    }
  }

  void compare_at(const std::vector<LogMessages>& logs, std::size_t i, std::size_t j, Seq at) {
    if (at == Seq{}) return;
    const auto one = logs[i].hash_at(at);
    const auto other = logs[j].hash_at(at);
    if (one && other && *one == *other) return;
    report_.histories_differ.push_back(fmt::format("{} and {} differ at or before entry {}",
                                                   options_.data[i].string(),
                                                   options_.data[j].string(), at.value));
  }

  const std::vector<SourceFile>& files_;
  const VerifyOptions& options_;
  ProgressBar::Show show_;
  std::map<std::string, std::string> rooms_;  // by conversation_key()
  VerifyReport report_;
};

}  // namespace

bool VerifyReport::good() const {
  return histories_differ.empty() &&
         std::all_of(places.begin(), places.end(), [](const auto& place) { return place.good(); });
}

VerifyReport verify(const std::vector<SourceFile>& files, const VerifyOptions& options) {
  return Verification(files, options).run();
}

}  // namespace chat262::replay

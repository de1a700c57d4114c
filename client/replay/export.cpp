#include "client/replay/export.hpp"

#include <fmt/format.h>

#include "client/replay/export_file.hpp"
#include "client/replay/log_messages.hpp"
#include "protocol/client_messages.hpp"
#include "protocol/names.hpp"

namespace chat262::replay {
namespace {

constexpr unsigned page_items = 256;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

ProgressBar::Show show(const ExportOptions& options) {
  return options.quiet ? ProgressBar::Show::nothing : ProgressBar::Show::all;
}

// As the file has it: a direct message names its recipient, whoever exports.
Record record_of(client::Message&& message, const std::string& me) {
  Record record;
  record.id = std::move(message.id);
  record.at = client::hex(message.at);
  const auto position = read_cursor(
      ByteView(reinterpret_cast<const std::uint8_t*>(message.at.data()), message.at.size()));
  record.seq = position ? position->seq.value : 0;
  record.time_ms = message.time_ms;
  record.conversation = message.conversation;
  if (message.conversation.kind == client::Target::Kind::user && message.from != me) {
    record.conversation = client::Target::user(me);
  }
  record.from = std::move(message.from);
  record.original = std::move(message.original);
  record.text = std::move(message.text);
  record.erased = message.erased;
  return record;
}

std::vector<client::Target> conversations_of(Session& session, const ExportOptions& options) {
  if (!options.room.empty()) return {client::Target::room(options.room)};
  if (!options.user.empty()) return {client::Target::user(options.user)};
  std::vector<client::Target> all;
  std::string after;
  do {
    auto page = session.insist<client::Conversations>("listing conversations", [&] {
      return session.client().list_conversations(after, page_items);
    });
    for (const auto& conversation : need(page, "listing conversations").conversations) {
      all.push_back(conversation.target);
    }
    after = page.value().next;
  } while (!after.empty());
  return all;
}

// Compares names as the servers do.
bool same_name(const std::string& a, const std::string& b) {
  const auto folded_a = fold(a);
  const auto folded_b = fold(b);
  return folded_a && folded_b && *folded_a == *folded_b;
}

bool wanted(const Record& record, const ExportOptions& options) {
  if (!record.conversation) return false;
  const bool room = record.conversation->kind == client::Target::Kind::room;
  if (!options.room.empty()) return room && same_name(record.conversation->name, options.room);
  if (options.user.empty()) return true;
  return !room && (same_name(record.conversation->name, options.user) ||
                   same_name(record.from, options.user));
}

}  // namespace

ExportReport export_cluster(const ExportOptions& options) {
  const auto begin = Clock::now();
  ProgressBar bar("exporting", 0, show(options));
  ExportFile file(options.to);
  Session session(options.login, Session::IfMissing::refuse, options.deadline,
                  [&bar](const std::string& text) { bar.note(text); });
  const std::string me = session.me().name;
  ExportReport report;
  report.already_there = file.lines_before();
  for (const auto& conversation : conversations_of(session, options)) {
    const std::string doing = "reading the history of " + conversation.name;
    auto from = client::unhex(file.last_at(conversation, me));
    if (from && from->empty()) from.reset();
    for (bool more = true; more;) {
      options.deadline.check(doing);
      auto page = session.insist<client::History>(
          doing, [&] { return session.client().history(conversation, from, true, page_items); });
      auto& history = need(page, doing);
      if (history.messages.empty()) break;
      from = history.messages.back().at;
      for (auto& message : history.messages) {
        file.write(record_of(std::move(message), me));
        bar.set(++report.written);
      }
      more = history.more;
    }
  }
  file.close();
  report.seconds = seconds_since(begin);
  return report;
}

ExportReport export_data(const ExportOptions& options) {
  const auto begin = Clock::now();
  auto log = LogMessages::open(options.data);
  if (!log) throw Failure{Exit::usage, options.data.string() + ": " + log.error().text};
  ExportFile file(options.to);
  ProgressBar bar("exporting, log entry", log->commit().value, show(options));
  ExportReport report;
  report.already_there = file.lines_before();
  report.last_seq = log->commit().value;
  const auto read = log->read(log->commit(), [&](const Record& record) {
    if (interrupted()) throw Failure{Exit::interrupted, "interrupted"};
    bar.set(record.seq);
    if (record.seq <= file.last_seq() || !wanted(record, options)) return;
    file.write(record);
    ++report.written;
  });
  if (!read) throw Failure{Exit::usage, options.data.string() + ": " + read.error().text};
  file.close();
  report.seconds = seconds_since(begin);
  return report;
}

}  // namespace chat262::replay

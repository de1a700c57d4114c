#include "broker/workers.hpp"

#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "broker/server_limits.hpp"

namespace chat262::broker {

namespace {

constexpr std::chrono::milliseconds room_poll{1000};

store::LogWrite to_log_write(replica::Persist&& persist) {
  store::LogWrite write;
  write.promised = persist.promised;
  write.identity = persist.identity;
  write.cut_after = persist.cut_after;
  write.entries = std::move(persist.entries);
  write.commit = persist.commit;
  return write;
}

}  // namespace

// ---- log

LogThread::LogThread(store::Log& log, Inbox& inbox)
    : log_(log), inbox_(inbox), thread_([this] { run(); }) {}

LogThread::~LogThread() {
  queue_.close();
  thread_.join();
}

void LogThread::persist(replica::Persist write) {
  queue_.push(std::move(write));
}
void LogThread::resume() {
  queue_.push(Resume{});
}
void LogThread::repair(const Hash& previous, std::vector<Entry> entries) {
  queue_.push(RepairJob{previous, std::move(entries)});
}

void LogThread::run() {
  std::vector<Work> work;
  auto last_look = std::chrono::steady_clock::now() - room_poll;
  while (queue_.pop_all(work, room_poll)) {
    if (!work.empty()) carry_out(work);
    const auto now = std::chrono::steady_clock::now();
    if (now - last_look >= room_poll) {
      last_look = now;
      look_for_room();
    }
  }
}

void LogThread::carry_out(std::vector<Work>& work) {
  std::vector<store::LogWrite> writes;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  for (auto& item : work) {
    if (std::holds_alternative<Resume>(item)) {
      // What was gathered before belongs to the failure that this ends.
      failed_ = false;
      continue;
    }
    if (const auto* repair = std::get_if<RepairJob>(&item)) {
      carry_out(*repair);
      continue;
    }
    if (failed_) continue;
    auto& persist = std::get<replica::Persist>(item);
    if (writes.empty()) first = persist.id;
    last = persist.id;
    writes.push_back(to_log_write(std::move(persist)));
  }
  if (writes.empty()) return;
  const auto done = log_.write(writes);
  if (done) {
    inbox_.push(replica::Persisted{last});
    return;
  }
  if (done.error().code != Errc::disk_full) {
    inbox_.push(Fatal{"the log cannot be written: " + done.error().text});
    failed_ = true;
    return;
  }
  failed_ = true;
  if (!full_) {
    full_ = true;
    inbox_.push(replica::DiskRoom{true});
  }
  inbox_.push(replica::PersistFailed{first});
}

void LogThread::carry_out(const RepairJob& job) {
  auto result = broker::write_repair(log_, job.previous, job.entries);
  if (result.outcome == RepairWritten::Outcome::failed) {
    inbox_.push(Fatal{"the log cannot be repaired: " + result.error});
    failed_ = true;
  }
  inbox_.push(std::move(result));
}

RepairWritten write_repair(store::Log& log, const Hash& previous, std::span<const Entry> entries) {
  using Outcome = RepairWritten::Outcome;
  const auto done = log.repair(previous, entries);
  if (done) return {Outcome::written, *done, {}};
  const auto& error = done.error();
  if (error.code == Errc::not_found) return {Outcome::more_needed, 0, {}};
  if (error.code == Errc::disk_full) return {Outcome::no_room, 0, error.text};
  const bool another = error.code == Errc::invalid;
  return {another ? Outcome::of_another_history : Outcome::failed, 0, error.text};
}

void erase_texts_of_deleted(const store::Tables& tables, std::vector<Entry>& entries) {
  for (Entry& entry : entries) {
    if (entry.text.empty()) continue;
    const auto decoded = decode_operation(entry);
    const auto* message =
        decoded ? std::get_if<op::SendMessage>(&decoded->operation.body) : nullptr;
    const auto author = message != nullptr ? tables.account(message->from) : std::nullopt;
    if (!author || !author->deleted) continue;
    entry.text.clear();
    entry.erased = true;
  }
}

void LogThread::look_for_room() {
  const bool full = !log_.room();
  if (full == full_) return;
  full_ = full;
  inbox_.push(replica::DiskRoom{full});
}

// ---- reader

ReaderThread::ReaderThread(const store::Log& log, Inbox& inbox)
    : log_(log), inbox_(inbox), thread_([this] { run(); }) {}

ReaderThread::~ReaderThread() {
  queue_.abandon();
  thread_.join();
}

void ReaderThread::read(replica::ReadLog range) {
  queue_.push(range);
}

void ReaderThread::read_for(ServerId to, const peer::RepairAsk& ask) {
  static_cast<void>(queue_.push_if_below(limits::reads_held_max, PeerAsks{to, ask}));
}

void ReaderThread::run() {
  while (const auto work = queue_.pop()) {
    if (const auto* range = std::get_if<replica::ReadLog>(&*work)) {
      read_range(*range);
    } else {
      const auto& asks = std::get<PeerAsks>(*work);
      auto answer = read_for_peer(log_, asks.ask);
      if (answer) inbox_.push(PeerRead{asks.to, std::move(*answer)});
    }
  }
}

void ReaderThread::read_range(const replica::ReadLog& range) {
  auto entries = log_.read(range.from, range.to, range.bytes_max);
  if (!entries && entries.error().code == Errc::corrupt) {
    inbox_.push(ReadDamaged{range});
    return;
  }
  inbox_.push(replica::LogRead{range.id, entries ? std::move(*entries) : std::vector<Entry>()});
}

std::optional<peer::RepairAnswer> read_for_peer(const store::Log& log, const peer::RepairAsk& ask) {
  peer::RepairAnswer answer;
  answer.from = ask.from;
  if (ask.from == Seq{} || ask.to < ask.from) return answer;
  answer.has_none = ask.from > log.last();  // of no meaning unless this server leads
  // With the one before, whose hash the asker needs.
  const bool first = ask.from.value == 1;
  const Seq to = seq(std::min(ask.to.value, ask.from.value + limits::repair_entries_max - 1));
  auto entries = log.read(first ? ask.from : ask.from.previous(), to, limits::repair_answer_bytes);
  const auto damaged = [](const auto& read) { return !read && read.error().code == Errc::corrupt; };
  if (damaged(entries)) return std::nullopt;
  if (!entries) return answer;
  if (!first) {
    answer.previous_hash = entries->front().hash;
    entries->erase(entries->begin());
    if (entries->empty()) {
      auto next = log.read(ask.from, ask.from, 1);
      if (damaged(next)) return std::nullopt;
      if (next) entries = std::move(next);
    }
  }
  answer.entries = std::move(*entries);
  return answer;
}

// ---- tables

TablesThread::TablesThread(store::Tables& tables, store::Log& log, Inbox& inbox)
    : tables_(tables), log_(log), inbox_(inbox), thread_([this] { run(); }) {}

TablesThread::~TablesThread() {
  queue_.close();
  thread_.join();
}

void TablesThread::write_behind() {
  queue_.push(Job{});
}

void TablesThread::run() {
  while (queue_.pop()) {
    const auto written = tables_.write_behind(log_);
    if (!written && written.error().code != Errc::disk_full) {
      inbox_.push(Fatal{"the tables cannot be written: " + written.error().text});
      continue;
    }
    inbox_.push(TablesWritten{!written});
  }
}

// ---- hashers

Hashers::Hashers(Inbox& inbox, const PasswordCost& cost) : inbox_(inbox), cost_(cost) {
  for (unsigned i = 0; i < limits::password_workers; ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

Hashers::~Hashers() {
  queue_.abandon();
  for (auto& thread : threads_) thread.join();
}

bool Hashers::start(PasswordJob job) {
  return queue_.push_if_below(limits::password_queue_max, std::move(job));
}

void Hashers::run() {
  while (auto job = queue_.pop()) {
    PasswordDone done;
    done.job = job->id;
    auto result = broker::carry_out(*job, cost_);
    done.verified = result.verified;
    done.hash = std::move(result.hash);
    sodium_memzero(job->password.data(), job->password.size());
    sodium_memzero(job->new_password.data(), job->new_password.size());
    inbox_.push(std::move(done));
  }
}

}  // namespace chat262::broker

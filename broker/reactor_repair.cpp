// The reactor's part in the repair of its log: at start, and while it runs.
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>
#include <variant>

#include "broker/clocks.hpp"
#include "broker/reactor.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::clock_ms;

// ---- what node and repair ask for

void Reactor::log_damaged(Seq at) {
  repair_->damaged(at, now_.steady);
}

void Reactor::send_repair(ServerId to, peer::Body body) {
  links_.send(to, {config_.self, log_->start().incarnation, {}, std::move(body)});
}

void Reactor::write_repair(const Hash& previous, std::vector<Entry> entries) {
  if (tables_ != nullptr) erase_texts_of_deleted(*tables_, entries);
  if (log_thread_ != nullptr) {
    log_thread_->repair(previous, std::move(entries));
  } else {
    start_written_ = broker::write_repair(*log_, previous, entries);
  }
}

// ---- at start

Result<void> Reactor::repair_before_start() {
  const auto& damage = log_->start().damage;
  if (!damage) return {};
  if (config_.cluster.servers.size() == 1) {
    return fail(Errc::corrupt,
                fmt::format("entry {} of the log is damaged ({}), and there is no other server to "
                            "repair it from: restore a backup, see FAILED DISKS in chat262d(8)",
                            damage->from.value, damage->what));
  }
  note(
      replica::NoteLevel::warning,
      fmt::format("entry {} of the log is damaged ({}): this server takes part when it is repaired",
                  damage->from.value, damage->what));
  repair_->damaged(damage->from, now_.steady);
  while (log_->start().damage && !stopping_) {
    if (auto done = repair_start_turn(); !done) return done;
  }
  return {};
}

Result<void> Reactor::repair_start_turn() {
  items_.clear();
  items_.push_back({nullptr, signals_, ZMQ_POLLIN, 0});
  items_.push_back({gateway_.socket().handle(), 0, ZMQ_POLLIN, 0});
  links_.poll_items(items_);
  zmq_poll(items_.data(), static_cast<int>(items_.size()), 20);
  now_ = read_clocks();
  signalfd_siginfo info{};
  if ((items_[0].revents & ZMQ_POLLIN) != 0 &&
      ::read(signals_, &info, sizeof info) == sizeof info) {
    stopping_ = true;
  }
  messages_.clear();
  notes_.clear();
  links_.receive(limits::peer_messages_per_turn_max, messages_, now_.steady, notes_);
  for (auto& message : messages_) static_cast<void>(take_repair_message(message));
  broken_.clear();
  links_.read_monitors(broken_);
  gateway_.receive(
      limits::requests_per_turn_max, now_.steady, [this](ReplyTo to, Request&& request) {
        gateway_.reply(to, refusal_reply(request.number, {Status::unavailable, damaged_text}));
      });
  keep_handshakes();
  if (failed_) return fail(Errc::system, "no handshakes, no service");
  repair_->tick(now_.steady);
  while (start_written_) {
    const auto result = *std::exchange(start_written_, std::nullopt);
    repair_->written(result, now_.steady);
  }
  if (std::exchange(repair_moved_, false)) return start_damage_moved();
  return {};
}

Result<void> Reactor::start_damage_moved() {
  if (auto read = log_->read_start_again(); !read) return read;
  const auto& damage = log_->start().damage;
  if (!damage) return {};
  if (!repair_->beyond_repair(damage->from)) {
    repair_->damaged(damage->from, now_.steady);
    return {};
  }
  const auto from = damage->from;
  auto aside = log_->set_damage_aside();
  if (!aside) return tl::unexpected<Error>(aside.error());
  note(replica::NoteLevel::error,
       fmt::format("no other server has entry {} whole: the log is cut below it, and the others "
                   "bring this server up to date. The log as it was is kept in {}",
                   from.value, aside->string()));
  if (log_->start().damage) repair_->damaged(log_->start().damage->from, now_.steady);
  return {};
}

// ---- while it runs

bool Reactor::take_repair_message(peer::Message& message) {
  if (const auto* ask = std::get_if<peer::RepairAsk>(&message.body)) {
    if (reader_thread_ != nullptr) {
      reader_thread_->read_for(message.from, *ask);
    } else {
      auto answer = read_for_peer(*log_, *ask);
      if (answer) {
        answer->has_none = false;
        send_repair(message.from, std::move(*answer));
      }
    }
    return true;
  }
  if (auto* answer = std::get_if<peer::RepairAnswer>(&message.body)) {
    repair_->answer(message.from, std::move(*answer), now_.steady);
    return true;
  }
  return false;
}

void Reactor::hold_read(const replica::ReadLog& range) {
  repair_->damaged(range.from, now_.steady);
  held_reads_.hold(range, now_.steady);
}

void Reactor::keep_log() {
  repair_->tick(now_.steady);
  const bool moved = std::exchange(repair_moved_, false);
  if (moved) node_->log_repaired();
  const auto due = held_reads_.take_due(moved, now_.steady);
  for (const auto& range : due.again) reader_thread_->read(range);
  for (const auto id : due.late) node_->step(replica::LogRead{id, {}}, now_.steady);
}

// ---- for operators

void Reactor::begin_scrub() {
  // Of a pass that begins again what it has found stays found.
  if (asked_scrub_.pass == 0 || asked_scrub_.ended) {
    asked_scrub_.before = repair_->figures();
    asked_scrub_.rebuilds_before = node_->rebuilds();
  }
  asked_scrub_.pass = scrub_thread_->pass_now();
  asked_scrub_.ended.reset();
}

reply::Scrub Reactor::scrub() const {
  const auto& asked = asked_scrub_;
  const auto figures = repair_->figures();
  reply::Scrub scrub;
  scrub.server = config_.self;
  scrub.pass = asked.pass;
  scrub.last = log_->last().value;
  scrub.ended = asked.ended.has_value();
  if (asked.pass > 0) scrub.entries = asked.ended ? asked.ended->entries : scrub_thread_->entries();
  scrub.repaired = figures.repaired - asked.before.repaired;
  scrub.found =
      figures.found - asked.before.repaired + figures.passed_over - asked.before.passed_over;
  scrub.tables_rebuilt = node_->rebuilds() - asked.rebuilds_before;
  scrub.tables_found = scrub.tables_rebuilt > 0 || (asked.ended && asked.ended->tables_damaged);
  scrub.tables_ready = !node_->catching_up();
  return scrub;
}

}  // namespace chat262::broker

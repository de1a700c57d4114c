#include "broker/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "broker/server_limits.hpp"

namespace chat262::broker {

namespace {

constexpr std::uint64_t progress_every = 100'000;  // entries between two lines of a long catch-up

replica::Durable to_durable(const store::LogStart& start) {
  replica::Durable durable;
  durable.promised = start.promised;
  durable.incarnation = start.incarnation;
  durable.lost_disk = start.lost_disk;
  durable.commit = start.commit;
  durable.views.reserve(start.views.size());
  for (const auto& view : start.views) durable.views.push_back({view.at, view.view});
  durable.tail = start.tail;
  return durable;
}

}  // namespace

Node::Node(const replica::Config& config, const store::Log& log, store::Tables& tables,
           NodeHost& host, replica::Clock now)
    : log_(log),
      tables_(tables),
      host_(host),
      replica_(config, to_durable(log.start()), *this, now),
      committed_(log.start().commit),
      target_(std::max(log.start().commit, tables.applied())) {
  read_applied_position();
  if (tables_.applied() < target_ && !catching_up_) start_catching_up();
  while (!inputs_.empty()) {
    auto input = std::move(inputs_.front());
    inputs_.pop_front();
    step(std::move(input), now);
  }
}

void Node::step(replica::Input input, replica::Clock now) {
  inputs_.push_back(std::move(input));
  while (!inputs_.empty()) {
    auto next = std::move(inputs_.front());
    inputs_.pop_front();
    actions_.clear();
    replica_.step(std::move(next), now, actions_);
    for (auto& action : actions_) carry_out(action);
  }
}

void Node::carry_out(replica::Action& action) {
  std::visit(
      [this](auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, replica::Send>) {
          host_.send(what.to, std::move(what.message));
        } else if constexpr (std::is_same_v<What, replica::Persist>) {
          host_.persist(std::move(what));
        } else if constexpr (std::is_same_v<What, replica::ReadLog>) {
          host_.read_log(what);
        } else if constexpr (std::is_same_v<What, replica::Apply>) {
          apply_up_to(what.to);
        } else if constexpr (std::is_same_v<What, replica::Revert>) {
          revert_to(what.to);
        } else if constexpr (std::is_same_v<What, replica::Committed>) {
          committed_ = what.seq;
          if (listener_ != nullptr) listener_->committed(what.seq);
        } else if constexpr (std::is_same_v<What, replica::Accepted>) {
          if (listener_ != nullptr) listener_->accepted(what.handle, what.at);
        } else if constexpr (std::is_same_v<What, replica::Refused>) {
          if (listener_ != nullptr) listener_->refused(what.handle);
        } else if constexpr (std::is_same_v<What, replica::Deposed>) {
          if (listener_ != nullptr) listener_->deposed();
        } else if constexpr (std::is_same_v<What, replica::Probe>) {
          host_.probe(what.peer);
        } else {
          static_assert(std::is_same_v<What, replica::Note>);
          host_.note(what.level, what.text);
        }
      },
      action);
}

std::optional<Position> Node::find(const RequestId& request) const {
  const auto outcome = tables_.request(request);
  if (!outcome) return std::nullopt;
  return outcome->at;
}

std::optional<Entry> Node::entry(Seq seq) const {
  if (const auto* entry = replica_.find(seq)) return *entry;
  auto entries = log_.read(seq, seq, 1);
  if (!entries && entries.error().code == Errc::corrupt) {
    damage_met_ = true;
    host_.log_damaged(seq);
  }
  if (!entries || entries->empty()) return std::nullopt;
  return std::move(entries->front());
}

// ---- applying

void Node::apply_up_to(Seq to) {
  target_ = std::max(target_, to);
  if (catching_up_ || fault_) return;
  if (target_.value - tables_.applied().value > limits::apply_at_once_max) {
    start_catching_up();
    return;
  }
  while (!fault_ && !catching_up_ && tables_.applied() < target_) {
    apply_slice(limits::apply_at_once_max);
  }
}

void Node::apply_slice(std::uint64_t entries_max) {
  std::uint64_t count = 0;
  while (count < entries_max && tables_.applied() < target_) {
    const auto* entry = replica_.find(tables_.applied().next());
    if (entry == nullptr) {
      apply_from_disk(entries_max - count);
      return;
    }
    if (!apply_one(*entry)) return;
    ++count;
  }
}

bool Node::apply_from_disk(std::uint64_t entries_max) {
  const Seq from = tables_.applied().next();
  const Seq to = std::min(target_, seq(tables_.applied().value + entries_max));
  const auto entries = log_.read(from, to, limits::apply_read_bytes);
  if (!entries && entries.error().code == Errc::corrupt) {
    wait_for_repair(from);
    return false;
  }
  if (!entries || entries->empty()) {
    fault_ = Error{entries ? Errc::corrupt : entries.error().code,
                   fmt::format("entry {} cannot be read: {}", from.value,
                               entries ? "it is missing" : entries.error().text)};
    return false;
  }
  for (const auto& entry : *entries) {
    if (!apply_one(entry)) return false;
  }
  return true;
}

bool Node::apply_one(const Entry& entry) {
  const auto outcome = tables_.apply(entry);
  if (!outcome) {
    rebuild_tables(outcome.error());
    return false;
  }
  applied_ = entry.position();
  if (listener_ != nullptr) listener_->applied(entry);
  return true;
}

void Node::revert_to(Seq to) {
  committed_ = std::min(committed_, to);
  if (listener_ != nullptr) listener_->reverted(to);
  target_ = std::min(target_, to);
  if (fault_ || tables_.applied() <= to) return;
  const auto reverted = tables_.revert_to(to);
  if (!reverted) {
    fault_ = reverted.error();
    return;
  }
  read_applied_position();
  apply_up_to(target_);
}

void Node::read_applied_position() {
  applied_ = Position{};
  if (tables_.applied() == Seq{}) return;
  if (const auto last = entry(tables_.applied())) {
    applied_ = last->position();
  } else if (std::exchange(damage_met_, false)) {
    position_unknown_ = true;
    wait_for_repair(tables_.applied());
  } else {
    fault_ = Error{Errc::corrupt, fmt::format("entry {} cannot be read", tables_.applied().value)};
  }
}

// ---- catching up

void Node::start_catching_up() {
  catching_up_ = true;
  progress_noted_ = tables_.applied();
  const auto behind = target_.value - tables_.applied().value;
  if (behind > limits::apply_slice_entries) {
    host_.note(replica::NoteLevel::info,
               fmt::format("the tables are {} entries behind the log: applying them", behind));
  }
  inputs_.push_back(replica::TablesReady{false});
}

// Meanwhile the tables count as being rebuilt: this server does not lead.
void Node::wait_for_repair(Seq at) {
  waits_for_repair_ = true;
  if (!catching_up_) start_catching_up();
  host_.log_damaged(at);
}

void Node::log_repaired() {
  ++repairs_;
  waits_for_repair_ = false;
}

void Node::look_after_tables(replica::Clock now) {
  const auto damage = tables_.fault();
  if (!damage || fault_) return;
  rebuild_tables(*damage);
  if (!fault_) step(replica::Tick{}, now);  // the core hears of it
}

void Node::rebuild_tables(const Error& damage) {
  if (damage.code != Errc::corrupt || ++rebuilds_ > limits::table_rebuilds_max) {
    fault_ = damage;
    return;
  }
  host_.note(replica::NoteLevel::error,
             fmt::format("the tables are damaged and made anew: {}", damage.text));
  if (const auto emptied = tables_.revert_to(Seq{}); !emptied) {
    fault_ = emptied.error();
    return;
  }
  applied_ = Position{};
  start_catching_up();
}

void Node::catch_up(replica::Clock now) {
  if (!catching_up_ || fault_ || waits_for_repair_) return;
  if (std::exchange(position_unknown_, false)) read_applied_position();
  if (!waits_for_repair_) apply_slice(limits::apply_slice_entries);
  if (fault_ || waits_for_repair_) return;
  if (tables_.applied().value >= progress_noted_.value + progress_every) {
    progress_noted_ = tables_.applied();
    host_.note(replica::NoteLevel::info,
               fmt::format("applied {} of {} entries", tables_.applied().value, target_.value));
  }
  if (tables_.applied() < target_) return;
  catching_up_ = false;
  host_.note(replica::NoteLevel::info,
             fmt::format("the tables are ready at {}", tables_.applied().value));
  step(replica::TablesReady{true}, now);
}

}  // namespace chat262::broker

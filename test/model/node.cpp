#include "test/model/node.hpp"

#include <algorithm>

#include "test/support/text.hpp"
#include "test/support/violation.hpp"

namespace chat262::model {

using replica::StateAccess;
using test::Violation;

namespace {

constexpr replica::Clock step_time = replica::clock_ms(StateAccess::now_ms + 1);

Entry operation_entry(unsigned index) {
  Operation operation;
  operation.request = operation_id(index);
  op::SendMessage message;
  message.message = message_id(operation.request);
  message.to = AccountId{};
  operation.body = message;
  return make_operation_entry(operation, {});
}

replica::Durable durable(const test::DiskContent& disk) {
  replica::Durable found;
  found.promised = disk.promised;
  found.incarnation = disk.incarnation;
  found.lost_disk = disk.lost_disk;
  found.commit = disk.commit;
  found.tail = disk.log.entries();
  for (const Entry& entry : found.tail) {
    if (entry.kind != EntryKind::view) continue;
    if (auto view = decode_view(entry)) found.views.push_back({entry.position(), *view});
  }
  return found;
}

}  // namespace

std::optional<Position> Applied::find(const RequestId& request) const {
  for (const Entry& entry : entries_) {
    if (entry.kind != EntryKind::view && entry.request == request) return entry.position();
  }
  return std::nullopt;
}

void Applied::apply(const Entry& entry, const std::string& whose) {
  if (entry.seq != last().next() || !entry_intact(hash(), entry)) {
    throw Violation(whose + " applies what does not follow");
  }
  if (entry.kind != EntryKind::view && find(entry.request)) {
    throw Violation(whose + " applies a request twice (I2)");
  }
  entries_.push_back(entry);
}

void Applied::revert(Seq to) {
  while (last() > to) entries_.pop_back();
}

Print Servers::Node::print() const {
  Digest digest;
  digest.add(id, disk.promised, disk.incarnation, disk.lost_disk, disk.commit, tables_on_disk,
             disk.log.last(), disk.log.last_hash(), writes.size());
  for (const replica::Persist& write : writes) {
    digest.add(write.promised, write.identity, write.cut_after, write.entries, write.commit);
  }
  digest.add(core.has_value());
  if (!core) return digest.print();
  StateAccess::digest(*core, digest);
  digest.add(tables.last(), tables.hash(), log.last(), log.last_hash(), committed, found, led,
             waiting.size());
  for (const Waiting& item : waiting) digest.add(item.operation, item.at);
  return digest.print();
}

// Does what the core wants done, and checks it. The duties are those of test/support/actions.cpp.
class Servers::Shell {
 public:
  Shell(Servers& all, Node& node, Step& step) : all_(all), node_(node), step_(step) {}

  void handle(const Input& input) {
    switch (input.kind) {
      case Kind::crash:
        return crash();
      case Kind::start:
        return start();
      case Kind::robbed:
        return start_empty();
      case Kind::write:
        return finish_write();
      case Kind::deliver:
        return core(replica::Received{all_.message(input.message)});
      case Kind::refused:
        return core(replica::ProbeResult{server_id(input.arg), true, step_time});
      case Kind::asked:
        return core(replica::ClientAsked{});
      case Kind::submit:
        return core(replica::Submit{{{input.arg, operation_entry(input.arg)}}});
      case Kind::heartbeat:
        StateAccess::heartbeat_due(*node_.core);
        return core(replica::Tick{});
      case Kind::ask_over:
        StateAccess::ask_wait_over(*node_.core);
        return core(replica::Tick{});
      case Kind::unheard:
        StateAccess::silent_in_prepare(*node_.core, server_id(input.arg));
        return core(replica::Tick{});
      case Kind::suspects:
        StateAccess::silent(*node_.core, server_id(input.arg));
        return core(replica::Tick{});
      case Kind::lease_over:
        StateAccess::lease_over(*node_.core, server_id(input.arg));
        return;
      case Kind::owes_none:
        StateAccess::owes_nothing(*node_.core);
        return core(replica::Tick{});
    }
  }

 private:
  [[nodiscard]] std::string name() const { return "server " + test::text_of(node_.id); }

  void crash() {
    // Tables are written behind the log, never beyond what was committed.
    test::DiskContent& disk = node_.disk;
    node_.tables_on_disk = std::max(node_.tables_on_disk,
                                    std::min({node_.tables.last(), disk.commit, disk.log.last()}));
    node_.core.reset();
    node_.writes.clear();
    node_.waiting.clear();
  }

  void start_empty() {
    node_.disk = test::DiskContent{};
    node_.tables_on_disk = Seq{};
    start(8);  // its first life had the same counter
  }

  void start(std::uint32_t nonce = 0) {
    test::DiskContent& disk = node_.disk;
    disk.incarnation.counter += 1;
    disk.incarnation.nonce = disk.incarnation.counter * 16 + node_.id.value + nonce;
    node_.tables = Applied{};
    for (Seq place = seq(1); place <= node_.tables_on_disk; place = place.next()) {
      node_.tables.apply(*disk.log.at(place), name());
    }
    node_.log = disk.log;
    node_.committed = Seq{};
    node_.found = node_.tables_on_disk;
    node_.led = false;
    all_.tables_->of = &node_.tables;
    replica::Config config = all_.config_;
    config.self = node_.id;
    node_.core.emplace(std::move(config), durable(disk), *all_.tables_,
                       replica::clock_ms(StateAccess::now_ms));
    core(replica::Tick{});
  }

  void finish_write() {
    node_.disk.write(node_.writes.front(), name());
    node_.writes.pop_front();
    core(replica::Persisted{1});  // canonical() counts from the oldest
  }

  void core(replica::Input input) {
    all_.tables_->of = &node_.tables;
    replica::Actions actions;
    node_.core->step(std::move(input), step_time, actions);
    for (replica::Action& action : actions) {
      std::visit([this](auto& known) { act(known); }, action);
    }
    const Seq applied = node_.tables.last();
    if (applied > node_.committed && applied > node_.found && !node_.led) {
      throw Violation(name() + ", which never led, applies what is not committed");
    }
    StateAccess::canonical(*node_.core);
  }

  void act(replica::Send& action) {
    peer::Message& message = action.message;
    const test::DiskContent& disk = node_.disk;
    if (const auto* promise = std::get_if<peer::Promise>(&message.body)) {
      if (disk.promised < promise->epoch) throw Violation(name() + " promises before it wrote");
    } else if (const auto* prepare = std::get_if<peer::Prepare>(&message.body)) {
      if (disk.promised < prepare->epoch) throw Violation(name() + " prepares before it wrote");
    } else if (const auto* ack = std::get_if<peer::Ack>(&message.body)) {
      if (disk.log.last() < ack->durable) throw Violation(name() + " acknowledges before it wrote");
    } else if (auto* beat = std::get_if<peer::Heartbeat>(&message.body)) {
      beat->sent_at_ms = StateAccess::now_ms;
      beat->disk_idle_ms = 0;
      beat->heard_ms = 0;  // only policy `proof` asks
    } else if (auto* wait = std::get_if<peer::Wait>(&message.body)) {
      wait->ms = 0;  // it is over when the Prepare is sent again
    }
    step_.sent.push_back({action.to.value, all_.intern(std::move(message))});
  }

  void act(replica::Persist& action) {
    if (action.cut_after) {
      if (all_.one_history && *action.cut_after < node_.committed) {
        throw Violation(name() + " cuts what is committed");
      }
      node_.log.cut_after(*action.cut_after);
    }
    for (const Entry& entry : action.entries) {
      node_.log.append(entry, name());
      if (entry.kind == EntryKind::view && entry.epoch.server == node_.id) node_.led = true;
    }
    node_.writes.push_back(std::move(action));
  }

  void act(replica::ReadLog&) { throw Violation("so small a log is in memory"); }

  void act(replica::Apply& action) {
    while (node_.tables.last() < action.to) {
      const Seq place = node_.tables.last().next();
      const Entry* entry = node_.core->find(place);  // its Persist may come after its Apply
      if (entry == nullptr) throw Violation(name() + " applies what is not in its log");
      node_.tables.apply(*entry, name());
    }
  }

  void act(replica::Revert& action) {
    if (all_.one_history && action.to < node_.committed) {
      throw Violation(name() + " cuts what is committed");
    }
    node_.tables.revert(action.to);
    node_.committed = std::min(node_.committed, action.to);
    node_.tables_on_disk = std::min(node_.tables_on_disk, action.to);
    std::erase_if(node_.waiting,
                  [&](const Node::Waiting& waiting) { return waiting.at.seq > action.to; });
  }

  void act(replica::Committed& action) {
    if (action.seq <= node_.committed) return;
    if (node_.log.at(action.seq) == nullptr) {
      throw Violation(name() + " commits what is not in its log");
    }
    node_.committed = action.seq;
    step_.committed = action.seq.value;
    acknowledge();
  }

  void act(replica::Accepted& action) {
    node_.waiting.push_back({static_cast<std::uint32_t>(action.handle), action.at});
    acknowledge();
  }

  void acknowledge() {
    std::erase_if(node_.waiting, [this](const Node::Waiting& waiting) {
      if (waiting.at.seq > node_.committed) return false;
      const Entry* entry = node_.log.at(waiting.at.seq);
      if (entry == nullptr || entry->request != operation_id(waiting.operation) ||
          entry->position() != waiting.at) {
        throw Violation(name() + " acknowledges an operation where it does not stand");
      }
      step_.acknowledged |= 1U << waiting.operation;
      return true;
    });
  }

  void act(replica::Refused&) {}
  void act(replica::Deposed&) { node_.waiting.clear(); }
  void act(replica::Probe&) {}  // its answer is an event of its own: see Kind::refused
  void act(replica::Note& action) {
    if (action.level == replica::NoteLevel::error) throw Violation(name() + ": " + action.text);
  }

  Servers& all_;
  Node& node_;
  Step& step_;
};

void Servers::handle(Node& node, const Input& input, Step& step) {
  Shell(*this, node, step).handle(input);
}

}  // namespace chat262::model

#include "test/simulation/tamper.hpp"

#include <algorithm>

namespace chat262::test {

namespace {

class Tamperer {
 public:
  explicit Tamperer(Random& random) : random_(random) {}

  void operator()(peer::Hello& m) { change(m.promised, m.last, m.last_hash, m.seen, m.lost_disk); }
  void operator()(peer::Heartbeat& m) {
    change(m.promised, m.leader, m.leader_epoch, m.latest_view, m.last, m.commit, m.in_sync,
           m.sent_at_ms, m.disk_idle_ms);
    if (one_in(9)) m.role = static_cast<peer::Role>(random_.below(3));
    if (one_in(9)) m.health = static_cast<peer::Health>(random_.below(4));
  }
  void operator()(peer::HeartbeatAck& m) { change(m.epoch, m.sent_at_ms); }
  void operator()(peer::Append& m) {
    change(m.epoch, m.previous, m.previous_hash, m.entries, m.commit, m.latest_view);
  }
  void operator()(peer::Ack& m) { change(m.epoch, m.durable, m.received); }
  void operator()(peer::Nack& m) { change(m.promised); }
  void operator()(peer::Reject& m) { change(m.epoch, m.hint); }
  void operator()(peer::Offer& m) { change(m.epoch, m.fork, m.operations); }
  void operator()(peer::Ask& m) { change(m.round); }
  void operator()(peer::Answer& m) { change(m.round, m.leader, m.leader_epoch); }
  void operator()(peer::Prepare& m) { change(m.epoch); }
  void operator()(peer::Promise& m) {
    change(m.epoch, m.last, m.last_hash, m.view_at, m.view, m.commit, m.in_sync, m.lost_disk);
    if (one_in(9)) m.health = static_cast<peer::Health>(random_.below(4));
  }
  void operator()(peer::Fetch& m) { change(m.epoch, m.previous, m.bytes_max); }
  void operator()(peer::Entries& m) { change(m.epoch, m.previous, m.previous_hash, m.entries); }
  void operator()(peer::Wait& m) { change(m.epoch, m.ms); }
  void operator()(peer::Goodbye& m) { change(m.epoch, m.successor); }
  void operator()(peer::Relay& m) { change(m.ticket); }
  void operator()(peer::Relayed& m) { change(m.ticket); }
  void operator()(peer::RepairAsk& m) { change(m.from, m.to); }
  void operator()(peer::RepairAnswer& m) { change(m.from, m.has_none, m.previous_hash, m.entries); }
  void operator()(peer::Superseded& m) { change(m.server); }
  void operator()(peer::FailedSignIns& m) { m.failed.clear(); }  // of no use to the core

 private:
  [[nodiscard]] bool one_in(std::uint64_t count) { return random_.below(count) == 0; }

  // One of the fields for sure; now and then more.
  template <class... Fields>
  void change(Fields&... fields) {
    const std::uint64_t chosen = random_.below(sizeof...(fields));
    std::uint64_t index = 0;
    ((index++ == chosen || one_in(10) ? spoil(fields) : void()), ...);
  }

  template <class Integer>
  void spoil_number(Integer& number) {
    switch (random_.below(6)) {
      case 0:
        number = 0;
        break;
      case 1:
        number = static_cast<Integer>(~std::uint64_t{0});
        break;
      case 2:
        number = static_cast<Integer>(random_.next());
        break;
      case 3:
        number = static_cast<Integer>(random_.below(100));
        break;
      default:
        number = static_cast<Integer>(number + static_cast<Integer>(random_.between(-3, 3)));
    }
  }
  void spoil(std::uint64_t& number) { spoil_number(number); }
  void spoil(std::uint32_t& number) { spoil_number(number); }
  void spoil(std::int64_t& number) { spoil_number(number); }
  void spoil(bool& flag) { flag = !flag; }
  void spoil(Seq& seq) { spoil_number(seq.value); }
  void spoil(ServerId& server) { server.value = static_cast<std::uint8_t>(random_.below(9)); }
  void spoil(std::optional<ServerId>& server) {
    if (one_in(2)) {
      server.reset();
    } else {
      server = server_id(static_cast<unsigned>(random_.below(9)));
    }
  }
  void spoil(Epoch& epoch) { one_in(2) ? spoil_number(epoch.counter) : spoil(epoch.server); }
  void spoil(Position& position) { one_in(2) ? spoil(position.epoch) : spoil(position.seq); }
  void spoil(Hash& hash) { hash.bytes[0] = static_cast<std::uint8_t>(hash.bytes[0] + 1); }
  void spoil(Incarnation& life) {
    one_in(2) ? spoil_number(life.counter) : spoil_number(life.nonce);
  }
  void spoil(View& view) {
    if (one_in(3)) {
      view.members.clear();
    } else if (one_in(2)) {
      view.members.push_back({server_id(static_cast<unsigned>(random_.below(9))), {}});
    } else {
      spoil(view.leader);
    }
  }
  void spoil(Entry& entry) {
    switch (random_.below(7)) {
      case 0:
        spoil(entry.epoch);
        break;
      case 1:
        spoil(entry.seq);
        break;
      case 2:
        entry.kind = static_cast<EntryKind>(random_.below(3));
        break;
      case 3:
        entry.head.clear();
        break;
      case 4:
        spoil_number(entry.request.number);
        break;
      case 5:
        spoil(entry.text_hash);
        break;
      default:
        spoil(entry.hash);
    }
  }
  void spoil(std::vector<Entry>& entries) {
    if (entries.empty()) return;
    const auto place = static_cast<std::ptrdiff_t>(random_.below(entries.size()));
    switch (random_.below(4)) {
      case 0:
        entries.erase(entries.begin() + place);
        break;
      case 1:
        entries.insert(entries.begin() + place, entries.back());
        break;
      case 2:
        chain_anew(entries, static_cast<std::size_t>(place));
        break;
      default:
        spoil(entries[static_cast<std::size_t>(place)]);
    }
  }
  // An entry is changed, and all hashes are right: who sends it means it.
  void chain_anew(std::vector<Entry>& entries, std::size_t place) {
    spoil(entries[place]);
    for (std::size_t i = std::max<std::size_t>(place, 1); i < entries.size(); ++i) {
      entries[i].hash = entry_hash(entries[i - 1].hash, entries[i]);
    }
  }

  Random& random_;
};

}  // namespace

void tamper(peer::Message& message, Random& random) {
  std::visit(Tamperer(random), message.body);
}

}  // namespace chat262::test

#include "test/support/text.hpp"

#include <array>

namespace chat262::test {

std::string text_of(ServerId server) {
  return std::to_string(server.value);
}

std::string text_of(const Epoch& epoch) {
  return std::to_string(epoch.counter) + "." + text_of(epoch.server);
}

std::string text_of(const Position& position) {
  return text_of(position.epoch) + "/" + std::to_string(position.seq.value);
}

std::string text_of(const RequestId& request) {
  std::string name;  // tests put a readable name into the client id
  for (const std::uint8_t byte : request.client.bytes) {
    if (byte == 0) break;
    name += static_cast<char>(byte);
  }
  return request.number == 1 ? name : name + "." + std::to_string(request.number);
}

std::string text_of(const View& view) {
  std::string text = "{";
  for (const Member& member : view.members) {
    if (text.size() > 1) text += ",";
    text += text_of(member.server);
  }
  return text + "}";
}

std::string text_of(const std::vector<ServerId>& servers) {
  std::string text;
  for (const ServerId server : servers) text += (text.empty() ? "" : " ") + text_of(server);
  return text;
}

std::string span_of(const std::vector<Entry>& entries) {
  if (entries.empty()) return "nothing";
  const std::string first = std::to_string(entries.front().seq.value);
  if (entries.size() == 1) return first;
  return first + ".." + std::to_string(entries.back().seq.value);
}

std::string text_of(const replica::Persist& write) {
  std::string text;
  const auto add = [&text](const std::string& words) { text += (text.empty() ? "" : " ") + words; };
  if (write.identity) add(write.identity->second ? "lost-disk" : "identity");
  if (write.promised) add("promise " + text_of(*write.promised));
  if (write.cut_after) add("cut-after " + std::to_string(write.cut_after->value));
  if (!write.entries.empty()) add(span_of(write.entries));
  if (text.empty()) add("hint " + std::to_string(write.commit.value));
  return text;
}

std::string text_of(const replica::Routing& routing) {
  if (const auto* serve = std::get_if<replica::Serve>(&routing)) {
    return serve->writes ? "serve" : "unavailable for writes: the disk is full";
  }
  if (std::holds_alternative<replica::Undecided>(routing)) return "undecided";
  if (const auto* other = std::get_if<replica::NotLeader>(&routing)) {
    return "not-leader" + (other->leader ? " ask " + text_of(*other->leader) : std::string());
  }
  const auto& none = std::get<replica::Unavailable>(routing);
  if (none.waiting_for.empty()) return "unavailable " + none.why;
  return "unavailable waiting for " + text_of(none.waiting_for);
}

std::string kind_of(const peer::Body& body) {
  static constexpr std::array<const char*, std::variant_size_v<peer::Body>> names = {
      "Hello",     "Heartbeat",    "HeartbeatAck", "Append",       "Ack",     "Nack",
      "Reject",    "Offer",        "Ask",          "Answer",       "Prepare", "Promise",
      "Fetch",     "Entries",      "Wait",         "Goodbye",      "Relay",   "Relayed",
      "RepairAsk", "RepairAnswer", "Superseded",   "FailedSignIns"};
  return names.at(body.index());
}

namespace {

using std::to_string;

struct Detail {
  std::string operator()(const peer::Hello& m) const {
    return "promised " + text_of(m.promised) + " last " + text_of(m.last) +
           (m.lost_disk ? " lost-disk" : "");
  }
  std::string operator()(const peer::Heartbeat& m) const {
    return (m.leader ? "leader " + text_of(*m.leader) + " " + text_of(m.leader_epoch) : "alone") +
           " view " + text_of(m.latest_view) + " last " + text_of(m.last) + " commit " +
           to_string(m.commit.value) + (m.in_sync ? " in-sync" : "");
  }
  std::string operator()(const peer::HeartbeatAck& m) const { return text_of(m.epoch); }
  std::string operator()(const peer::Append& m) const {
    return span_of(m.entries) + " after " + text_of(m.previous) + " epoch " + text_of(m.epoch) +
           " commit " + to_string(m.commit.value);
  }
  std::string operator()(const peer::Ack& m) const {
    return to_string(m.durable.value) + " received " + to_string(m.received.value) + " epoch " +
           text_of(m.epoch);
  }
  std::string operator()(const peer::Nack& m) const { return text_of(m.promised); }
  std::string operator()(const peer::Reject& m) const {
    return "hint " + text_of(m.hint) + " epoch " + text_of(m.epoch);
  }
  std::string operator()(const peer::Offer& m) const {
    std::string text = "fork " + text_of(m.fork);
    for (const Entry& entry : m.operations) text += " " + text_of(entry.request);
    return text;
  }
  std::string operator()(const peer::Ask& m) const { return to_string(m.round); }
  std::string operator()(const peer::Answer& m) const {
    return m.leader ? "leader " + text_of(*m.leader) + " " + text_of(m.leader_epoch) : "none";
  }
  std::string operator()(const peer::Prepare& m) const { return text_of(m.epoch); }
  std::string operator()(const peer::Promise& m) const {
    return text_of(m.epoch) + " last " + text_of(m.last) + " view " + text_of(m.view_at) + " " +
           text_of(m.view) + (m.in_sync ? " in-sync" : "") + (m.lost_disk ? " lost-disk" : "");
  }
  std::string operator()(const peer::Fetch& m) const {
    return "after " + text_of(m.previous) + " epoch " + text_of(m.epoch);
  }
  std::string operator()(const peer::Entries& m) const {
    return span_of(m.entries) + " after " + text_of(m.previous) + " epoch " + text_of(m.epoch);
  }
  std::string operator()(const peer::Wait& m) const { return to_string(m.ms); }
  std::string operator()(const peer::Goodbye& m) const {
    return m.reason == peer::Farewell::stopping ? "stopping" : "handover";
  }
  std::string operator()(const peer::Relay& m) const { return to_string(m.ticket); }
  std::string operator()(const peer::Relayed& m) const { return to_string(m.ticket); }
  std::string operator()(const peer::RepairAsk& m) const {
    return to_string(m.from.value) + " to " + to_string(m.to.value);
  }
  std::string operator()(const peer::Superseded& m) const { return to_string(m.replaced); }
  std::string operator()(const peer::FailedSignIns& m) const { return to_string(m.failed.size()); }
  std::string operator()(const peer::RepairAnswer& m) const {
    return span_of(m.entries) + " from " + to_string(m.from.value);
  }
};

}  // namespace

std::string detail_of(const peer::Body& body) {
  return kind_of(body) + " " + std::visit(Detail{}, body);
}

}  // namespace chat262::test

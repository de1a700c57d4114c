#include "test/model/servers.hpp"

#include <algorithm>

#include "protocol/codec.hpp"
#include "test/model/node.hpp"
#include "test/support/text.hpp"
#include "test/support/violation.hpp"

namespace chat262::model {

using replica::StateAccess;
using test::Violation;

namespace {

std::uint64_t short_hash(const Hash& hash) {
  std::uint64_t result = 0;
  for (unsigned i = 0; i < 8; ++i) result = result << 8 | hash.bytes[i];
  return result;
}

std::uint32_t operation_bit(const RequestId& request) {
  return request.client.bytes[0] == 0 ? 0 : 1U << (request.client.bytes[0] - 'x');
}

}  // namespace

RequestId operation_id(unsigned index) {
  RequestId id;
  id.client.bytes[0] = static_cast<std::uint8_t>('x' + index);
  id.number = 1;
  return id;
}

const char* name_of(Kind kind) {
  static constexpr const char* names[] = {
      "gets",      "wrote",    "crashes", "starts",   "refused",    "asked",     "submit",
      "heartbeat", "ask-over", "unheard", "suspects", "lease-over", "owes-none", "robbed"};
  return names[static_cast<unsigned>(kind)];
}

Servers::Servers(replica::Config config, bool history)
    : one_history(history), config_(std::move(config)), tables_(std::make_unique<Tables>()) {}
Servers::~Servers() = default;

ServerNumber Servers::fresh(unsigned id) {
  auto node = std::make_unique<Node>();
  node->id = server_id(id);
  node->disk.lost_disk = false;
  return intern(std::move(node));
}

const Step& Servers::step(ServerNumber from, const Input& input) {
  const std::uint64_t what = static_cast<std::uint64_t>(input.kind) << 60 |
                             static_cast<std::uint64_t>(input.arg) << 56 |
                             static_cast<std::uint64_t>(input.message) << 28 | from;
  const auto known = known_steps_.find(what);
  if (known != known_steps_.end()) return steps_[known->second];
  Step step;
  auto node = std::make_unique<Node>(*nodes_[from]);
  under_way_ = &input;
  try {
    handle(*node, input, step);
    step.to = intern(std::move(node));
  } catch (const Violation& violation) {
    step.broken = violation.what();
    step.to = from;
  }
  under_way_ = nullptr;
  known_steps_.emplace(what, static_cast<std::uint32_t>(steps_.size()));
  steps_.push_back(std::move(step));
  return steps_.back();
}

ServerNumber Servers::intern(std::unique_ptr<Node> node) {
  const auto [found, added] =
      known_nodes_.emplace(node->print(), static_cast<ServerNumber>(nodes_.size()));
  if (!added) return found->second;
  faces_.push_back(face_of(*node));
  nodes_.push_back(std::move(node));
  return found->second;
}

MessageNumber Servers::intern(peer::Message message) {
  const Bytes bytes = encode_peer(message, ClusterId{});
  const Print print = Digest{}.add(bytes).print();
  const auto found = known_messages_.find(print);
  if (found != known_messages_.end()) return found->second;
  const auto number = static_cast<MessageNumber>(messages_.size());
  known_messages_.emplace(print, number);
  messages_.push_back(std::make_unique<peer::Message>(message));
  Envelope envelope;
  envelope.kind = static_cast<std::uint8_t>(message.body.index());
  envelope.to = message.to_incarnation;
  envelope.epoch = Epoch{UINT64_MAX, {}};
  envelope.aged = number;
  std::visit(
      [&envelope](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        constexpr bool of_its_epoch =
            std::is_same_v<Body, peer::Ack> || std::is_same_v<Body, peer::HeartbeatAck> ||
            std::is_same_v<Body, peer::Reject> || std::is_same_v<Body, peer::Offer> ||
            std::is_same_v<Body, peer::Promise> || std::is_same_v<Body, peer::Wait> ||
            std::is_same_v<Body, peer::Entries>;
        if constexpr (of_its_epoch) envelope.epoch = body.epoch;
      },
      message.body);
  envelopes_.push_back(envelope);
  // Made at once, so that looking one up later adds nothing.
  if (auto* beat = std::get_if<peer::Heartbeat>(&message.body); beat && beat->sent_at_ms != 0) {
    beat->sent_at_ms = 0;
    envelopes_[number].aged = intern(std::move(message));
  } else if (auto* ack = std::get_if<peer::HeartbeatAck>(&message.body);
             ack && ack->sent_at_ms != 0) {
    ack->sent_at_ms = 0;
    envelopes_[number].aged = intern(std::move(message));
  }
  return number;
}

Face Servers::face_of(const Node& node) const {
  Face face;
  face.alive = node.core.has_value();
  face.life = node.disk.incarnation;
  face.writes_pending = !node.writes.empty();
  for (const Entry& entry : node.disk.log.entries()) {
    face.disk.push_back({entry.position(), short_hash(entry.hash)});
  }
  face.promised = node.disk.promised;
  if (!face.alive) return face;
  tables_->of = &node.tables;
  const StateAccess::State& core = *node.core;
  const replica::Clock now = replica::clock_ms(StateAccess::now_ms);
  const replica::Summary summary = core.summary(now);
  face.serves = std::holds_alternative<replica::Serve>(core.routing(now));
  face.leads = summary.role == peer::Role::leader;
  face.candidate = summary.role == peer::Role::candidate;
  face.in_sync = summary.in_sync;
  if (summary.leader) face.leader = summary.leader->value;
  if (const auto owed = StateAccess::owes(core)) face.owes = owed->value;
  face.promised = summary.promised;
  face.last_epoch = summary.last.epoch;
  face.committed = node.committed.value;
  face.retries = StateAccess::waits_for_offer(core);
  const replica::Takeover* takeover = StateAccess::takeover(core);
  face.stuck_in_ask = takeover != nullptr && takeover->phase == replica::Takeover::Phase::ask;
  if (takeover != nullptr && takeover->phase == replica::Takeover::Phase::fetch) {
    face.retries = true;
  }
  for (const Entry& entry : node.log.entries()) {
    face.log.push_back({entry.position(), short_hash(entry.hash)});
    if (entry.kind != EntryKind::view) face.operations |= operation_bit(entry.request);
  }
  if (summary.view) {
    for (const Member& member : summary.view->view.members) {
      face.members |= 1U << member.server.value;
    }
  }
  for (unsigned i = 0; i < servers; ++i) {
    const ServerId id = server_id(i);
    if (id == node.id) continue;
    const replica::Peer& peer = StateAccess::peer(core, id);
    Face::Other& other = face.other[i];
    other.life = peer.incarnation;
    other.knows_me = peer.knows_me;
    other.dead = StateAccess::knows_dead(core, id);
    other.heard_of = peer.ever_heard;
    other.suspected =
        std::find(summary.heard.begin(), summary.heard.end(), id) == summary.heard.end();
    other.unsettled = StateAccess::unsettled(core, id);
    other.lease = peer.lease_sent_ms >= 0;
    other.inflight = !peer.inflight.empty();
  }
  return face;
}

std::string Servers::text_of(ServerNumber number) const {
  const Node& node = *nodes_[number];
  std::string text = test::text_of(node.id) + ": disk " +
                     test::text_of(node.disk.log.last_position()) + " promised " +
                     test::text_of(node.disk.promised) + " commit " +
                     std::to_string(node.disk.commit.value);
  if (!node.core) return text + ", dead";
  const replica::Clock now = replica::clock_ms(StateAccess::now_ms);
  tables_->of = &node.tables;
  const replica::Summary summary = node.core->summary(now);
  static constexpr const char* roles[] = {"follower", "candidate", "leader"};
  text += std::string(", ") + roles[static_cast<unsigned>(summary.role)] +
          (summary.in_sync ? " in-sync" : "") + " epoch " + test::text_of(summary.epoch) +
          " promised " + test::text_of(summary.promised) + " view " +
          (summary.view ? test::text_of(summary.view->view) : "none") + " last " +
          test::text_of(summary.last) + " durable " + std::to_string(summary.durable.value) +
          " commit " + std::to_string(summary.commit.value) + " hears " +
          test::text_of(summary.heard) + ", " + test::text_of(node.core->routing(now));
  return text;
}

}  // namespace chat262::model

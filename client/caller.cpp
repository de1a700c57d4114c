#include "client/caller.hpp"

#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "protocol/cluster_file.hpp"
#include "protocol/codec.hpp"
#include "protocol/keys.hpp"

namespace chat262::client {
namespace {

constexpr std::int64_t hello_within_ms = 200;

std::uint32_t random_jitter() {
  std::uint16_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != sizeof bits) return 0;
  return bits;
}

std::string seconds(std::int64_t ms) {
  const std::int64_t tenths = std::max<std::int64_t>(1, (ms + 50) / 100);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

PublicKey key_of(const Address& server) {
  if (server.key.empty()) return {};
  const auto key = key_from_text(server.key);
  if (!key) throw std::invalid_argument("not a public key: " + server.key);
  return *key;
}

}  // namespace

std::string shown_address(const std::string& endpoint) {
  std::string text = endpoint;
  if (text.starts_with("tcp://")) text.erase(0, 6);
  const std::string port = ":" + std::to_string(default_client_port);
  if (text.ends_with(port)) text.erase(text.size() - port.size());
  return text;
}

Caller::Caller(zmq::context_t& context, const std::vector<Address>& servers, Milliseconds poll,
               std::function<void(const Progress&)> on_progress, int cancel_fd)
    : given_(servers),
      servers_(servers),
      retry_(
          Retry::Rules{.servers = static_cast<unsigned>(servers.size()), .poll_ms = poll.count()}),
      on_progress_(std::move(on_progress)),
      cancel_fd_(cancel_fd) {
  connections_.reserve(servers_.size());
  for (const Address& server : servers_) {
    connections_.emplace_back(context, server.endpoint, key_of(server));
  }
}

std::string Caller::label(unsigned server) const {
  if (!knows(server)) return "server " + std::to_string(server);
  return "server " + std::to_string(server) + " (" + shown_address(servers_[server].endpoint) + ")";
}

std::string Caller::trouble(unsigned server) const {
  if (!knows(server) || connections_[server].trouble().empty()) return "";
  return " (" + connections_[server].trouble() + ")";
}

std::string Caller::any_trouble() const {
  for (unsigned server = 0; server < connections_.size(); ++server) {
    if (const auto text = trouble(server); !text.empty()) return ": " + label(server) + text;
  }
  return "";
}

std::string Caller::all_labels() const {
  std::string text;
  for (const Address& server : servers_) {
    if (!text.empty()) text += ", ";
    text += shown_address(server.endpoint);
  }
  return text;
}

Caller::Result Caller::call(const Request& request, Milliseconds timeout) {
  Call call{.request = request, .frame = encode_request(request), .result = {}};
  std::int64_t now_ms = monotonic_ms();
  Retry::Step step = retry_.begin(now_ms, now_ms + std::max<std::int64_t>(timeout.count(), 1));
  for (;;) {
    std::optional<Retry::Event> event;
    const unsigned asked = retry_.current();
    if (const auto* ask = std::get_if<Retry::Ask>(&step)) {
      event = try_server(call, *ask);
    } else if (const auto* pause = std::get_if<Retry::Pause>(&step)) {
      if (sleep_until(pause->until)) event = Retry::Paused{};
    } else {
      return std::move(call.result);  // Finished, GiveUp
    }
    if (!event) {
      call.result.cancelled = true;
      return std::move(call.result);
    }
    if (std::holds_alternative<Retry::NotLeader>(*event)) {
      call.pointer = asked;
    } else if (std::holds_alternative<Retry::NoAnswer>(*event)) {
      if (const auto knows = who_knows(call, asked)) look_elsewhere(asked, *knows);
      call.pointer.reset();
    }
    now_ms = monotonic_ms();
    step = retry_.after(*event, now_ms, random_jitter());
    report(call, *event, step, asked, now_ms);
  }
}

Caller::Result Caller::call_one(unsigned server, const Request& request, Milliseconds timeout) {
  Call call{.request = request, .frame = encode_request(request), .result = {}};
  const Retry::Ask ask{.server = server, .until = monotonic_ms() + timeout.count()};
  call.result.cancelled = !try_server(call, ask).has_value();
  return std::move(call.result);
}

std::optional<Retry::Event> Caller::try_server(Call& call, const Retry::Ask& ask) {
  Connection::Result got = connections_[ask.server].ask(call.frame, ask.until, cancel_fd_);
  if (got.outcome == Connection::Outcome::answered) {
    auto reply = decode_reply(got.answer, call.request.body);
    if (reply && reply->number == call.request.number) return judge(call, std::move(*reply));
  }
  if (got.sent) call.result.perhaps_done = true;
  if (got.outcome == Connection::Outcome::cancelled) return std::nullopt;
  return Retry::NoAnswer{};
}

Retry::Event Caller::judge(Call& call, Reply reply) {
  const auto* error = std::get_if<reply::ErrorBody>(&reply.body);
  Retry::Event event = Retry::Answered{};
  switch (reply.status) {
    case Status::not_leader:
      // A leader that was deposed says so of requests that it already had in its log, too.
      call.result.perhaps_done = true;
      event = error != nullptr && error->server ? Retry::NotLeader{.hint = error->server->value}
                                                : Retry::NotLeader{};
      break;
    case Status::unavailable:
      // With nobody to wait for, the write may be in the log and wait for a disk.
      if (error == nullptr || error->servers.empty()) call.result.perhaps_done = true;
      event = Retry::Unavailable{};
      break;
    case Status::too_many: {
      // Somebody who waits for a log-in wants to know at once.
      const auto& body = call.request.body;
      if (std::holds_alternative<request::LogIn>(body) ||
          std::holds_alternative<request::ResetPassword>(body) ||
          std::holds_alternative<request::Register>(body)) {
        call.result.reply = std::move(reply);
        return event;
      }
      event = Retry::Busy{.retry_ms = error != nullptr ? error->retry_ms : 0};
      break;
    }
    case Status::busy:
      event = Retry::Busy{.retry_ms = error != nullptr ? error->retry_ms : 0};
      break;
    default:
      call.result.reply = std::move(reply);
      return event;
  }
  call.result.excuse = std::move(reply);
  return event;
}

std::optional<unsigned> Caller::who_knows(const Call& call, unsigned silent) const {
  if (call.pointer || connections_[silent].trouble().empty()) return call.pointer;
  for (unsigned server = 0; server < connections_.size(); ++server) {
    if (server != silent && connections_[server].up()) return server;
  }
  return std::nullopt;
}

// The place and key that were given and those that are told are tried in turn: what the servers
// call each other may be out of this client's reach.
void Caller::look_elsewhere(unsigned server, unsigned pointer) {
  Address& address = servers_[server];
  Address next = given_[server];
  if (address.endpoint == next.endpoint && address.key == next.key) {
    const Request request{.client = {}, .number = 0, .token = {}, .body = request::Hello{}};
    const auto got = connections_[pointer].ask(encode_request(request),
                                               monotonic_ms() + hello_within_ms, cancel_fd_);
    if (got.outcome != Connection::Outcome::answered) return;
    const auto reply = decode_reply(got.answer, request.body);
    const auto* hello = reply ? std::get_if<reply::Hello>(&reply->body) : nullptr;
    if (hello == nullptr) return;
    for (const auto& told : hello->servers) {
      // Encryption is not given up because a server says so.
      if (told.id.value != server || (told.key.empty() && !next.key.empty())) continue;
      next.endpoint = told.endpoint;
      next.key = told.key.empty() ? std::string() : key_text(told.key);
    }
  }
  if (address.endpoint == next.endpoint && address.key == next.key) return;
  address = next;
  connections_[server].move(next.endpoint, key_of(next));
}

bool Caller::sleep_until(std::int64_t until_ms) {
  for (;;) {
    const std::int64_t left_ms = until_ms - monotonic_ms();
    if (left_ms <= 0) return true;
    pollfd wake{.fd = cancel_fd_, .events = POLLIN, .revents = 0};  // -1 is ignored
    if (::poll(&wake, 1, static_cast<int>(left_ms)) > 0) return false;
  }
}

void Caller::report(Call& call, const Retry::Event& event, const Retry::Step& next, unsigned asked,
                    std::int64_t now_ms) {
  if (!on_progress_) return;
  const auto* ask = std::get_if<Retry::Ask>(&next);
  const auto* pause = std::get_if<Retry::Pause>(&next);
  if (std::holds_alternative<Retry::Answered>(event)) {
    if (call.trouble) tell(Progress::Kind::answered, asked, label(asked) + " answers");
    return;
  }
  if (std::holds_alternative<Retry::Paused>(event)) {
    if (ask != nullptr) tell(Progress::Kind::trying, ask->server, "trying " + label(ask->server));
    return;
  }
  if (std::holds_alternative<Retry::NotLeader>(event)) {
    if (ask != nullptr) {
      tell(Progress::Kind::moved, ask->server, label(asked) + " points to " + label(ask->server));
    }
  } else {
    call.trouble = true;
    std::string text = label(asked);
    if (std::holds_alternative<Retry::NoAnswer>(event)) text += " does not answer" + trouble(asked);
    if (std::holds_alternative<Retry::Unavailable>(event)) text += " is not available";
    if (std::holds_alternative<Retry::Busy>(event)) text += " is busy";
    if (const auto* error =
            call.result.excuse ? std::get_if<reply::ErrorBody>(&call.result.excuse->body) : nullptr;
        error != nullptr && !std::holds_alternative<Retry::NoAnswer>(event)) {
      text += " (" + error->text + ")";
    }
    if (ask != nullptr) text += ", trying " + label(ask->server);
    tell(std::holds_alternative<Retry::NoAnswer>(event) ? Progress::Kind::no_answer
                                                        : Progress::Kind::waiting,
         asked, std::move(text));
  }
  if (pause != nullptr && pause->round_failed) {
    call.trouble = true;
    tell(Progress::Kind::waiting, pause->server,
         "no server can help now, trying again in " + seconds(pause->until - now_ms));
  }
}

void Caller::tell(Progress::Kind kind, unsigned server, std::string text) {
  on_progress_(Progress{.kind = kind, .server = server, .text = std::move(text)});
}

}  // namespace chat262::client

#include "test/simulation/client.hpp"

#include <algorithm>
#include <utility>

namespace chat262::test {

namespace {

inline constexpr Time patience = 8'000 * milliseconds;
inline constexpr Time last_patience = 60'000 * milliseconds;

ClientId id_of(const std::string& name) {
  ClientId id;
  std::copy_n(name.begin(), std::min(name.size(), ClientId::size), id.bytes.begin());
  return id;
}

}  // namespace

Clients::Client::Client(World& world, History& history, std::uint64_t& tickets, std::uint64_t seed,
                        unsigned index, unsigned servers, bool quarrels)
    : world_(world),
      history_(history),
      random_((seed ^ 0xc11e) + index * 0x9e3779b97f4a7c15),
      index_(index),
      id_(id_of("c" + std::to_string(index))),
      main_{Caller(world, random_, tickets, servers), std::nullopt, 0},
      events_{Caller(world, random_, tickets, servers), std::nullopt, 0},
      quarrels_(quarrels) {
  listens_ = random_.chance(50);
  think_ = random_.between(5, 400) * milliseconds;
  text_bytes_max_ = random_.chance(5) ? 8'000 : 0;
  name_ = "user" + std::to_string(index);
  password_ = "password 0";
  main_.next = random_.between(0, 2 * think_);
}

Time Clients::Client::due() const {
  if (stage_ == Stage::finished) return never;
  Time due = std::min(main_.caller.due(), events_.caller.due());
  if (!main_.call) due = std::min(due, main_.next);
  if (!events_.call && listens_ && !token_.empty() && stage_ == Stage::working) {
    due = std::min(due, events_.next);
  }
  return due;
}

void Clients::Client::run() {
  for (Lane* lane : {&main_, &events_}) {
    if (lane->caller.due() > world_.now()) continue;
    lane->caller.run();
    look(*lane);
  }
  if (!events_.call && listens_ && !token_.empty() && stage_ == Stage::working &&
      events_.next <= world_.now()) {
    begin(events_, next_event_request(), patience);
  }
  if (main_.call || main_.next > world_.now()) return;
  if (stage_ != Stage::working) {
    run_last();
    return;
  }
  // Now and then it has no patience, and never hears what became of it.
  const bool impatient = random_.chance(8);
  const Time most = random_.chance(50) ? 40 : 1200;
  begin(main_, next_request(), impatient ? random_.between(1, most) * milliseconds : patience);
}

void Clients::Client::begin(Lane& lane, const Request& request, Time timeout) {
  lane.call = history_.size();
  history_.push_back({.client = index_, .request = request, .began = world_.now()});
  lane.caller.begin(request, timeout);
  look(lane);
}

bool Clients::Client::hear(std::uint64_t ticket, const Bytes* frame) {
  for (Lane* lane : {&main_, &events_}) {
    if (!lane->caller.hear(ticket, frame)) continue;
    look(*lane);
    return true;
  }
  return false;
}

// A call that is over is written down and learnt from.
void Clients::Client::look(Lane& lane) {
  if (!lane.call || lane.caller.busy()) return;
  Call& call = history_[*lane.call];
  lane.call.reset();
  lane.next = world_.now() + (&lane == &main_ ? random_.between(0, 2 * think_) : 0);
  if (lane.caller.reply()) {
    call.ended = world_.now();
    call.reply = lane.caller.reply();
    learn(call);
  } else {
    if (is_write(call.request.body)) {
      abandoned_ = call.request;
      if (random_.chance(50)) lane.next = world_.now();
    }
    if (&lane == &events_) lane.next += think_;
  }
}

void Clients::Client::learn(const Call& call) {
  const Reply& reply = *call.reply;
  if (reply.status == Status::not_signed_in && call.request.token == token_) token_.clear();
  if (is_write(call.request.body)) {
    learn_of_write(call);
    return;
  }
  if (const auto* events = std::get_if<reply::Events>(&reply.body)) {
    events_since_ = events->next;
  } else if (const auto* sessions = std::get_if<reply::Sessions>(&reply.body)) {
    for (const auto& session : sessions->sessions) {
      if (!session.current) other_session_ = session.id;
    }
  } else if (const auto* page = std::get_if<reply::History>(&reply.body)) {
    const auto& asked = std::get<request::History>(call.request.body);
    if (!page->messages.empty()) seen_[asked.of.name] = page->messages.front().at;
    if (stage_ == Stage::reading) {
      read_from_.reset();
      if (page->more && !page->messages.empty()) read_from_ = page->messages.front().at;
      if (!read_from_) to_read_.pop_back();
    }
  } else if (std::holds_alternative<request::History>(call.request.body) &&
             stage_ == Stage::reading && !to_read_.empty()) {
    to_read_.pop_back();  // refused
  }
}

void Clients::Client::learn_of_write(const Call& call) {
  const bool ok = call.reply->status == Status::ok;
  if (ok) done_ = call.request;
  if (std::holds_alternative<request::Register>(call.request.body)) {
    registered_ = true;  // by it, or by somebody else
  } else if (const auto* in = std::get_if<request::LogIn>(&call.request.body)) {
    if (ok) {
      token_ = in->token;
      events_since_ = std::get<reply::LoggedIn>(call.reply->body).now;
    } else if (in->name == name_) {
      // Somebody has changed the password, or deleted the account.
      password_ = password();
      if (random_.chance(30)) {
        name_ = "user" + std::to_string(index_) + "-" + std::to_string(names_used_++);
        registered_ = false;
      }
    }
  } else if (!ok) {
    return;
  } else if (std::holds_alternative<request::LogOut>(call.request.body) ||
             std::holds_alternative<request::LogOutAll>(call.request.body)) {
    if (call.request.token == token_) token_.clear();
  } else if (const auto* change = std::get_if<request::ChangePassword>(&call.request.body)) {
    password_ = change->new_password;
  } else if (std::holds_alternative<request::DeleteAccount>(call.request.body)) {
    token_.clear();
    name_ = "user" + std::to_string(index_) + "-" + std::to_string(names_used_++);
    registered_ = false;
  }
}

// ---- the end of a run

void Clients::Client::finish() {
  if (stage_ == Stage::working) begin_last();
}

void Clients::Client::finish_again() {
  begin_last();
  to_ask_ = {request::SearchAccounts{"*", "", 200}, request::ListRooms{"*", "", 200},
             request::ListConversations{{}, 200}, request::Events{make_cursor(Position{}), 0, 200},
             request::ListMembers{room(), "", 200}};
  if (events_since_) to_ask_.push_back(request::Events{events_since_, 0, 200});
  if (done_) to_repeat_.push_back(*done_);
  if (abandoned_) to_repeat_.push_back(*abandoned_);
}

void Clients::Client::begin_last() {
  stage_ = Stage::sending_last;
  to_read_.clear();
  read_from_.reset();
  for (unsigned i = 0; i < clients_max; ++i) {
    to_read_.push_back({TargetKind::user, "user" + std::to_string(i)});
    to_read_.push_back({TargetKind::room, "room" + std::to_string(i % 3)});
  }
  main_.next = world_.now();
}

void Clients::Client::run_last() {
  if (stage_ == Stage::sending_last) {
    if (!registered_) {
      begin(main_, request_for(request::Register{name_, password_}), last_patience);
    } else if (token_.empty()) {
      begin(main_, request_for(log_in(name_, password_)), last_patience);
    } else {
      begin(main_, request_for(request::Send{{TargetKind::user, name_}, text(), std::nullopt}),
            last_patience);
      stage_ = Stage::reading;
    }
    return;
  }
  if (!to_ask_.empty() && !token_.empty()) {
    begin(main_, request_for(std::exchange(to_ask_.back(), {})), last_patience);
    to_ask_.pop_back();
    return;
  }
  if ((to_read_.empty() || token_.empty()) && !to_repeat_.empty()) {
    begin(main_, std::exchange(to_repeat_.back(), {}), last_patience);
    to_repeat_.pop_back();
    return;
  }
  if (to_read_.empty() || token_.empty()) {
    stage_ = Stage::finished;
    return;
  }
  begin(main_, request_for(request::History{to_read_.back(), read_from_, false, 50}),
        last_patience);
}

// ---- all of them

Clients::Clients(World& world, std::uint64_t seed, unsigned only, unsigned servers, bool quarrels) {
  Random random(seed ^ 0xc0);
  count_ = static_cast<unsigned>(random.between(1, clients_max));
  for (unsigned i = 0; i < count_; ++i) {
    if ((only >> i & 1U) == 0) continue;
    clients_.push_back(
        std::make_unique<Client>(world, history_, tickets_, seed, i, servers, quarrels));
  }
}

Clients::~Clients() = default;

Time Clients::due() const {
  Time due = never;
  for (const auto& client : clients_) due = std::min(due, client->due());
  return due;
}

void Clients::run() {
  for (const auto& client : clients_) client->run();
}

void Clients::hear(std::uint64_t ticket, const Bytes* frame) {
  for (const auto& client : clients_) {
    if (client->hear(ticket, frame)) return;
  }
}

void Clients::finish() {
  for (const auto& client : clients_) client->finish();
}

void Clients::finish_again() {
  for (const auto& client : clients_) client->finish_again();
}

bool Clients::finished() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const auto& client) { return client->finished(); });
}

}  // namespace chat262::test

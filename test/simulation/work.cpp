// What a client of a run asks for.
#include "protocol/limits.hpp"
#include "test/simulation/client.hpp"

namespace chat262::test {

namespace {

// How long quarrelling clients want one name.
constexpr Time fashion = 3000 * milliseconds;

std::string fashionable_name(Time now) {
  return "user-" + std::to_string(now / fashion);
}

}  // namespace

Request Clients::Client::request_for(RequestBody body) {
  Request request;
  request.client = id_;
  request.number = is_write(body) ? ++number_ : 0;
  request.token = token_;
  request.body = std::move(body);
  return request;
}

std::string Clients::Client::user() {
  if (quarrels_ && random_.chance(30)) return fashionable_name(world_.now());
  return "user" + std::to_string(random_.below(clients_max));
}
std::string Clients::Client::room() {
  if (quarrels_ && random_.chance(50)) return "room" + std::to_string(world_.now() / fashion);
  return "room" + std::to_string(random_.below(3));
}
std::string Clients::Client::password() {
  return "password " + std::to_string(random_.below(3));
}

std::string Clients::Client::text() {
  std::string text = "c" + std::to_string(index_) + " says " + std::to_string(number_ + 1);
  text.resize(text.size() + random_.below(text_bytes_max_ + 1), '.');
  return text;
}

Target Clients::Client::target() {
  if (random_.chance(50)) return {TargetKind::room, room()};
  return {TargetKind::user, user()};
}

Request Clients::Client::next_request() {
  if (abandoned_ && random_.chance(50)) {
    const Request again = *abandoned_;
    abandoned_.reset();
    return again;
  }
  if (done_ && random_.chance(4)) return *done_;
  return request_for(token_.empty() ? signed_out() : signed_in());
}

RequestBody Clients::Client::log_in(const std::string& name, const std::string& password) {
  Bytes token;
  for (unsigned i = 0; i < limits::token_bytes; ++i) {
    token.push_back(static_cast<std::uint8_t>(random_.below(256)));
  }
  return request::LogIn{name, password, std::move(token), "client " + std::to_string(index_)};
}

void Clients::Client::want_new_name() {
  name_ = fashionable_name(world_.now());
  registered_ = false;
  password_ = password();
}

RequestBody Clients::Client::signed_out() {
  if (quarrels_ && random_.chance(20)) want_new_name();
  if (random_.chance(5)) return log_in(user(), password());
  if (random_.chance(5)) return request::Register{user(), password()};
  if (random_.chance(3)) return request::ListConversations{};
  if (!registered_) return request::Register{name_, password_};
  return log_in(name_, password_);
}

RequestBody Clients::Client::signed_in() {
  auto kind = random_.below(100);
  if (quarrels_ && random_.chance(10)) kind = 99;
  if (kind < 62) return write_something();
  if (kind < 94) return read_something();
  return rare_thing();
}

RequestBody Clients::Client::write_something() {
  const auto kind = random_.below(100);
  if (kind < 62) return request::Send{target(), text(), std::nullopt};
  if (kind < 66) {
    return request::Send{target(), text(), Original{"someone", TimeMs{{1'234'567'890'123}}}};
  }
  if (kind < 72) return request::CreateRoom{room()};
  if (kind < 84) return request::JoinRoom{room()};
  if (kind < 90) return request::LeaveRoom{room()};
  Target of = target();
  const auto seen = seen_.find(of.name);
  return request::MarkRead{std::move(of), seen == seen_.end() ? Cursor{} : seen->second};
}

RequestBody Clients::Client::read_something() {
  const auto kind = random_.below(100);
  if (kind < 50) {
    request::History page{target(), std::nullopt, random_.chance(30),
                          static_cast<std::uint32_t>(random_.between(1, 40))};
    const auto seen = seen_.find(page.of.name);
    if (seen != seen_.end() && random_.chance(50)) page.from = seen->second;
    return page;
  }
  if (kind < 60) return request::ListConversations{};
  if (kind < 65) return request::ListSessions{{}, limits::page_items_max};
  if (kind < 75) return request::ListMembers{room(), "", 100};
  if (kind < 85) return request::ListRooms{"*", "", 100};
  if (kind < 92) return request::SearchAccounts{"user*", "", 100};
  return request::Events{events_since_, 0, 50};
}

RequestBody Clients::Client::rare_thing() {
  const auto kind = random_.below(100);
  if (kind < 15 && other_session_) return request::EndSession{*other_session_};
  if (kind < 30) return request::LogOut{};
  if (kind < 40) return request::LogOutAll{};
  if (kind < 65) return request::ChangePassword{password_, password()};
  if (kind < 70) return request::ChangePassword{password(), password()};
  if (kind < 80) return request::DeleteAccount{password()};
  return log_in(user(), password());
}

Request Clients::Client::next_event_request() {
  // Without a place to start from the answer is wanted at once: it says where now is.
  const std::uint32_t wait = events_since_ ? limits::wait_ms_max : 0;
  return request_for(request::Events{events_since_, wait, 50});
}

}  // namespace chat262::test

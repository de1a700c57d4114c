#include "chat262/client.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "client/caller.hpp"
#include "client/convert.hpp"
#include "client/subscription.hpp"
#include "protocol/limits.hpp"

namespace chat262::client {
namespace {

void fill_random(std::uint8_t* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t got = getrandom(bytes, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
    bytes += got;
    count -= static_cast<std::size_t>(got);
  }
}

ClientId client_id_from(const std::string& bytes) {
  if (bytes.size() != ClientId::size) {
    throw std::invalid_argument("a client id has 16 bytes, this one has " +
                                std::to_string(bytes.size()));
  }
  ClientId id;
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

std::string in_seconds(Milliseconds time) {
  const auto tenths = time.count() / 100;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + " s";
}

const Options& checked(const Options& options) {
  if (options.servers.empty()) throw std::invalid_argument("no servers are given");
  for (std::size_t i = 0; i < options.servers.size(); ++i) {
    if (options.servers[i].server != i) {
      throw std::invalid_argument("servers must be numbered 0, 1, 2, ... in leader order");
    }
  }
  return options;
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        context_(1),
        caller_(context_, checked(options_).servers, options_.poll, options_.on_progress, -1) {
    fill_random(client_.bytes.data(), client_.bytes.size());
  }

  template <class T, class Body, class Convert>
  Outcome<T> read(RequestBody body, Convert convert) {
    Request request = base(std::move(body));
    request.number = ++reads_;
    const auto result = caller_.call(request, options_.timeout);
    return outcome_of_read<T, Body>(result, convert,
                                    "no server answered within " + in_seconds(options_.timeout) +
                                        " (tried " + caller_.all_labels() + ")" +
                                        caller_.any_trouble());
  }

  template <class T, class Body, class Convert>
  Outcome<T> read_of(unsigned server, RequestBody body, Convert convert) {
    if (!caller_.knows(server)) {
      return Refused{"no_answer", "there is no server " + std::to_string(server), {}};
    }
    Request request = base(std::move(body));
    request.number = ++reads_;
    const Milliseconds wait = std::min(options_.poll, options_.timeout);
    const auto result = caller_.call_one(server, request, wait);
    return outcome_of_read<T, Body>(
        result, convert, caller_.label(server) + " does not answer" + caller_.trouble(server));
  }

  template <class T, class Body, class Convert>
  Outcome<T> write(RequestBody body, Convert convert) {
    Request request = base(std::move(body));
    request.client = client_;
    if (next_request_) {
      request.client = client_id_from(next_request_->client);
      request.number = next_request_->number;
      next_request_.reset();
    } else {
      request.number = next_number_++;
    }
    auto* login = std::get_if<request::LogIn>(&request.body);
    if (login != nullptr) choose_token(request, *login);
    const bool ends_session = std::holds_alternative<request::LogOut>(request.body) ||
                              std::holds_alternative<request::LogOutAll>(request.body);
    Caller::Result result = caller_.call(request, options_.timeout);
    // An older server takes no description, and says so before it does anything.
    if (login != nullptr && !login->client.empty() && result.reply &&
        result.reply->status == Status::malformed) {
      login->client.clear();
      result = caller_.call(request, options_.timeout);
    }
    if (result.reply) {
      if (const auto* value = std::get_if<Body>(&result.reply->body)) return convert(*value);
      // The session may have been ended by the first copy of this very request.
      if constexpr (std::is_same_v<T, Done>) {
        if (ends_session && result.perhaps_done && result.reply->status == Status::not_signed_in) {
          return Done{};
        }
      }
      return to_refused(*result.reply);
    }
    if (!result.perhaps_done) {
      if (result.excuse) return to_refused(*result.excuse);
      return Refused{"no_answer",
                     "no server could be reached within " + in_seconds(options_.timeout) +
                         " (tried " + caller_.all_labels() + "); nothing was done" +
                         caller_.any_trouble(),
                     {}};
    }
    return unknown(request, result);
  }

  void resume(const std::string& token) { token_ = to_bytes(token); }
  void forget_session() { token_.clear(); }
  void with_request(RequestId request) {
    client_id_from(request.client);  // throws if it is none
    next_request_ = std::move(request);
  }
  void use_client_id(const std::string& bytes, std::uint64_t next_number) {
    client_ = client_id_from(bytes);
    next_number_ = std::max<std::uint64_t>(next_number, 1);
  }
  void set_timeout(Milliseconds timeout) { options_.timeout = timeout; }

  [[nodiscard]] const std::string& description() const { return options_.description; }
  // The token of the latest log_in.
  [[nodiscard]] std::string login_token() const { return to_string_bytes(login_token_); }

  void subscribe(std::optional<chat262::Cursor> since, SubscriptionCallbacks callbacks) {
    if (token_.empty()) throw std::logic_error("subscribe() needs a session: log in first");
    subscription_.reset();
    subscription_.emplace(context_, options_, client_, token_, std::move(since),
                          std::move(callbacks));
  }
  void unsubscribe() { subscription_.reset(); }

 private:
  Request base(RequestBody body) {
    return Request{.client = client_, .number = 0, .token = token_, .body = std::move(body)};
  }

  template <class T, class Body, class Convert>
  Outcome<T> outcome_of_read(const Caller::Result& result, Convert convert, std::string silence) {
    if (result.reply) {
      if (const auto* value = std::get_if<Body>(&result.reply->body)) return convert(*value);
      return to_refused(*result.reply);
    }
    if (result.excuse && result.excuse->status != Status::not_leader) {
      return to_refused(*result.excuse);
    }
    return Refused{"no_answer", std::move(silence), {}};
  }

  // The client chooses a session's token, and asking again with the same request must choose the
  // same one: the servers keep the first.
  void choose_token(const Request& request, request::LogIn& login) {
    const RequestId id = {
        .client = to_string_bytes({request.client.bytes.begin(), request.client.bytes.end()}),
        .number = request.number};
    if (to_text(id) != login_request_) {
      login_token_.resize(limits::token_bytes);
      fill_random(login_token_.data(), login_token_.size());
      login_request_ = to_text(id);
    }
    login.token = login_token_;
  }

  Unknown unknown(const Request& request, const Caller::Result& result) {
    RequestId id{.client = std::string(request.client.bytes.begin(), request.client.bytes.end()),
                 .number = request.number};
    std::string text = "no server answered within " + in_seconds(options_.timeout) +
                       ": it may or may not have been done";
    if (result.excuse) text += " (last answer: " + to_refused(*result.excuse).text + ")";
    return Unknown{.request = std::move(id), .text = std::move(text)};
  }

  Options options_;
  zmq::context_t context_;
  Caller caller_;
  ClientId client_{};
  std::uint64_t next_number_ = 1;
  std::uint64_t reads_ = 0;
  std::optional<RequestId> next_request_;
  Bytes token_;
  std::string login_request_;  // the request id, as text, that login_token_ belongs to
  Bytes login_token_;
  std::optional<Subscription> subscription_;  // last: it uses the context
};

namespace {

constexpr auto done = [](const reply::Done&) { return Done{}; };

Accounts accounts_from(const std::vector<chat262::Account>& accounts, bool more) {
  Accounts shown{.accounts = {}, .more = more};
  for (const auto& account : accounts)
    shown.accounts.push_back({id_text(account.id), account.name});
  return shown;
}

std::optional<chat262::Cursor> cursor_from(const std::optional<Cursor>& cursor) {
  if (!cursor) return std::nullopt;
  return to_bytes(*cursor);
}

}  // namespace

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Outcome<ServerInfo> Client::hello() {
  return impl_->read<ServerInfo, reply::Hello>(
      request::Hello{}, [](const reply::Hello& hello) { return to_public(hello); });
}

Outcome<ServerInfo> Client::hello(unsigned server) {
  return impl_->read_of<ServerInfo, reply::Hello>(
      server, request::Hello{}, [](const reply::Hello& hello) { return to_public(hello); });
}

Outcome<ServerStatus> Client::status(unsigned server) {
  return impl_->read_of<ServerStatus, reply::ServerStatus>(
      server, request::Status{},
      [](const reply::ServerStatus& status) { return to_public(status); });
}

Outcome<IdText> Client::register_account(const std::string& name, const std::string& password,
                                         const std::string& invitation) {
  return impl_->write<IdText, reply::Registered>(
      request::Register{.name = name, .password = password, .invitation = invitation},
      [](const reply::Registered& registered) { return id_text(registered.account); });
}

Outcome<LoggedIn> Client::log_in(const std::string& name, const std::string& password) {
  auto outcome = impl_->write<LoggedIn, reply::LoggedIn>(
      request::LogIn{
          .name = name, .password = password, .token = {}, .client = impl_->description()},
      [this](const reply::LoggedIn& in) {
        return LoggedIn{.account = id_text(in.account),
                        .name = in.name,
                        .expires_ms = in.expires.value,
                        .now = to_string_bytes(in.now),
                        .token = impl_->login_token()};
      });
  if (outcome.done()) resume(outcome.value().token);
  return outcome;
}

void Client::resume(const std::string& token) {
  impl_->resume(token);
}

Outcome<Done> Client::log_out() {
  auto outcome = impl_->write<Done, reply::Done>(request::LogOut{}, done);
  if (outcome.done()) impl_->forget_session();
  return outcome;
}

Outcome<Done> Client::log_out_everywhere() {
  auto outcome = impl_->write<Done, reply::Done>(request::LogOutAll{}, done);
  if (outcome.done()) impl_->forget_session();
  return outcome;
}

Outcome<Done> Client::change_password(const std::string& old_password,
                                      const std::string& new_password) {
  return impl_->write<Done, reply::Done>(
      request::ChangePassword{.old_password = old_password, .new_password = new_password}, done);
}

Outcome<Done> Client::delete_account(const std::string& password) {
  auto outcome =
      impl_->write<Done, reply::Done>(request::DeleteAccount{.password = password}, done);
  if (outcome.done()) impl_->forget_session();
  return outcome;
}

Outcome<Done> Client::reset_password(const std::string& name, const std::string& code,
                                     const std::string& new_password) {
  return impl_->write<Done, reply::Done>(
      request::ResetPassword{.name = name, .reset_code = code, .new_password = new_password}, done);
}

Outcome<Sessions> Client::list_sessions(const IdText& after, unsigned limit) {
  return impl_->read<Sessions, reply::Sessions>(
      request::ListSessions{.after = to_bytes(unhex(after).value_or("")), .limit = limit},
      [](const reply::Sessions& page) {
        Sessions shown{.sessions = {}, .more = page.more};
        for (const auto& one : page.sessions) {
          shown.sessions.push_back({id_text(one.id), one.created.value, one.expires.value,
                                    one.address, one.client, one.current});
        }
        return shown;
      });
}

Outcome<Done> Client::end_session(const IdText& session) {
  const auto bytes = unhex(session);
  if (!bytes || bytes->size() != SessionId::size) {
    return Refused{"bad_argument", "a session's id has 32 hexadecimal digits", {}, 0};
  }
  request::EndSession end;
  std::copy(bytes->begin(), bytes->end(), end.session.bytes.begin());
  return impl_->write<Done, reply::Done>(end, done);
}

Outcome<Accounts> Client::search_accounts(const std::string& pattern, const std::string& after,
                                          unsigned limit) {
  return impl_->read<Accounts, reply::Accounts>(
      request::SearchAccounts{.pattern = pattern, .after = after, .limit = limit},
      [](const reply::Accounts& page) { return accounts_from(page.accounts, page.more); });
}

Outcome<IdText> Client::create_room(const std::string& name) {
  return impl_->write<IdText, reply::RoomDone>(
      request::CreateRoom{.name = name},
      [](const reply::RoomDone& made) { return id_text(made.room); });
}

Outcome<IdText> Client::join_room(const std::string& name) {
  return impl_->write<IdText, reply::RoomDone>(
      request::JoinRoom{.name = name},
      [](const reply::RoomDone& joined) { return id_text(joined.room); });
}

Outcome<Done> Client::leave_room(const std::string& name) {
  return impl_->write<Done, reply::Done>(request::LeaveRoom{.name = name}, done);
}

Outcome<Rooms> Client::list_rooms(const std::string& pattern, const std::string& after,
                                  unsigned limit) {
  return impl_->read<Rooms, reply::Rooms>(
      request::ListRooms{.pattern = pattern, .after = after, .limit = limit},
      [](const reply::Rooms& page) {
        Rooms shown{.rooms = {}, .more = page.more};
        for (const auto& room : page.rooms) {
          shown.rooms.push_back({id_text(room.id), room.name, room.members, room.joined});
        }
        return shown;
      });
}

Outcome<Accounts> Client::list_members(const std::string& room, const std::string& after,
                                       unsigned limit) {
  return impl_->read<Accounts, reply::Members>(
      request::ListMembers{.room = room, .after = after, .limit = limit},
      [](const reply::Members& page) { return accounts_from(page.members, page.more); });
}

Outcome<Sent> Client::send(const Target& to, const std::string& text,
                           const std::optional<Original>& original) {
  return impl_->write<Sent, reply::Sent>(
      request::Send{.to = to_protocol(to), .text = text, .original = to_protocol(original)},
      [](const reply::Sent& sent) {
        return Sent{id_text(sent.message), to_string_bytes(sent.at), sent.time.value};
      });
}

Outcome<Conversations> Client::list_conversations(const std::string& after, unsigned limit) {
  return impl_->read<Conversations, reply::Conversations>(
      request::ListConversations{.after = to_bytes(after), .limit = limit},
      [](const reply::Conversations& page) {
        Conversations shown{
            .conversations = {}, .next = to_string_bytes(page.next), .account = page.account};
        for (const auto& one : page.conversations) shown.conversations.push_back(to_public(one));
        return shown;
      });
}

Outcome<History> Client::history(const Target& of, const std::optional<Cursor>& from, bool newer,
                                 unsigned limit) {
  return impl_->read<History, reply::History>(
      request::History{
          .of = to_protocol(of), .from = cursor_from(from), .newer = newer, .limit = limit},
      [](const reply::History& page) {
        History shown{.messages = {}, .more = page.more};
        for (const auto& message : page.messages) shown.messages.push_back(to_public(message));
        return shown;
      });
}

Outcome<Events> Client::events(const std::optional<Cursor>& since, Milliseconds wait,
                               unsigned limit) {
  const auto wait_ms =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(wait.count(), 0, limits::wait_ms_max));
  return impl_->read<Events, reply::Events>(
      request::Events{.since = cursor_from(since), .wait_ms = wait_ms, .limit = limit},
      [](const reply::Events& page) {
        Events shown{.events = {}, .next = to_string_bytes(page.next)};
        for (const auto& event : page.events) shown.events.push_back(to_public(event));
        return shown;
      });
}

Outcome<Done> Client::mark_read(const Target& conversation, const Cursor& upto) {
  return impl_->write<Done, reply::Done>(
      request::MarkRead{.conversation = to_protocol(conversation), .upto = to_bytes(upto)}, done);
}

Client& Client::with_request(RequestId request) {
  impl_->with_request(std::move(request));
  return *this;
}

void Client::use_client_id(const std::string& sixteen_bytes, std::uint64_t next_number) {
  impl_->use_client_id(sixteen_bytes, next_number);
}

void Client::subscribe(std::optional<Cursor> since,
                       std::function<void(const Event&, const Cursor& next)> on_event,
                       std::function<void(const Progress&)> on_progress,
                       std::function<void(const Refused&)> on_end) {
  impl_->subscribe(cursor_from(since),
                   {std::move(on_event), std::move(on_progress), std::move(on_end)});
}

void Client::unsubscribe() {
  impl_->unsubscribe();
}

void Client::set_timeout(Milliseconds timeout) {
  impl_->set_timeout(timeout);
}

}  // namespace chat262::client

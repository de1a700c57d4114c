#include "broker/account_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "broker/server_limits.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::size_t asker_bytes_max = 64;

Refusal no_such_account() {
  return {Status::no_such_user, "there is no account of this name"};
}

std::optional<store::AccountRecord> find(const store::Tables& tables, const std::string& typed) {
  const auto name = fold(typed);
  return name ? tables.account_named(*name) : std::nullopt;
}

}  // namespace

bool is_account_request(const RequestBody& body) {
  return std::visit(
      [](const auto& request) {
        using Body = std::decay_t<decltype(request)>;
        return Body::code >= request::ListAccounts::code && Body::code <= request::Invite::code;
      },
      body);
}

void sign(RequestBody& body, ServerId asked) {
  std::visit(
      [asked](auto& request) {
        if constexpr (requires { request.by; }) {
          auto by = printable(request.by);
          if (by.size() > asker_bytes_max) by = "an operator";
          if (by.empty()) by = "an operator";
          request.by = fmt::format("{} at server {}", by, asked.value);
        }
      },
      body);
}

// ---- reading

reply::AccountState AccountDesk::state_of(const store::AccountRecord& account, TimeMs now) const {
  reply::AccountState state{account.id,        account.name,    account.created,
                            account.suspended, account.deleted, 0};
  for (const auto& session : tables_.sessions(account.id)) {
    if (session.record.expires > now) ++state.sessions;
  }
  return state;
}

ReplyBody AccountDesk::list(const request::ListAccounts& list, TimeMs now) const {
  reply::AccountStates page;
  const auto pattern = fold(list.pattern.empty() ? "*" : list.pattern);
  const auto after = fold(list.after);
  if (!pattern || !after) return page;
  const auto limit = std::clamp(list.limit, 1U, chat262::limits::page_items_max);
  std::string from = *after;
  for (unsigned round = 0; round < limits::name_scan_rounds_max; ++round) {
    const auto found =
        tables_.all_accounts(*pattern, from, limit - static_cast<unsigned>(page.accounts.size()));
    for (const auto& account : found.items) page.accounts.push_back(state_of(account, now));
    from = found.next;
    page.more = !from.empty();
    if (!page.more || page.accounts.size() >= limit) break;
  }
  return page;
}

std::optional<reply::AccountShown> AccountDesk::show(const std::string& name, TimeMs now) const {
  const auto account = find(tables_, name);
  if (!account) return std::nullopt;
  reply::AccountShown shown;
  shown.account = state_of(*account, now);
  shown.former_name = account->former_name;
  for (const auto& one : tables_.sessions(account->id)) {
    const auto& record = one.record;
    if (record.expires <= now || shown.sessions.size() >= chat262::limits::page_items_max) continue;
    shown.sessions.push_back({session_id(one.token_hash), record.created, record.expires,
                              record.address, record.client, false});
  }
  const auto reset = tables_.reset_code(account->id);
  if (reset && !reset->used && reset->expires > now) shown.reset_until = reset->expires;
  return shown;
}

// ---- writing

AccountDesk::Plan AccountDesk::plan_invitation(const request::Invite& invite, TimeMs time) const {
  if (invite.uses == 0 || invite.uses > chat262::limits::invitation_uses_max) {
    return Refusal{Status::bad_argument, fmt::format("an invitation is for 1 to {} accounts",
                                                     chat262::limits::invitation_uses_max)};
  }
  if (invite.days == 0 || invite.days > chat262::limits::invitation_days_max) {
    return Refusal{Status::bad_argument, fmt::format("an invitation is good for 1 to {} days",
                                                     chat262::limits::invitation_days_max)};
  }
  const TimeMs expires{{time.value + invite.days * day_ms}};
  return Planned{op::CreateInvitation{invite.code_hash, invite.uses, expires, invite.by},
                 reply::CodeMade{expires}};
}

AccountDesk::Plan AccountDesk::plan(const Request& request, TimeMs time) const {
  return std::visit(
      [&](const auto& body) -> Plan {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, request::Invite>) {
          return plan_invitation(body, time);
        } else if constexpr (requires { body.by; }) {
          const auto account = find(tables_, body.name);
          if (!account) return no_such_account();
          if (account->deleted) {
            return Refusal{Status::no_such_user, "this account has been deleted"};
          }
          if constexpr (std::is_same_v<Body, request::SuspendAccount>) {
            if (account->suspended == body.suspended) {
              return Refusal{Status::bad_argument,
                             body.suspended ? "it is suspended already" : "it is not suspended"};
            }
            return Planned{op::SuspendAccount{account->id, body.suspended, body.by}};
          } else if constexpr (std::is_same_v<Body, request::OfferReset>) {
            const TimeMs expires{{time.value + limits::reset_code_ms}};
            return Planned{op::OfferReset{account->id, body.code_hash, expires, body.by},
                           reply::CodeMade{expires}};
          } else if constexpr (std::is_same_v<Body, request::LogOutAccount>) {
            return Planned{op::CloseAllSessions{account->id, body.by}};
          } else {
            static_assert(std::is_same_v<Body, request::RemoveAccount>);
            return Planned{op::DeleteAccount{account->id, body.by}};
          }
        } else {
          return Refusal{Status::unknown_operation, status_text(Status::unknown_operation)};
        }
      },
      request.body);
}

void AccountDesk::write(std::uint64_t ticket, const Request& request, Planned planned, Now now) {
  Operation operation;
  operation.request = {request.client, request.number};
  operation.time = std::max(now.wall, tables_.applied_time());
  operation.fingerprint = fingerprint(request.body);
  operation.body = std::move(planned.operation);
  const auto deadline = clock_ms(now.steady.value + limits::account_wait_ms_max);
  waiting_.push_back({ticket, request.number, deadline, Seq{},
                      Write{operation.request, operation.fingerprint, std::move(planned.reply)}});
  if (tables_.request(operation.request)) return;  // asked again
  // Handle 0 is nobody's: what became of it is looked for in the tables.
  node_.step(replica::Submit{{{0, make_operation_entry(operation, {})}}}, now.steady);
}

void AccountDesk::ask(std::uint64_t ticket, const Request& request,
                      std::optional<ServerId> outdated, Now now) {
  const auto deadline = clock_ms(now.steady.value + limits::account_wait_ms_max);
  const auto time = std::max(now.wall, tables_.applied_time());
  const auto say = [&](Reply reply) {
    waiting_.push_back({ticket, request.number, deadline, tables_.applied(), std::move(reply)});
  };
  const auto refuse = [&](const Refusal& refusal) { say(refusal_reply(request.number, refusal)); };
  const auto routing = node_.routing(now.steady);
  const auto* serve = std::get_if<replica::Serve>(&routing);
  if (serve == nullptr) {
    refuse({Status::unavailable, "the leader does not serve yet: try again"});
  } else if (const auto* wanted = std::get_if<request::ListAccounts>(&request.body)) {
    say({Status::ok, request.number, list(*wanted, time)});
  } else if (const auto* one = std::get_if<request::ShowAccount>(&request.body)) {
    auto shown = show(one->name, time);
    if (shown) {
      say({Status::ok, request.number, std::move(*shown)});
    } else {
      refuse(no_such_account());
    }
  } else if (!serve->writes) {
    refuse({Status::unavailable, "the leader cannot write now: its disk is full"});
  } else if (request.number == 0 || request.client.empty()) {
    refuse({Status::malformed, "this needs a client id, and a number from 1 on"});
  } else if (outdated) {
    refuse({Status::unavailable,
            fmt::format("server {} runs an older version, which does not know of this: update it "
                        "first",
                        outdated->value)});
  } else if (tables_.request({request.client, request.number})) {
    auto again = plan(request, time);
    auto* planned = std::get_if<Planned>(&again);
    write(ticket, request, planned != nullptr ? std::move(*planned) : Planned{}, now);
  } else {
    auto planned = plan(request, time);
    if (const auto* refusal = std::get_if<Refusal>(&planned)) {
      refuse(*refusal);
    } else {
      write(ticket, request, std::move(std::get<Planned>(planned)), now);
    }
  }
}

// ---- answering

std::optional<Reply> AccountDesk::answer(const Waiting& waiting, bool leads, Now now) const {
  const auto refuse = [&](Status status, const std::string& text) {
    return refusal_reply(waiting.number, {status, text});
  };
  if (tables_.fault()) return refuse(Status::unavailable, damaged_tables_text);
  if (const auto* reply = std::get_if<Reply>(&waiting.what)) {
    if (leads && waiting.depends_on <= node_.committed()) return *reply;
    if (!leads) return refuse(Status::unavailable, "leadership was lost meanwhile: ask again");
  } else {
    const auto& write = std::get<Write>(waiting.what);
    const auto outcome = tables_.request(write.request);
    if (outcome && outcome->at.seq <= node_.committed()) {
      if (outcome->fingerprint != write.fingerprint) {
        return refuse(Status::request_reused, status_text(Status::request_reused));
      }
      if (outcome->status == Status::ok) return Reply{Status::ok, waiting.number, write.reply};
      const auto status =
          outcome->status == Status::not_signed_in ? Status::no_such_user : outcome->status;
      return refuse(status, status_text(status));
    }
    if (!leads) {
      return refuse(Status::unavailable,
                    "leadership was lost meanwhile: whether it was done is not known. Ask again");
    }
  }
  if (now.steady < waiting.deadline) return std::nullopt;
  return refuse(Status::unavailable,
                "it is not yet on the disks of all servers: whether it will be done is not known");
}

std::vector<std::pair<std::uint64_t, Reply>> AccountDesk::take_answers(Now now) {
  std::vector<std::pair<std::uint64_t, Reply>> answers;
  if (waiting_.empty()) return answers;
  const bool leads = node_.summary(now.steady).role == peer::Role::leader;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    auto reply = answer(waiting, leads, now);
    if (reply) answers.emplace_back(waiting.ticket, std::move(*reply));
    return reply.has_value();
  });
  return answers;
}

std::optional<replica::Clock> AccountDesk::next_deadline() const {
  std::optional<replica::Clock> next;
  for (const auto& waiting : waiting_) {
    if (!next || waiting.deadline < *next) next = waiting.deadline;
  }
  return next;
}

}  // namespace chat262::broker

// A sequence of requests, faults and steps of time against a whole server (chat_server.hpp).
//
// Held against it: every request is answered once, in a form that clients can read; a request that
// nothing disturbs is answered as the reference chat of the simulation would answer it; what was
// answered "ok" is in the log; in the end a second set of tables, made from the log alone, is the
// same, and says what the reference says.
#include "test/fuzz/chat_server.hpp"

#include "protocol/limits.hpp"
#include "protocol/names.hpp"
#include "test/fuzz/fuzz.hpp"
#include "test/fuzz/request_maker.hpp"
#include "test/simulation/answers.hpp"
#include "test/simulation/final_reads.hpp"
#include "test/simulation/reference_chat.hpp"
#include "test/support/violation.hpp"

using namespace chat262;
using fuzz::check;

namespace {

// What is wrong with a request whatever the state of the chat is.
std::vector<Status> faults_of(const Request& request) {
  std::vector<Status> faults;
  const auto fault_if = [&faults](bool wrong, Status status) {
    if (wrong) faults.push_back(status);
  };
  const auto too_long = [](const std::string& password) {
    return password.size() > limits::password_bytes_max;
  };
  if (const auto* account = std::get_if<request::Register>(&request.body)) {
    fault_if(!parse_name(account->name), Status::bad_name);
    fault_if(!check_password(account->password), Status::bad_password);
  } else if (const auto* log_in = std::get_if<request::LogIn>(&request.body)) {
    fault_if(log_in->token.size() != limits::token_bytes, Status::bad_argument);
    fault_if(too_long(log_in->password), Status::wrong_credentials);
    fault_if(true, Status::too_many);  // after too many wrong passwords
  } else if (const auto* reset = std::get_if<request::ResetPassword>(&request.body)) {
    fault_if(!check_password(reset->new_password), Status::bad_password);
    fault_if(true, Status::wrong_credentials);
    fault_if(true, Status::too_many);
  } else if (const auto* change = std::get_if<request::ChangePassword>(&request.body)) {
    fault_if(too_long(change->old_password), Status::wrong_credentials);
    fault_if(!check_password(change->new_password), Status::bad_password);
  } else if (const auto* room = std::get_if<request::CreateRoom>(&request.body)) {
    fault_if(!parse_name(room->name), Status::bad_name);
  } else if (const auto* send = std::get_if<request::Send>(&request.body)) {
    fault_if(!check_text(send->text), Status::bad_text);
    fault_if(send->original && (!check_text(send->original->author) ||
                                send->original->author.size() > limits::author_bytes_max),
             Status::bad_argument);
  } else if (const auto* page = std::get_if<request::History>(&request.body)) {
    fault_if(page->from && !read_cursor(*page->from), Status::bad_cursor);
  } else if (const auto* sessions = std::get_if<request::ListSessions>(&request.body)) {
    fault_if(!sessions->after.empty() && sessions->after.size() != SessionId::size,
             Status::bad_argument);
  } else if (const auto* events = std::get_if<request::Events>(&request.body)) {
    fault_if(events->since && !read_cursor(*events->since), Status::bad_cursor);
  }
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { body.pattern; }) {
          fault_if(body.pattern.size() > limits::pattern_bytes_max, Status::bad_argument);
        }
      },
      request.body);
  return faults;
}

// As the reference chat takes it: names folded, limits within their bounds.
Request in_plain_form(Request request) {
  const auto folded = [](std::string& name) { name = fold(name).value_or(""); };
  std::visit(
      [&](auto& body) {
        if constexpr (requires { body.name; }) folded(body.name);
        if constexpr (requires { body.room; }) folded(body.room);
        if constexpr (requires { body.to.kind; }) folded(body.to.name);
        if constexpr (requires { body.of.kind; }) folded(body.of.name);
        if constexpr (requires { body.conversation.kind; }) folded(body.conversation.name);
        if constexpr (requires { body.limit; }) {
          body.limit = std::clamp(body.limit, 1U, limits::page_items_max);
        }
      },
      request.body);
  return request;
}

// The reference chat lists everything.
bool asks_for_all(const RequestBody& body) {
  constexpr std::uint32_t more_than_there_is = 64;
  return std::visit(
      [](const auto& list) {
        bool all = true;
        if constexpr (requires { list.pattern; }) all = list.pattern == "*" || list.pattern.empty();
        if constexpr (requires {
                        list.after;
                        list.limit;
                      }) {
          all = all && list.after.empty() && list.limit >= more_than_there_is;
        }
        return all;
      },
      body);
}

class Run {
 public:
  Run(fuzz::LastingTables& tables, ByteView input) : server_(tables), choices_(input) {}

  void play() {
    check(server_.comes_to_serve(), "a server alone serves");
    if (!choices_.flip()) {
      for (const Request& request : maker_.prologue()) ask_alone(request);
    }
    while (!choices_.empty()) step();
    server_.set_frozen(false);
    server_.set_full(false);
    server_.work();
    constexpr std::int64_t longest_wait_ms = 5000;
    server_.pass(longest_wait_ms);
    check(server_.all_answered(), "every request is answered");
    check(server_.comes_to_serve(), "a server serves again when its faults are over");
    server_.work();
    check(server_.at_rest(), "a server comes to rest");
    check_writes();
  }

  [[nodiscard]] const fuzz::ChatServer& server() const { return server_; }

 private:
  void step() {
    constexpr std::size_t kinds = 32;
    switch (choices_.below(kinds)) {
      case 0:
        server_.ask(maker_.make(choices_));
        break;
      case 1:
        server_.work();
        break;
      case 2:
        server_.pass(choices_.byte());
        break;
      case 3:
        server_.pass(20 * std::int64_t{choices_.byte()});
        break;
      case 4:
        server_.jump_wall_clock((std::int64_t{choices_.byte()} - 1) * 7 * 24 * 3600 * 1000);
        clock_jumped_ = true;  // sessions may end
        break;
      case 5:
        server_.set_frozen(choices_.flip());
        break;
      case 6:
        server_.set_full(choices_.flip());
        break;
      case 7:
        server_.seal_tables();
        break;
      case 8:
        server_.write_tables();
        break;
      case 9:
        server_.check_tables();
        break;
      case 10:
        server_.restart(choices_.flip(), choices_.below(8));
        break;
      default:
        ask_alone(maker_.make(choices_));
    }
    remember_cursors();
  }

  // A request that nothing disturbs.
  void ask_alone(const Request& request) {
    if (server_.healthy()) {
      server_.work();
      if (!server_.all_answered()) server_.pass(limits::wait_ms_max);
      check(server_.comes_to_serve(), "a healthy server serves");
      server_.work();
    }
    const bool alone = server_.healthy() && server_.at_rest();
    if (alone) follow_log();
    const std::size_t number = server_.ask(request);
    server_.work();
    if (!alone || clock_jumped_) return;
    const auto& reply = server_.asked(number).reply;
    if (std::holds_alternative<request::Events>(request.body) && !reply) return;  // it waits
    check(reply.has_value(), "a request that nothing disturbs is answered");
    if (is_write(request.body)) {
      check_write(request, *reply);
    } else if (fuzz::reads_chat(request.body)) {
      check_read(request, *reply);
    } else {
      check(is_operator_request(request.body) == (reply->status == Status::no_permission),
            "operators ask elsewhere");
    }
  }

  // The reference chat learns what has come into the log.
  void follow_log() {
    const auto& log = server_.log();
    for (; followed_ < log.size(); ++followed_) chat_.apply(log[followed_]);
  }

  static void tell(const Request& request, Status found, Status expected) {
    std::fprintf(stderr, "fuzz: alternative %zu of RequestBody: %s, expected %s\n",
                 request.body.index(), status_name(found), status_name(expected));
  }

  void check_write(const Request& request, const Reply& reply) {
    const RequestId id{request.client, request.number};
    if (id.client.empty() || id.number == 0) {
      check(reply.status == Status::malformed, "a write has a name");
      return;
    }
    if (chat_.outcome(id) == nullptr) {
      const Status refusal = chat_.refusal(in_plain_form(request));
      const auto faults = faults_of(request);
      const bool refused = refusal != Status::ok || !faults.empty();
      follow_log();
      if (chat_.outcome(id) == nullptr) {
        const bool why = (refusal != Status::ok && reply.status == refusal) ||
                         std::find(faults.begin(), faults.end(), reply.status) != faults.end();
        if (!refused || !why) tell(request, reply.status, refusal);
        check(refused && why, "a write is refused for a reason");
        return;
      }
      const bool login = std::holds_alternative<request::LogIn>(request.body);
      check(!refused || (login && refusal == Status::ok && faults.size() == 1),
            "what is to be refused does not come into the log");
    }
    check(test::same_answer(chat_.reply_to_write(request), reply),
          "a write is answered as the reference answers it");
  }

  void check_read(const Request& request, const Reply& reply) {
    const Reply expected = chat_.reply_to_read(in_plain_form(request));
    const auto faults = faults_of(request);
    if (!faults.empty()) {
      check(reply.status == faults.front() || reply.status == expected.status,
            "a read is refused for a reason");
      check(reply.status != Status::ok, "a read that asks for nonsense is refused");
      return;
    }
    if (reply.status != expected.status) tell(request, reply.status, expected.status);
    check(reply.status == expected.status, "a read is answered or refused as by the reference");
    if (asks_for_all(request.body)) {
      check(test::same_answer(expected, reply), "a read is answered as the reference answers it");
    }
  }

  void check_writes() {
    follow_log();
    for (std::size_t i = 0; i < server_.asked_count(); ++i) {
      const auto& asked = server_.asked(i);
      if (!asked.reply || !is_write(asked.request.body)) continue;
      const bool known = chat_.outcome({asked.request.client, asked.request.number}) != nullptr;
      check(known || asked.reply->status != Status::ok, "what was done is in the log");
      if (known && asked.reply->status == Status::ok) {
        check(test::same_answer(chat_.reply_to_write(asked.request), *asked.reply),
              "what a client was told is what was done");
      }
    }
  }

  void remember_cursors() {
    for (; seen_ < server_.asked_count() && server_.asked(seen_).reply; ++seen_) {
      const auto& body = server_.asked(seen_).reply->body;
      if (const auto* sent = std::get_if<reply::Sent>(&body)) maker_.remember(sent->at);
      if (const auto* in = std::get_if<reply::LoggedIn>(&body)) maker_.remember(in->now);
      if (const auto* events = std::get_if<reply::Events>(&body)) maker_.remember(events->next);
      if (const auto* page = std::get_if<reply::Conversations>(&body)) maker_.remember(page->next);
    }
  }

  fuzz::ChatServer server_;
  fuzz::Choices choices_;
  fuzz::RequestMaker maker_;
  test::ReferenceChat chat_;
  std::size_t followed_ = 0;  // of the log
  std::size_t seen_ = 0;      // replies whose cursors are remembered
  bool clock_jumped_ = false;
};

void check_second_tables(const fuzz::ChatServer& server) {
  static fuzz::LastingTables lasting;
  store::Tables& tables = lasting.fresh();
  for (const Entry& entry : server.log()) {
    check(tables.apply(entry).has_value(), "an entry can be applied");
  }
  check(tables.digest() == server.tables().digest(), "the same log gives the same tables");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::LastingTables lasting;
  try {
    Run run(lasting, ByteView(data, size));
    run.play();
    check_second_tables(run.server());
    test::check_final_reads(run.server().tables(), run.server().log());
  } catch (const test::Violation& violation) {
    check(false, violation.what());
  }
  return 0;
}

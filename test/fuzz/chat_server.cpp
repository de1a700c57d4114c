#include "test/fuzz/chat_server.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/fuzz/fuzz.hpp"
#include "test/support/world.hpp"

namespace chat262::fuzz {

using replica::clock_ms;

// Opened at once: the store keeps a list of what is open that must be older than this.
LastingTables::LastingTables() {
  test::Disk empty;
  const test::SimulatedLog log(empty, {}, 0);
  reopened(log);
}

store::Tables& LastingTables::fresh() {
  check(tables_->revert_to(Seq{}).has_value(), "tables can be emptied");
  check(tables_->applied() == Seq{}, "emptied tables are empty");
  return *tables_;
}

store::Tables& LastingTables::reopened(const store::Log& log) {
  tables_.reset();
  auto opened = store::Tables::open({.directory = directory_.path()}, log);
  check(opened.has_value(), "tables can be opened");
  tables_ = std::move(*opened);
  return *tables_;
}

ChatServer::ChatServer(LastingTables& tables) : lasting_(tables) {
  cluster_.id.bytes[0] = 1;
  cluster_.servers.push_back({server_id(0), "127.0.0.1"});
  open_log(0);
  open(lasting_.fresh());
}

ChatServer::~ChatServer() = default;

void ChatServer::open_log(std::uint64_t more) {
  auto& incarnation = disk_.content.incarnation;
  ++incarnation.counter;
  ++incarnation.nonce;
  log_ =
      std::make_unique<test::SimulatedLog>(disk_, store::Identity{cluster_.id, server_id(0)}, more);
}

void ChatServer::open(store::Tables& tables) {
  tables_ = &tables;
  replica::Config config;
  config.self = server_id(0);
  config.servers = 1;
  broker::NodeHost& host = *this;
  node_ = std::make_unique<broker::Node>(config, *log_, tables, host, clock_ms(now_ms_));
  service_ =
      std::make_unique<broker::Service>(cluster_, server_id(0), *node_, tables, *this, *this);
  node_->step(replica::Tick{}, clock_ms(now_ms_));
  turn();
}

void ChatServer::restart(bool lands, std::uint64_t more) {
  if (lands && disk_.busy()) static_cast<void>(disk_.complete(disk_time(), "the server"));
  service_.reset();
  node_.reset();
  disk_.forget_queue();
  disk_.frozen = false;
  reads_.clear();
  jobs_.clear();
  sealed_ = false;
  first_of_life_ = asked_.size();
  open_log(more);
  open(lasting_.reopened(*log_));
  if (disk_.full) set_full(true);
}

// ---- clients

bool reads_chat(const RequestBody& body) {
  return !is_write(body) && !is_operator_request(body) &&
         !std::holds_alternative<request::Hello>(body) &&
         !std::holds_alternative<request::Status>(body);
}

std::size_t ChatServer::ask(const Request& request) {
  asked_.push_back({request, std::nullopt});
  service_->request({{asked_.size() - 1}}, Request(request), now());
  const auto& reply = asked_.back().reply;
  if (reply && reply->status == Status::ok && reads_chat(request.body)) {
    check(tables_->applied() <= node_->committed(), "nobody is told what might be undone");
  }
  return asked_.size() - 1;
}

void ChatServer::reply(broker::ReplyTo to, const Reply& reply) {
  check(to.value >= first_of_life_ && to.value < asked_.size(), "a reply is to a request");
  Asked& asked = asked_[to.value];
  check(!asked.reply, "a request is answered once");
  check(reply.number == asked.request.number, "a reply has its request's number");
  const Bytes frame = encode_reply(reply);
  check(frame.size() <= limits::reply_frame_bytes_max, "no reply is over the limit");
  const auto read = decode_reply(frame, asked.request.body);
  check(read && *read == reply, "a reply can be read");
  asked.reply = reply;
}

bool ChatServer::all_answered() const {
  return std::all_of(asked_.begin() + static_cast<std::ptrdiff_t>(first_of_life_), asked_.end(),
                     [](const Asked& asked) { return asked.reply.has_value(); });
}

bool ChatServer::start(broker::PasswordJob job) {
  jobs_.push_back(std::move(job));
  return true;
}

// ---- turns

broker::Now ChatServer::now() const {
  return {clock_ms(now_ms_), TimeMs{{wall_ms_}}};
}

void ChatServer::turn() {
  service_->finish_turn(now());
  node_->look_after_tables(clock_ms(now_ms_));
  while (node_->catching_up()) node_->catch_up(clock_ms(now_ms_));
  check(!node_->fault(), "log and tables can be read");
}

bool ChatServer::hash_password() {
  if (jobs_.empty()) return false;
  const auto job = std::move(jobs_.front());
  jobs_.pop_front();
  const bool verified = !job.verify || test::cheap_hash(job.password) == job.hash;
  const auto made = verified && job.make ? test::cheap_hash(job.new_password) : std::string();
  service_->password_done(job.id, verified, made, now());
  return true;
}

void ChatServer::persist(replica::Persist write) {
  disk_.issue(std::move(write), disk_time());
}

bool ChatServer::write_disk() {
  if (disk_.due() > disk_time()) return false;
  const auto events = disk_.complete(disk_time(), "the server");
  if (events.persisted) {
    node_->step(replica::Persisted{*events.persisted}, clock_ms(now_ms_));
  }
  if (events.failed) {
    disk_.failure_known();
    node_->step(replica::PersistFailed{*events.failed}, clock_ms(now_ms_));
    node_->step(replica::DiskRoom{true}, clock_ms(now_ms_));
  }
  return true;
}

bool ChatServer::answer_read() {
  if (reads_.empty()) return false;
  const auto range = reads_.front();
  reads_.pop_front();
  auto entries = log_->read(range.from, range.to, range.bytes_max);
  node_->step(replica::LogRead{range.id, entries ? std::move(*entries) : std::vector<Entry>()},
              clock_ms(now_ms_));
  return true;
}

void ChatServer::work() {
  constexpr int rounds_max = 10'000;
  turn();
  for (int round = 0; round < rounds_max; ++round) {
    if (disk_.due() != test::never && disk_.due() > disk_time()) {
      pass((disk_.due() - disk_time() + test::milliseconds - 1) / test::milliseconds);
    }
    const bool hashed = hash_password();
    const bool written = write_disk();
    const bool read = answer_read();
    turn();
    if (!hashed && !written && !read) return;
  }
  check(false, "a server comes to rest");
}

void ChatServer::pass(std::int64_t ms) {
  constexpr std::int64_t tick_ms = 50;
  for (std::int64_t left = ms; left > 0;) {
    const std::int64_t step = std::min(left, tick_ms);
    left -= step;
    now_ms_ += step;
    wall_ms_ += step;
    node_->step(replica::Tick{}, clock_ms(now_ms_));
    hash_password();
    write_disk();
    answer_read();
    turn();
  }
}

bool ChatServer::serves() const {
  const auto routing = node_->routing(clock_ms(now_ms_));
  const auto* serve = std::get_if<replica::Serve>(&routing);
  return serve != nullptr && serve->writes;
}

bool ChatServer::comes_to_serve() {
  constexpr int tries = 400;
  for (int i = 0; i < tries; ++i) {
    if (serves()) return true;
    node_->step(replica::ClientAsked{}, clock_ms(now_ms_));
    pass(50);
  }
  return serves();
}

bool ChatServer::at_rest() const {
  return serves() && all_answered() && !disk_.busy() && jobs_.empty() && reads_.empty() &&
         service_->requests_waiting() == 0 && node_->committed() == disk_.content.log.last() &&
         tables_->applied() == node_->committed();
}

// ---- disk and tables

void ChatServer::set_frozen(bool frozen) {
  if (frozen) {
    disk_.frozen = true;
  } else {
    disk_.thaw(disk_time());
  }
}

void ChatServer::set_full(bool full) {
  disk_.full = full;
  node_->step(replica::DiskRoom{full}, clock_ms(now_ms_));
  turn();
}

void ChatServer::seal_tables() {
  if (sealed_) return;
  sealed_ = tables_->seal(std::min(node_->committed(), tables_->applied()));
}

void ChatServer::write_tables() {
  if (!sealed_) return;
  const auto written = tables_->write_behind(*log_);
  check(written || (disk_.full && written.error().code == Errc::disk_full),
        "tables can be written where there is room");
  tables_->settle();
  sealed_ = false;
}

void ChatServer::check_tables() {
  constexpr std::size_t page_bytes = 4096;
  std::string from;
  do {
    auto next = tables_->check(from, page_bytes);
    check(next.has_value(), "tables are whole");
    check(next->empty() || *next > from, "a check moves on");
    from = std::move(*next);
  } while (!from.empty());
}

}  // namespace chat262::fuzz

#include "test/unit/broker/server.hpp"

#include <sodium.h>
#include <stdlib.h>

#include <stdexcept>

#include "test/support/catch.hpp"

namespace chat262::broker::test {

using replica::clock_ms;

TempDirectory::TempDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "chat262-broker-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Server::Server(const std::filesystem::path& directory, unsigned servers, const ClusterConfig& rules)
    : cluster_(rules) {
  REQUIRE(sodium_init() >= 0);
  cluster_.id.bytes[0] = 1;
  for (unsigned id = 0; id < servers; ++id) {
    cluster_.servers.push_back({server_id(id), "127.0.0." + std::to_string(id + 1)});
  }
  store::LogOptions options;
  options.directory = directory;
  options.identity = {cluster_.id, server_id(0)};
  options.incarnation_nonce = randombytes_random();
  auto log = store::Log::open(options);
  if (!log) FAIL(log.error().text);
  log_ = std::move(*log);
  store::TablesOptions tables_options;
  tables_options.directory = directory;
  auto tables = store::Tables::open(tables_options, *log_);
  if (!tables) FAIL(tables.error().text);
  tables_ = std::move(*tables);
  replica::Config config;
  config.self = server_id(0);
  config.servers = servers;
  NodeHost& host = *this;
  node_ = std::make_unique<Node>(config, *log_, *tables_, host, now_.steady);
  service_ = std::make_unique<Service>(cluster_, server_id(0), *node_, *tables_, *this, *this);
}

Server::~Server() = default;

void Server::pass(std::int64_t ms) {
  for (std::int64_t passed = 0; passed < ms; passed += 10) {
    now_.steady = clock_ms(now_.steady.value + 10);
    now_.wall = TimeMs{{now_.wall.value + 10}};
    node_->step(replica::Tick{}, now_.steady);
    work();
  }
}

void Server::work() {
  service_->finish_turn(now_);
  bool busy = true;
  while (busy) {
    busy = false;
    if (!jobs_.empty()) {
      busy = true;
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      const auto result = carry_out(job, cluster_.password);
      service_->password_done(job.id, result.verified, result.hash, now_);
    }
    if (!writes_.empty() && !hold_disk_) {
      busy = true;
      auto write = std::move(writes_.front());
      writes_.pop_front();
      if (fail_write_) {
        fail_write_ = false;
        node_->step(replica::DiskRoom{true}, now_.steady);
        writes_.clear();  // what was issued until the core hears of the failure fails too
        node_->step(replica::PersistFailed{write.id}, now_.steady);
      } else {
        const store::LogWrite log_write{write.promised, write.identity, write.cut_after,
                                        std::move(write.entries), write.commit};
        const auto written = log_->write({&log_write, 1});
        if (!written) FAIL(written.error().text);
        node_->step(replica::Persisted{write.id}, now_.steady);
      }
    }
    if (!reads_.empty()) {
      busy = true;
      const auto range = reads_.front();
      reads_.pop_front();
      auto entries = log_->read(range.from, range.to, range.bytes_max);
      node_->step(replica::LogRead{range.id, entries ? std::move(*entries) : std::vector<Entry>()},
                  now_.steady);
    }
    while (!probes_.empty()) {
      busy = true;
      const auto peer = probes_.front();
      probes_.pop_front();
      node_->step(replica::ProbeResult{peer, true}, now_.steady);
    }
    if (node_->catching_up()) {
      busy = true;
      node_->catch_up(now_.steady);
    }
    if (node_->fault()) FAIL(node_->fault()->text);
    service_->finish_turn(now_);
  }
}

void Server::set_disk_full(bool full) {
  node_->step(replica::DiskRoom{full}, now_.steady);
  work();
}

void Server::write_tables() {
  REQUIRE(tables_->seal(node_->committed()));
  const auto written = tables_->write_behind(*log_);
  if (!written) FAIL(written.error().text);
  tables_->settle();
}

void Server::reply(ReplyTo to, const Reply& reply) {
  const bool first = replies_.emplace(to, reply).second;
  REQUIRE(first);  // exactly one reply for every request
}

bool Server::start(PasswordJob job) {
  if (jobs_.size() >= password_queue_max) return false;
  jobs_.push_back(std::move(job));
  return true;
}

ReplyTo Server::ask(const Request& request) {
  const ReplyTo to{{next_ask_++}};
  service_->request(to, Request(request), now_);
  return to;
}

const Reply* Server::reply_to(ReplyTo to) const {
  const auto place = replies_.find(to);
  return place == replies_.end() ? nullptr : &place->second;
}

Reply Server::get(const Request& request) {
  const auto to = ask(request);
  work();
  const auto* reply = reply_to(to);
  if (reply == nullptr) {
    for (const auto& note : notes_) UNSCOPED_INFO(note);
  }
  REQUIRE(reply != nullptr);
  CHECK(reply->number == request.number);
  return *reply;
}

Client::Client(Server& server) : server_(server) {
  randombytes_buf(id.bytes.data(), id.bytes.size());
}

Request Client::make(RequestBody body, std::uint64_t number) {
  Request request;
  request.client = id;
  request.number = number != 0 ? number : is_write(body) ? ++number_ : 0;
  request.token = token;
  request.body = std::move(body);
  return request;
}

void Client::sign_up(const std::string& name, const std::string& password) {
  const auto registered = get(request::Register{name, password});
  INFO(error_text(registered));
  REQUIRE(registered.status == Status::ok);
  REQUIRE(log_in(name, password).status == Status::ok);
}

Reply Client::log_in(const std::string& name, const std::string& password) {
  Bytes fresh(32);
  randombytes_buf(fresh.data(), fresh.size());
  const auto reply = get(request::LogIn{name, password, fresh});
  if (reply.status == Status::ok) token = fresh;
  return reply;
}

}  // namespace chat262::broker::test

// One whole server without sockets and threads: the real store in a temporary directory, the real
// core (a cluster of one, or of more whose other servers are not there), node and service.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/service.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"

namespace chat262::broker::test {

class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Server final : private NodeHost, public Replies, public PasswordWorkers {
 public:
  // `rules`: what the cluster file says about accounts; the servers are put in.
  explicit Server(const std::filesystem::path& directory, unsigned servers = 1,
                  const ClusterConfig& rules = {});
  ~Server() override;

  // ---- time and disk

  void pass(std::int64_t ms);  // in ticks of 10 ms
  // Carries out the writes, reads and passwords that are under way.
  void work();
  // While true, writes stay under way.
  void hold_disk(bool hold) { hold_disk_ = hold; }
  void fail_next_write() { fail_write_ = true; }  // the disk is full then
  void set_disk_full(bool full);
  void write_tables();  // seals, writes and settles what is committed

  // ---- clients

  ReplyTo ask(const Request& request);  // without letting anything be done yet
  [[nodiscard]] const Reply* reply_to(ReplyTo to) const;
  // Asks, lets everything be done, and returns the reply; fails the test without one.
  Reply get(const Request& request);

  // ---- parts

  Node& node() { return *node_; }
  Service& service() { return *service_; }
  store::Tables& tables() { return *tables_; }
  store::Log& log() { return *log_; }
  [[nodiscard]] Now now() const { return now_; }
  ServiceLimits& limits() { return cluster_.limits; }
  [[nodiscard]] std::size_t jobs() const { return jobs_.size(); }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::vector<std::pair<ServerId, peer::Message>>& sent() const {
    return sent_;
  }
  void finish_turn() { service_->finish_turn(now_); }
  // Passwords wait in a queue of this length; 0 refuses every one.
  std::size_t password_queue_max = 1000;

 private:
  void send(ServerId to, peer::Message message) override {
    sent_.emplace_back(to, std::move(message));
  }
  void persist(replica::Persist write) override { writes_.push_back(std::move(write)); }
  void read_log(replica::ReadLog range) override { reads_.push_back(range); }
  void probe(ServerId peer) override { probes_.push_back(peer); }
  void note(replica::NoteLevel /*level*/, const std::string& text) override {
    notes_.push_back(text);
  }
  void reply(ReplyTo to, const Reply& reply) override;
  [[nodiscard]] bool start(PasswordJob job) override;

  ClusterConfig cluster_;
  std::unique_ptr<store::Log> log_;
  std::unique_ptr<store::Tables> tables_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<Service> service_;
  Now now_{replica::clock_ms(1'000'000), TimeMs{{1'700'000'000'000}}};
  bool hold_disk_ = false;
  bool fail_write_ = false;
  std::deque<replica::Persist> writes_;
  std::deque<replica::ReadLog> reads_;
  std::deque<ServerId> probes_;
  std::deque<PasswordJob> jobs_;
  std::vector<std::string> notes_;
  std::vector<std::pair<ServerId, peer::Message>> sent_;
  std::map<ReplyTo, Reply> replies_;
  std::uint64_t next_ask_ = 1;
};

// A client of such a server: numbers its writes and keeps its session.
class Client {
 public:
  explicit Client(Server& server);

  [[nodiscard]] Request make(RequestBody body, std::uint64_t number = 0);
  Reply get(RequestBody body) { return server_.get(make(std::move(body))); }
  ReplyTo ask(RequestBody body) { return server_.ask(make(std::move(body))); }
  // Registers, logs in; fails the test if refused.
  void sign_up(const std::string& name, const std::string& password = "a long password");
  Reply log_in(const std::string& name, const std::string& password);

  [[nodiscard]] std::uint64_t last_number() const { return number_; }
  ClientId id{};
  Bytes token;

 private:
  Server& server_;
  std::uint64_t number_ = 0;
};

template <class T>
const T& body_of(const Reply& reply) {
  return std::get<T>(reply.body);
}
[[nodiscard]] inline std::string error_text(const Reply& reply) {
  const auto* error = std::get_if<reply::ErrorBody>(&reply.body);
  return error != nullptr ? error->text : "";
}
[[nodiscard]] inline Target user(const std::string& name) {
  return {TargetKind::user, name};
}
[[nodiscard]] inline Target room(const std::string& name) {
  return {TargetKind::room, name};
}

}  // namespace chat262::broker::test

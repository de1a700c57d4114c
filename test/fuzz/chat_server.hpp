// One whole server in memory for the fuzzer: core, tables and service are real, and the log's disk
// and the clock are simulated (test/support/disk.hpp). It is the whole cluster. Its tables lie in
// memory (/dev/shm) and are emptied, not made again, for each input.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/node.hpp"
#include "broker/service.hpp"
#include "test/support/disk.hpp"
#include "test/support/scratch.hpp"
#include "test/support/simulated_log.hpp"

namespace chat262::fuzz {

// Tables that outlive an input.
class LastingTables {
 public:
  LastingTables();

  // Empty, as those of a new server.
  store::Tables& fresh();
  // As a restarted server finds them.
  store::Tables& reopened(const store::Log& log);

 private:
  test::Scratch directory_;
  std::unique_ptr<store::Tables> tables_;
};

// Of what the tables hold, and not of the server.
[[nodiscard]] bool reads_chat(const RequestBody& body);

class ChatServer final : private broker::NodeHost,
                         public broker::Replies,
                         public broker::PasswordWorkers {
 public:
  explicit ChatServer(LastingTables& tables);
  ~ChatServer() override;

  // ---- clients

  struct Asked {
    Request request;
    std::optional<Reply> reply;
  };
  // Hands in the request; its number is where `asked()` has it.
  std::size_t ask(const Request& request);
  [[nodiscard]] const Asked& asked(std::size_t number) const { return asked_[number]; }
  [[nodiscard]] std::size_t asked_count() const { return asked_.size(); }
  // Those of earlier lives are never answered.
  [[nodiscard]] bool all_answered() const;

  // ---- time and disk

  // Carries out what is under way, as far as the disk lets it.
  void work();
  void pass(std::int64_t ms);
  void jump_wall_clock(std::int64_t ms) { wall_ms_ += ms; }
  // Lets time pass until it serves. False: it does not, for many seconds.
  [[nodiscard]] bool comes_to_serve();
  void set_frozen(bool frozen);
  void set_full(bool full);
  void seal_tables();
  void write_tables();
  void check_tables();
  // A new life on the same disk. `lands`: the write that was under way is on it. `more`: how many
  // committed entries the log has in memory.
  void restart(bool lands, std::uint64_t more);

  // It serves, nothing is under way, and all of the log is committed and applied.
  [[nodiscard]] bool at_rest() const;
  [[nodiscard]] bool healthy() const { return !disk_.frozen && !disk_.full; }
  [[nodiscard]] const std::vector<Entry>& log() const { return disk_.content.log.entries(); }
  [[nodiscard]] const store::Tables& tables() const { return *tables_; }

 private:
  void send(ServerId /*to*/, peer::Message /*message*/) override {}
  void persist(replica::Persist write) override;
  void read_log(replica::ReadLog range) override { reads_.push_back(range); }
  void probe(ServerId /*peer*/) override {}
  void note(replica::NoteLevel /*level*/, const std::string& /*text*/) override {}
  void reply(broker::ReplyTo to, const Reply& reply) override;
  [[nodiscard]] bool start(broker::PasswordJob job) override;

  void open(store::Tables& tables);
  void open_log(std::uint64_t more);
  void turn();
  bool hash_password();
  bool write_disk();
  bool answer_read();
  [[nodiscard]] bool serves() const;
  [[nodiscard]] broker::Now now() const;
  [[nodiscard]] test::Time disk_time() const { return now_ms_ * test::milliseconds; }

  LastingTables& lasting_;
  ClusterConfig cluster_;
  test::Disk disk_;
  std::unique_ptr<test::SimulatedLog> log_;
  store::Tables* tables_ = nullptr;
  std::unique_ptr<broker::Node> node_;
  std::unique_ptr<broker::Service> service_;
  std::int64_t now_ms_ = 1'000'000;
  std::int64_t wall_ms_ = 1'700'000'000'000;
  bool sealed_ = false;
  std::deque<replica::ReadLog> reads_;
  std::deque<broker::PasswordJob> jobs_;
  std::vector<Asked> asked_;
  std::size_t first_of_life_ = 0;  // in asked_
};

}  // namespace chat262::fuzz

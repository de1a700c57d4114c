// The server's worker threads. Each takes its work from a queue and answers through the Inbox.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "broker/inbox.hpp"
#include "broker/password.hpp"
#include "broker/replica/io.hpp"
#include "broker/work_queue.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

// The log's write transactions: all that is queued becomes one durable commit. Answers Persisted or
// PersistFailed, DiskRoom when the disk's room comes and goes, Fatal on an I/O error.
class LogThread {
 public:
  LogThread(store::Log& log, Inbox& inbox);
  ~LogThread();  // carries out what is queued
  void persist(replica::Persist write);
  // To be called when a PersistFailed is taken from the Inbox, before the core hears of it: every
  // write queued before this call fails with it, later ones are tried again.
  void resume();
  // Answers RepairWritten.
  void repair(const Hash& previous, std::vector<Entry> entries);

 private:
  struct Resume {};
  struct RepairJob {
    Hash previous{};
    std::vector<Entry> entries;
  };
  using Work = std::variant<replica::Persist, Resume, RepairJob>;
  void run();
  void carry_out(const RepairJob& job);
  void carry_out(std::vector<Work>& work);
  void look_for_room();

  store::Log& log_;
  Inbox& inbox_;
  WorkQueue<Work> queue_;
  bool failed_ = false;  // until the next Resume
  bool full_ = false;
  std::thread thread_;
};

// Writes entries back into a log; what became of it.
[[nodiscard]] RepairWritten write_repair(store::Log& log, const Hash& previous,
                                         std::span<const Entry> entries);
// A deleted account's texts do not come back with a peer's entries.
void erase_texts_of_deleted(const store::Tables& tables, std::vector<Entry>& entries);
// What this server has of the entries that another one asks for. Nothing if its own are damaged:
// the asker must not believe that they are nowhere.
[[nodiscard]] std::optional<peer::RepairAnswer> read_for_peer(const store::Log& log,
                                                              const peer::RepairAsk& ask);

// Ranges of the log from disk. Answers LogRead or ReadDamaged, and PeerRead.
class ReaderThread {
 public:
  ReaderThread(const store::Log& log, Inbox& inbox);
  ~ReaderThread();
  void read(replica::ReadLog range);
  // Passed over if too much is queued: the peer asks again.
  void read_for(ServerId to, const peer::RepairAsk& ask);

 private:
  struct PeerAsks {
    ServerId to{};
    peer::RepairAsk ask;
  };
  void run();
  void read_range(const replica::ReadLog& range);

  const store::Log& log_;
  Inbox& inbox_;
  WorkQueue<std::variant<replica::ReadLog, PeerAsks>> queue_;
  std::thread thread_;
};

// The tables' write-behind. Answers TablesWritten, or Fatal.
class TablesThread {
 public:
  TablesThread(store::Tables& tables, store::Log& log, Inbox& inbox);
  ~TablesThread();
  // The tables hold a sealed generation. Not again before TablesWritten.
  void write_behind();

 private:
  struct Job {};
  void run();

  store::Tables& tables_;
  store::Log& log_;
  Inbox& inbox_;
  WorkQueue<Job> queue_;
  std::thread thread_;
};

// Argon2id. Answers PasswordDone.
class Hashers : public PasswordWorkers {
 public:
  Hashers(Inbox& inbox, const PasswordCost& cost);
  ~Hashers() override;
  [[nodiscard]] bool start(PasswordJob job) override;

 private:
  void run();

  Inbox& inbox_;
  const PasswordCost cost_;
  WorkQueue<PasswordJob> queue_;
  std::vector<std::thread> threads_;
};

}  // namespace chat262::broker

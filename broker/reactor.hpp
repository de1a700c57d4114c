// The server: owns all sockets, the node, the service and the worker threads, and turns the loop
// that lets them meet. Everything here runs on one thread.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker/audit.hpp"
#include "broker/config.hpp"
#include "broker/gateway.hpp"
#include "broker/held_reads.hpp"
#include "broker/inbox.hpp"
#include "broker/io_threads.hpp"
#include "broker/journal.hpp"
#include "broker/listener.hpp"
#include "broker/members.hpp"
#include "broker/node.hpp"
#include "broker/operator.hpp"
#include "broker/peer_links.hpp"
#include "broker/prober.hpp"
#include "broker/repair.hpp"
#include "broker/scrub.hpp"
#include "broker/service.hpp"
#include "broker/turnstile.hpp"
#include "broker/workers.hpp"
#include "broker/zap.hpp"
#include "store/log.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

class Reactor final : private NodeHost, private RepairHost, private ScrubHost {
 public:
  // Opens the data directory and the sockets. `signals`: a signalfd; what it says ends the server.
  static Result<std::unique_ptr<Reactor>> open(const Config& config, Journal& journal, int signals);
  ~Reactor() override;

  // Until a signal or a fault. The exit code.
  int run();

 private:
  Reactor(const Config& config, Journal& journal, int signals);
  Result<void> start();

  // NodeHost
  void send(ServerId to, peer::Message message) override;
  void persist(replica::Persist write) override;
  void read_log(replica::ReadLog range) override;
  void probe(ServerId peer) override;
  void log_damaged(Seq at) override;
  // RepairHost, and both
  void send_repair(ServerId to, peer::Body body) override;
  void write_repair(const Hash& previous, std::vector<Entry> entries) override;
  void repair_moved() override { repair_moved_ = true; }
  void note(replica::NoteLevel level, const std::string& text) override;
  // ScrubHost
  void begin_scrub() override;
  [[nodiscard]] reply::Scrub scrub() const override;

  // Damage in what the start needs is repaired before this server says a word to anybody else.
  Result<void> repair_before_start();
  Result<void> repair_start_turn();
  Result<void> start_damage_moved();
  bool take_repair_message(peer::Message& message);
  void hold_read(const replica::ReadLog& range);
  void keep_log();

  void turn();
  void take_time();
  [[nodiscard]] long poll_ms() const;
  void take_completions();
  void take_peer_messages();
  void take_broken_links();
  void take_client_requests();
  // Where the servers are, as the log says now.
  void keep_members();
  // Another server's word that this machine was replaced. False: the message is another one.
  bool take_superseded(const peer::Message& message);
  void stop_replaced(const Place& by, const std::string& says);
  void move_peer(ServerId peer);

  // reactor_keys.cpp
  Result<void> listen();
  Result<void> serve_present_key();
  // Which keys the servers have, as the log says now.
  void keep_keys(Seq commit);
  void change_over(const PublicKey& key);
  void admit();
  void keep_handshakes();
  void tell_news(const ZapHandler::News& news);
  void take_resolved();
  void note_difference();
  void keep_tables();
  void write_tables_behind();
  void look_around();
  void report_ready();
  void begin_stop();
  [[nodiscard]] bool stopped() const;
  void finish_stop();
  void fatal(const std::string& text);

  const Config& config_;
  Journal& journal_;
  const int signals_;

  // In this order: what comes later uses what comes before, and is gone before it.
  std::unique_ptr<store::Log> log_;
  std::unique_ptr<store::Tables> tables_;
  std::unique_ptr<AuditFile> audit_file_;
  std::unique_ptr<Audit> audit_;
  Inbox inbox_;
  zmq::context_t context_{io_threads};
  Turnstile turnstile_;
  OwnKeys own_keys_;                 // in a cluster with keys, as the next four
  std::unique_ptr<ZapHandler> zap_;  // before the sockets that it is for
  std::vector<KnownKey> admitted_;
  Listener client_listener_;
  Listener peer_listener_;
  Gateway gateway_;
  Gateway control_;  // the operator's
  Members members_;
  std::map<ServerId, Address> peers_;  // numeric, where it is known
  PeerLinks links_;
  Prober prober_;
  std::unique_ptr<LogThread> log_thread_;
  std::unique_ptr<ReaderThread> reader_thread_;
  std::unique_ptr<TablesThread> tables_thread_;
  std::unique_ptr<Hashers> hashers_;
  std::unique_ptr<ScrubThread> scrub_thread_;
  std::unique_ptr<Repair> repair_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Operator> operator_;

  Now now_;
  replica::Clock started_{};
  replica::Clock next_write_behind_{};
  replica::Clock next_look_{};
  replica::Clock next_figures_{};
  replica::Clock next_clock_look_{};
  HeldReads held_reads_;
  std::optional<RepairWritten> start_written_;  // before there is a log thread
  Scrubbed scrubbed_;
  struct AskedScrub {  // the newest pass that an operator asked for
    std::uint64_t pass = 0;
    std::optional<Scrubbed> ended;
    RepairFigures before;  // when it began
    unsigned rebuilds_before = 0;
  };
  AskedScrub asked_scrub_;
  std::vector<store::ReplacedServer> replaced_;  // as the log said last, and DIR/replaced
  std::vector<store::ServerKey> server_keys_;    // the same of keys, and DIR/server-keys
  std::optional<replica::Clock> rekey_links_at_;
  std::map<std::string, replica::Clock> told_;  // by address: whom handshakes were refused
  std::string difference_;                      // of the cluster file, as it was noted
  std::map<ServerId, std::future<Result<Address>>> resolving_;
  bool repair_moved_ = false;
  bool writing_behind_ = false;
  bool stopping_ = false;
  bool ready_ = false;
  bool new_disk_ = false;  // it was at the start, and the server was not in-sync since
  bool replaced_by_another_ = false;
  bool failed_ = false;
  bool more_input_ = false;  // a socket held more than one turn takes

  std::vector<zmq::pollitem_t> items_;
  std::vector<Completion> completions_;
  std::vector<peer::Message> messages_;
  std::vector<PeerLinks::Broken> broken_;
  std::vector<replica::ProbeResult> probed_;
  std::vector<std::string> notes_;
};

}  // namespace chat262::broker
